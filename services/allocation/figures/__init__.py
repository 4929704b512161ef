"""Published figures of the steering side, and what is reported of a course that has ended."""
