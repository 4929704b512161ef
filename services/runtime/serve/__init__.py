"""Holds the service process: its tasks, what it answers operators, their commands."""
