"""Sheets for people, in eight languages: consent form, offer, reminder; as PDF and as parts of pages."""
