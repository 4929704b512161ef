"""Stores what is remembered from day to day, after each completed day, so that a restart can go on."""

import os
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from schemas.codes import PlacementState

Door = Literal["event", "registration", "list", "raw"]


class Planned(BaseModel):
    """An event that a publisher is about to send."""

    publisher: str
    id: str
    type: str
    time: datetime
    data: dict[str, Any]
    door: Door = "event"
    corrects: str | None = None
    retracts: str | None = None
    contact: dict[str, Any] | None = None
    official_number: dict[str, str] | None = None
    body: str | None = None
    """Of door `raw`: what a broken program sends; of door `list`: a file as an office keeps it."""
    wrong: bool = False
    """Sent to be refused."""


class Seat(BaseModel):
    """A placement as last heard of."""

    placement: str
    version: int
    state: str
    person: int
    participant: str
    provider: str
    course: str
    office: str
    section: int
    starts_on: date
    ends_on: date
    heard: date
    ended_on: date | None = None

    @property
    def holds(self) -> bool:
        """Whether the person sits in the course or is about to."""
        return self.state in _HOLDING

    @property
    def enrolled(self) -> bool:
        """Whether the provider has confirmed the person."""
        return self.state in _ENROLLED


_ENROLLED = frozenset({PlacementState.CONFIRMED, PlacementState.STARTED, PlacementState.INTERRUPTED})
_HOLDING = _ENROLLED | {PlacementState.RESERVED, PlacementState.ACCEPTED}


class Delayed(BaseModel):
    """An event that is sent later than it happened."""

    due: date
    planned: Planned


class State(BaseModel):
    """What all actors together remember."""

    seed: int
    start: date
    people: int
    day: date | None = None
    """The last completed day."""
    cursors: dict[str, int] = Field(default_factory=dict)
    """Publisher -> how far its addressed events are read."""
    findings: dict[str, int] = Field(default_factory=dict)
    references: dict[int, str] = Field(default_factory=dict)
    """Person -> the office's reference, as registered."""
    known: dict[str, int] = Field(default_factory=dict)
    """Participant id -> person."""
    seats: dict[str, Seat] = Field(default_factory=dict)
    consented: dict[int, date] = Field(default_factory=dict)
    revoked: set[int] = Field(default_factory=set)
    tested: set[int] = Field(default_factory=set)
    withdrawn: set[int] = Field(default_factory=set)
    changed: set[int] = Field(default_factory=set)
    said: set[str] = Field(default_factory=set)
    """Keys of events that are sent once: a placement answered, confirmed, left."""
    returns: dict[int, date] = Field(default_factory=dict)
    returned: dict[int, int] = Field(default_factory=dict)
    announced: set[str] = Field(default_factory=set)
    cancelled: set[str] = Field(default_factory=set)
    completed: set[str] = Field(default_factory=set)
    reported_until: dict[str, date] = Field(default_factory=dict)
    sections_done: dict[str, int] = Field(default_factory=dict)
    delayed: list[Delayed] = Field(default_factory=list)
    counts: dict[str, int] = Field(default_factory=dict)
    days: int = 0
    planned_for: date | None = None
    """The day that is being played; its events are fixed before the first is sent."""
    planned: list[Planned] = Field(default_factory=list)

    def count(self, what: str, by: int = 1) -> None:
        """Add to a figure of the summary."""
        self.counts[what] = self.counts.get(what, 0) + by


def load(path: Path) -> State | None:
    """Read what an earlier run left; None if there was none."""
    if not path.exists():
        return None
    return State.model_validate_json(path.read_bytes())


def save(path: Path, state: State) -> None:
    """Replace the file atomically."""
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(state.model_dump_json().encode())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
