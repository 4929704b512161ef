"""Weekly suppressed counts: all that the steering side hears of the support side."""
