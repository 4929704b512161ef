"""Who sits where: exact, lexicographic, deterministic; knows numbers only, no people and no courses."""
