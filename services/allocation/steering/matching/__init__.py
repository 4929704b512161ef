"""Matches people and places of a snapshot by hard rules, goals and seats."""
