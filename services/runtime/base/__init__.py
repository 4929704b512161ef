"""What everything else needs: clock, settings, logs, metrics, failures, retries, timers."""
