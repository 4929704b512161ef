"""Erasing people at the doors."""
