"""Names and contact data of people: encrypted, read for a purpose only, every look logged."""
