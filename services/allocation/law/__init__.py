"""The law as dated documents: read, checked, looked up by day."""
