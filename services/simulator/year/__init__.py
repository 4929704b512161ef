"""Invented years, played steered and unsteered, and compared."""
