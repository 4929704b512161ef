"""The runtime's metrics: every name in one place, all label values made at the start."""
