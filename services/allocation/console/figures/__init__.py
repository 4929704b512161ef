"""Pages of figures: what came of it."""
