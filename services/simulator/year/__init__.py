"""Simulates invented years with and without steering; every world meets the very same people and courses."""
