"""Pages of one person by reference."""
