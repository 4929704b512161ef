"""Holds the plumbing of every service; knows no word of the field."""
