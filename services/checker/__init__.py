"""The independent checker of stored runs; it imports the standard library only."""
