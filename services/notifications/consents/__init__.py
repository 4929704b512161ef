"""Consents: which person allowed which office what, and until when (rules and rows)."""
