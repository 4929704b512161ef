"""Exact, lexicographic, deterministic assignment on numbers alone."""
