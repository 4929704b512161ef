"""Talking to the broker: addresses, administration, ends of partitions, robust polls."""
