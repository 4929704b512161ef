"""Simulates a Kreis: plays its people through the public doors, and compares invented years."""
