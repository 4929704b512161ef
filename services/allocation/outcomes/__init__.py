"""What came of courses: the totals that providers report at their end."""
