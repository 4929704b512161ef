"""Reads the law as dated documents, checks them and looks up what holds on a day."""
