"""The policy as forms: its fields with words and bounds, read from and written into the document."""
