"""Published figures of the support side: what the steering side may learn from it, and nothing else."""
