"""Keeps what municipalities decide within the law: dated policies, and travel times."""
