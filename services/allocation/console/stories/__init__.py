"""Tells how it stands with a person or a course, and what happens next: the beginnings of their pages."""
