"""Doors for the steering side's pages alone: publishers with their keys, the directory of towns."""
