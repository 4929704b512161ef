"""The field's words in German and English: codes, reasons, places; for the pages of both sides."""
