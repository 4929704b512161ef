"""Holds what a handler gets and returns: events, verdicts, subscriptions, known publishers."""
