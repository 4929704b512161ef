"""Solves assignment problems exactly; it knows people, courses, pairs and tiers, and no Kreis."""
