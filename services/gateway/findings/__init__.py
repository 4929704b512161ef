"""Findings: what became of publishers' records; and the events addressed to publishers."""
