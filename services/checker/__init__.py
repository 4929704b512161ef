"""Checks stored runs with the standard library alone; it shares no code with what makes them.

`python -m services.checker FILE...` checks a run's parts as the console gives them away.
"""
