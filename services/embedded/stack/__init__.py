"""Runs the servers and services of an installation under one supervisor, and reports on them."""
