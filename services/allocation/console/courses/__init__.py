"""Pages of courses and providers."""
