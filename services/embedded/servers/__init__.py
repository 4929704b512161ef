"""The embedded PostgreSQL and Apache Kafka."""
