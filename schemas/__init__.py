"""The published language: every event that crosses a topic, and nothing else."""
