"""Counselling offices: their directory, and which of them is responsible for a person."""
