"""Alerts: one for each enrolment and risk, to one consented counselling office, until somebody answers."""
