"""Steering runs: due regions, snapshots, results, their storage and audit."""
