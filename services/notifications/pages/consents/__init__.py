"""Consent on pages: the form to print in eight languages, what a class has signed, evidence."""
