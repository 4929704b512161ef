"""Decides up to which business time a publisher's accepted events are on its topic, and when to say so."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

STEP = timedelta(seconds=60)
"""An idle publisher's T is announced when it has grown by this much."""
PAUSE = 1.0
"""Seconds between two announcements of the same T with other offsets."""

Offsets = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class OutboxSpan:
    """First and last position of a topic's rows in the outbox, in one snapshot."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A business time T that can be announced once the outbox rows up to `last` are on the topic."""

    until: datetime
    last: int


@dataclass(frozen=True, slots=True)
class Announcement:
    """What was last announced of a publisher: T and the end offsets of its topic."""

    until: datetime
    offsets: Offsets


def settled(candidate: Candidate | None, waiting: OutboxSpan | None, now: datetime) -> datetime | None:
    """Return the T before which every accepted event is on its topic; None if that is not known yet.

    `waiting` is a snapshot of the outbox taken after `now` was read: a row committed before T is in
    every later snapshot until the broker has it.
    """
    if waiting is None:
        return now
    if candidate is not None and waiting.first > candidate.last:
        return candidate.until
    return None


def worth_announcing(
    until: datetime, offsets: Offsets, before: Announcement | None, seconds_since: float, step: timedelta
) -> bool:
    """Return whether an announcement tells readers something new; bounds how often one is made."""
    if before is None:
        return True
    if until < before.until:
        return False
    if until - before.until >= step:
        return True
    return offsets != before.offsets and seconds_since >= PAUSE
