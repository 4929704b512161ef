"""Names and contact data, encrypted; every look at them has a purpose and is logged."""
