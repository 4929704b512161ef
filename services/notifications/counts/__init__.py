"""Weekly suppressed counts, the only thing that the steering side learns from the support side."""
