"""Accounts: sign-in, organisations, people, roles and sessions of each page service, in its own rows."""
