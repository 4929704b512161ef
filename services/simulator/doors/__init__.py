"""Calls the public HTTP interfaces for the actors, and records what was accepted, refused and mailed."""
