"""The doors: who may say what, and what became of it; keeps no name and knows no rule of the field."""
