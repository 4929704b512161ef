"""The registering office's lists: its people as they stand now, found by name; its open offers."""
