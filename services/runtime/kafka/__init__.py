"""Holds access to Kafka: addresses, administration, what the broker knows, tolerant unpacking."""
