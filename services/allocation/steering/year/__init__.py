"""A year of an invented Kreis, lived twice: steered, and first come, first served."""
