"""Policies before others: comments on drafts, and the page that anybody can read."""
