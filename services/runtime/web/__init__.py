"""Holds what the pages of every service need: sessions, CSRF, headers, languages, templates."""
