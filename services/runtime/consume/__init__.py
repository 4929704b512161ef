"""The loop that reads Kafka: polls, judges each batch in one transaction, moves the offsets."""
