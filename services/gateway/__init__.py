"""The doors: who may send what, and what became of it. Stores no name and knows no rule of the field."""
