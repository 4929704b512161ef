"""Runs an installation on one machine: PostgreSQL, Apache Kafka and the services under a supervisor."""
