"""Plays the providers, offices, coordinators and counsellors of the invented Kreis."""
