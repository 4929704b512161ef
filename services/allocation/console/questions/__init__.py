"""Pages of questions to the engine."""
