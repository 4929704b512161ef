"""What became of a publisher's records, and what is addressed to it."""
