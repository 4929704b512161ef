"""What publishers say: each event decided on the rows of a batch."""
