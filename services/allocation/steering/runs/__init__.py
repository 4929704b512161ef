"""Runs the steering of regions that are due; stores, replays, audits and forgets runs."""
