"""Compares steering with first come, first served on the same invented years: command, page and API."""
