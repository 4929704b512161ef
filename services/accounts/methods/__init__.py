"""Passkeys, passwords and one-time codes (TOTP)."""
