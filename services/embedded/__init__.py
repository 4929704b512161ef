"""PostgreSQL and Apache Kafka for one machine, and who supervises the processes on it."""
