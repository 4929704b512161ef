"""Erasing people on the steering side without breaking proofs and figures."""
