"""What came of it: cohorts, waits, exits, fill, suppressed below k."""
