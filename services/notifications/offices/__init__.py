"""The directory of counselling offices and which of them is responsible."""
