"""Defines what services program against to read events: incoming events, verdicts, subscriptions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import asyncpg

from schemas.envelope import Event, Problem
from schemas.topics import Family

__all__ = [
    "Applied",
    "Handler",
    "Incoming",
    "Keep",
    "Parked",
    "Problem",
    "RecordPosition",
    "Rejected",
    "Subject",
    "Subscription",
    "Verdict",
    "opens_nothing",
]


Subject = tuple[str, str]
"""A full topic name and what an event is about: events are kept in order within it, never across topics."""


@dataclass(frozen=True, slots=True)
class RecordPosition:
    """Locates a record, so that it can be read back from Kafka."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """One valid event of a publisher that may send it, seen for the first time."""

    position: RecordPosition
    family: Family
    publisher: str | None  # slug, taken from the topic; None on our own topics
    event: Event
    cause: UUID  # schemas.identity.event_uuid(publisher, family, id)
    subject: str  # payload.subject_key(publisher): course or participant id as text

    @property
    def subject_in_topic(self) -> Subject:
        """Return the subject within which this event keeps its order."""
        return self.position.topic, self.subject


@dataclass(frozen=True, slots=True)
class Applied:
    """The event had its effect; `unlocks` names what has become known by it, e.g. `course:<uuid>`."""

    warnings: tuple[Problem, ...] = ()
    unlocks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """The event has no effect and never will: a quarantine row and a finding."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Parked:
    """The event waits for something not yet known, and later events of its subject wait behind it.

    `keep` replaces the stored JSON data, for what must not be written while it waits.
    """

    waits_for: str
    problem: Problem
    keep: bytes | None = None


Verdict = Applied | Rejected | Parked


class Handler(Protocol):
    """Decides a batch in offset order and writes it set-based; raises only for bugs and database errors.

    It runs inside the loop's transaction (and may be run again on other cuts of the same batch after
    a savepoint was rolled back), so its only effects are rows on `conn`. One verdict per incoming event.
    """

    async def __call__(
        self, conn: asyncpg.Connection, batch: Sequence[Incoming], now: datetime, /
    ) -> Sequence[Verdict]:
        """Return one verdict per event, in the same order."""
        ...


class Keep(Protocol):
    """Reduces events to what may be stored while they wait."""

    async def __call__(
        self, conn: asyncpg.Connection, batch: Sequence[Incoming], /
    ) -> Sequence[bytes | None]:
        """Return the JSON data to keep for each event; None for all of it."""
        ...


def waits_its_turn(_event: Incoming) -> bool:
    """Return that an event waits behind parked ones of its subject."""
    return False


def opens_nothing(_event: Incoming) -> tuple[str, ...]:
    """Return no keys: the event makes nothing known."""
    return ()


@dataclass(frozen=True, slots=True)
class Subscription:
    """A consumer group of a service: its topics, its handler, and whether it judges.

    Either `pattern` (a regular expression of full topic names) or `topics` (full names).
    `findings` is the full name of the topic to which verdicts on publishers' records are reported.
    A subscription that does not `judge` reads silently: what is invalid or not allowed is skipped
    without finding, for somebody else reports it.
    `keep` says what of an event's data may be stored while it waits although the handler was not asked
    (it is parked behind another one, or its publisher is not known yet); without it, all of it is kept.
    `opens` says which keys an event would make known if applied (`course:<uuid>`); such an event is
    tried at once even if earlier events of its subject are parked waiting for exactly that.
    `overtakes` says which events are decided before whatever of their subject is parked.
    """

    name: str
    handler: Handler
    pattern: str | None = None
    topics: tuple[str, ...] = ()
    findings: str | None = None
    judge: bool = False
    keep: Keep | None = None
    opens: Callable[[Incoming], tuple[str, ...]] = opens_nothing
    overtakes: Callable[[Incoming], bool] = waits_its_turn
