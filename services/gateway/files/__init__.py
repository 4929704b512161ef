"""Imports of files that providers and offices already have: their rows become events."""
