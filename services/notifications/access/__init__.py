"""Tells a person what the support side holds about them (Art. 15 GDPR), by the registry of its tables."""
