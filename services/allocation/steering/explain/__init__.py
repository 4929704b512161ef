"""Explains who got a place and who did not, proves it, and finds what would help."""
