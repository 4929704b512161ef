"""Reads the named figures off every page, file and answer of the console, and says where they disagree."""
