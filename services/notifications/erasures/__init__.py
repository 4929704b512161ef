"""Erasing people on the support side, and the reports of what every service has erased."""
