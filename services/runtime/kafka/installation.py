"""Reads and announces which installation a broker's topics belong to; it blocks, so use it in threads."""

import time
from datetime import UTC, datetime

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from schemas.codes import InstallationKind
from schemas.envelope import Decoded, Event, decode, encode_data, encode_headers
from schemas.installation import InstallationAnnounced
from schemas.topics import Family, topic
from services.runtime.base.installation import Found, Identity, InstallationError
from services.runtime.kafka.administration import KafkaAddress, librdkafka_options

_SECONDS = 15.0
_PAUSE = 0.05
_LEADERLESS = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
_ABSENT = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED)


def found_on(address: KafkaAddress, prefix: str, *, seconds: float = _SECONDS) -> Found:
    """Say which installation the topics of a prefix belong to."""
    name = topic(Family.INSTALLATION, prefix=prefix)
    return Found(f"Kafka at {address.servers} (topic {name})", identity_on(address, name, seconds=seconds))


def identity_on(address: KafkaAddress, name: str, *, seconds: float = _SECONDS) -> Identity | None:
    """Return the installation that a topic announces; None if there is no such topic or nothing on it.

    Raises:
        InstallationError: what it announces cannot be read.
    """
    consumer = Consumer(
        librdkafka_options(address) | {"group.id": "never-joined", "enable.auto.commit": False}
    )
    try:
        known = consumer.list_topics(name, timeout=seconds).topics[name]
        if known.error is not None and known.error.code() in _ABSENT:
            return None
        first, end = _ends(consumer, name, seconds)
        last = _last(consumer, name, end, seconds) if end > first else None
    finally:
        consumer.close()
    return None if last is None else _read(name, last)


def _ends(consumer: Consumer, name: str, seconds: float) -> tuple[int, int]:
    """Return begin and end of a topic, waiting for the leader of one that was made just now."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return consumer.get_watermark_offsets(TopicPartition(name, 0), timeout=seconds)
        except KafkaException as error:
            if error.args[0].code() not in _LEADERLESS or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)


def _last(consumer: Consumer, name: str, end: int, seconds: float) -> Message | None:
    """Return the last record below `end`; compaction may have left gaps, but never takes the last one."""
    consumer.assign([TopicPartition(name, 0, OFFSET_BEGINNING)])
    last: Message | None = None
    deadline = time.monotonic() + seconds
    while last is None or last.offset() != end - 1:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name} could not be read to its end")
        message = consumer.poll(0.5)
        if message is None:
            continue
        error = message.error()
        if error is None:
            last = message
        elif error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:  # of a group that is never joined
            raise KafkaException(error)
    return last


def _read(name: str, message: Message) -> Identity:
    headers = dict(message.headers() or [])
    decoded = decode([(key, text) for key, text in headers.items() if text is not None], message.value())
    if isinstance(decoded, Decoded) and isinstance(said := decoded.event.data, InstallationAnnounced):
        try:
            return Identity(said.id, InstallationKind(said.kind))
        except ValueError:
            pass
    raise InstallationError(f"The last record of {name} does not say which installation this is.")


def announce(address: KafkaAddress, prefix: str, identity: Identity) -> None:
    """Announce which installation the topics of a prefix belong to, once."""
    name = topic(Family.INSTALLATION, prefix=prefix)
    if identity_on(address, name) == identity:
        return
    said = InstallationAnnounced(id=identity.id, kind=identity.kind)
    event = Event(
        id=str(identity.id), type=said.type_, source="/administration", time=datetime.now(UTC), data=said
    )
    producer = Producer(librdkafka_options(address) | {"acks": "all"})
    failed: list[KafkaError] = []
    producer.produce(
        name,
        encode_data(said),
        key=said.subject_key(""),
        headers=dict(encode_headers(event)),
        on_delivery=lambda error, _message: failed.append(error) if error is not None else None,
    )
    left = producer.flush(_SECONDS)
    if failed:
        raise KafkaException(failed[0])
    if left:
        raise TimeoutError(f"{name} took no record within {_SECONDS:.0f} s")
