"""Sending: outbox rows and the relay that carries them to Kafka."""
