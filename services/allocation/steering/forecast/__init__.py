"""What demand to expect: by type, level and town for the next weeks, with intervals and beside the seats."""
