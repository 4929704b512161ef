"""Reads whole topics, as a test looks at them."""

import aiokafka
from aiokafka import ConsumerRecord, TopicPartition

from services.runtime.kafka.administration import client_options, parse_address


async def everything_on(address: str, topic: str) -> list[ConsumerRecord]:
    """Read all records of a topic, by partition and offset."""
    consumer = aiokafka.AIOKafkaConsumer(
        **client_options(parse_address(address)), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in sorted(await _partitions(consumer, topic))]
        ends = await consumer.end_offsets(partitions)
        consumer.assign(partitions)
        records: list[ConsumerRecord] = []
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                polled = await consumer.getmany(partition, timeout_ms=1000)
                records += polled.get(partition, [])
        return records
    finally:
        await consumer.stop()


async def _partitions(consumer: aiokafka.AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer.topics()
    consumer.assign([TopicPartition(topic, 0)])
    await consumer.end_offsets([TopicPartition(topic, 0)])
    return set(consumer.partitions_for_topic(topic) or ())
