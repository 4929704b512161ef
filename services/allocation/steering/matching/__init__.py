"""From a snapshot to who sits where: hard rules, goals, seats."""
