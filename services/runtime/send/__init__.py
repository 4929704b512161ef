"""Holds the outbox and the relay that sends its rows to Kafka."""
