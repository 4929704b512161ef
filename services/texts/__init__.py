"""Holds the texts of both page services: words for codes, sentences for reasons, names of places."""
