"""Import of an office's list of people, CSV or XLSX."""
