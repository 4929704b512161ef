"""Figures of completion: cohorts, metrics, what is reported of a course."""
