"""Sheets on pages: what they say of an offer, the letterhead of an office, the public page of who helps."""
