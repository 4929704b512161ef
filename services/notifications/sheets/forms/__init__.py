"""Keeps the exact wording of each version of the consent form, dated, in each language."""
