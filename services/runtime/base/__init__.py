"""Holds what every other room needs: clock, settings, logs, metrics, failures, timers, child processes."""
