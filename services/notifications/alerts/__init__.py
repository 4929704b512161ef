"""Alerts: one for each enrolment and risk, to one consented office, until somebody answers."""
