"""Pages of the directory of counselling offices: everybody reads it, organisations keep their own offices."""
