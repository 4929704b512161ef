"""Progress: how far each publisher's accepted events have reached its topic."""
