"""Assigns people to courses exactly, lexicographically and deterministically, on numbers alone."""
