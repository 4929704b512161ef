"""Acceptance of events: checked, stored once, and put into the outbox."""
