"""Risks of people in courses: explained rules on what somebody did, never on who somebody is."""
