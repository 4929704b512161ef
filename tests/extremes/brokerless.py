"""Topics in memory: what was said on each, in order, as the readers of records get it from Kafka."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aiokafka import TopicPartition

from schemas.topics import PARTITIONS, parse_topic


@dataclass(frozen=True, slots=True)
class Record:
    """A record with what services/runtime reads of one."""

    topic: str
    partition: int
    offset: int
    headers: tuple[tuple[str, bytes], ...]
    value: bytes
    timestamp: int


@dataclass
class Topics:
    """Everything said so far; services remember by themselves up to where they have read."""

    prefix: str
    said: dict[TopicPartition, list[Record]] = field(default_factory=dict)

    def append(self, topic: str, key: str, headers: Mapping[str, str], value: bytes, now: datetime) -> Record:
        """Put a record at the end of its partition."""
        family, _ = parse_topic(topic, prefix=self.prefix)
        partition = zlib.crc32(key.encode()) % PARTITIONS[family]
        records = self.said.setdefault(TopicPartition(topic, partition), [])
        encoded = tuple((name, text.encode()) for name, text in headers.items())
        records.append(Record(topic, partition, len(records), encoded, value, int(now.timestamp() * 1000)))
        return records[-1]

    def since(self, partition: TopicPartition, offset: int) -> Sequence[Record]:
        """Return what was said on a partition from an offset on."""
        return self.said[partition][offset:]
