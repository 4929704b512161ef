"""Installs and describes the embedded PostgreSQL and Apache Kafka."""
