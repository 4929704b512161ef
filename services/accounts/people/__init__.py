"""Organisations, people and the roles given inside an organisation."""
