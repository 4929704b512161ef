"""Disclosure control: what may be said in numbers about groups of people, and when. Pure."""
