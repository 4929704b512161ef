"""Webhooks of offices: Standard Webhooks, signed, sent to public addresses only."""
