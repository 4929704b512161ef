"""Attendance, results and risks of people who consented; courses, placements and facts beside them."""
