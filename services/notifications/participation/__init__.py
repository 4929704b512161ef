"""Attendance, results and dropout risks of consenting people; courses, facts and placements."""
