"""Pages of the municipality's policy."""
