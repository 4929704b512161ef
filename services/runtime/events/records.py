"""Parses Kafka records into valid events with their identity, or into problems."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Protocol
from uuid import UUID, uuid5

from schemas.bounds import LATEST, READER_SLACK_DAYS, latest_day
from schemas.days import local_day
from schemas.envelope import EVENT_ID, Problem, attributes, decode_attributes
from schemas.identity import NAMESPACE, event_uuid
from schemas.topics import EVENT_TYPES, PUBLISHERS_FAMILIES, Family, parse_topic
from services.runtime.events.subscription import Incoming, RecordPosition
from services.runtime.kafka.tolerant_records import UndecodableRecord

_HOUR_MS = 3_600_000
_LAST_HOUR = int(datetime(LATEST.year, 1, 1, tzinfo=UTC).timestamp()) // 3600


class RawRecord(Protocol):
    """The part of aiokafka's ConsumerRecord that is read here."""

    @property
    def topic(self) -> str: ...  # noqa: D102
    @property
    def partition(self) -> int: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def headers(self) -> Iterable[tuple[str, bytes]]: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def timestamp(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Readable:
    """A valid event, with its hash for the inbox, its raw form for parking, and warnings."""

    incoming: Incoming
    hash: bytes
    raw: bytes
    attributes: dict[str, str]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that is not a valid event, or one on which its reader fails, and why."""

    position: RecordPosition
    publisher: str | None
    event_id: str | None
    event_type: str | None
    problems: Sequence[Problem]

    @property
    def crashed(self) -> bool:
        """Return whether the fault is its reader's."""
        return self.problems[0].code == "refused_after_crashes"


Reading = Readable | Unreadable


def _undecodable(error: str) -> Problem:
    if error == UnicodeDecodeError.__name__:
        return Problem("header_not_utf8", field="ce_*")
    return Problem("record_undecodable", params={"error": error})


def latest_day_of(record: RawRecord) -> date:
    """Return the latest day that a record may name, by the time at which the broker took it.

    The topics have LogAppendTime: a record read again, or read back for a replay, gets the same verdict.
    """
    return _latest_in_hour(record.timestamp // _HOUR_MS)


@lru_cache(maxsize=1024)
def _latest_in_hour(hours_since_1970: int) -> date:
    hours = min(max(hours_since_1970, 0), _LAST_HOUR)
    day = local_day(datetime.fromtimestamp(hours * 3600, UTC))
    return latest_day(day, slack_days=READER_SLACK_DAYS)


class Reader:
    """Parses the records of one installation; caches the family and publisher of each topic."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._topics: dict[str, tuple[Family, str | None]] = {}

    def read(self, record: RawRecord) -> Reading:
        """Parse one record."""
        position = RecordPosition(record.topic, record.partition, record.offset)
        if isinstance(record, UndecodableRecord):
            found: dict[str, str] | Problem = _undecodable(record.error)
        else:
            found = attributes(record.headers)
        if isinstance(found, Problem):
            publisher = self._meaning(record.topic)[1]
            return Unreadable(position, publisher, None, None, [found])
        return self.read_attributes(position, found, record.value, latest_day_of(record))

    def read_attributes(
        self, position: RecordPosition, found: dict[str, str], raw: bytes | None, latest: date = LATEST
    ) -> Reading:
        """Parse a record, or a parked event, from its CloudEvents attributes and data.

        No day in it may lie after `latest`; a parked event passed that bound when it was read first.
        """
        family, publisher = self._meaning(position.topic)
        decoded = decode_attributes(found, raw, latest)
        if isinstance(decoded, list):
            return Unreadable(position, publisher, *_safe_names(found), decoded)
        event = decoded.event
        if family in PUBLISHERS_FAMILIES and EVENT_TYPES[event.type].family is not family:
            return Unreadable(
                position, publisher, event.id, event.type, [Problem("wrong_topic", field="ce_type")]
            )
        incoming = Incoming(
            position=position,
            family=family,
            publisher=publisher,
            event=event,
            cause=event_uuid(publisher or "", family, event.id),
            subject=event.data.subject_key(publisher or ""),
        )
        return Readable(incoming, decoded.hash, decoded.raw, found, decoded.warnings)

    def set_aside(
        self, position: RecordPosition, read: Reading | None = None, *, times: int, error: str
    ) -> Unreadable:
        """Return what stands for a record on which this service has failed so many times."""
        problem = Problem("refused_after_crashes", params={"times": times, "error": error})
        names: tuple[str | None, str | None] = (None, None)
        match read:
            case Readable(incoming=incoming):
                names = (incoming.event.id, incoming.event.type)
            case Unreadable(event_id=event_id, event_type=event_type):
                names = (event_id, event_type)
        return Unreadable(position, self._meaning(position.topic)[1], *names, [problem])

    def _meaning(self, name: str) -> tuple[Family, str | None]:
        meaning = self._topics.get(name)
        if meaning is None:
            meaning = self._topics[name] = parse_topic(name, prefix=self._prefix)
        return meaning


def position_uuid(cluster: str, position: RecordPosition) -> UUID:
    """Derive a record's id from its position: the cause of findings about it."""
    return uuid5(NAMESPACE, f"record/{cluster}/{position.topic}/{position.partition}/{position.offset}")


def _safe_names(found: dict[str, str]) -> tuple[str | None, str | None]:
    """Return id and type of an invalid record, None where the form is wrong: it might hold values."""
    id_, type_ = found.get("id"), found.get("type")
    return (id_ if id_ and EVENT_ID.match(id_) else None), (type_ if type_ in EVENT_TYPES else None)
