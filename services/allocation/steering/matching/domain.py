"""Defines what steering decides about: people who wait, courses, and their sections."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True, order=True)
class EntryKey:
    """A place: a seat in a course from one section start on."""

    course: UUID
    section: int


@dataclass(frozen=True, slots=True)
class Offer:
    """An unreleased proposal; it holds no seat, a run may replace it."""

    placement: UUID
    version: int
    entry: EntryKey


@dataclass(frozen=True, slots=True)
class Deviation:
    """An entry against the placement test, for a reason on record (IntV § 11(2))."""

    section: int | None = None
    level: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who waits: the facts that steering needs, by reference."""

    id: UUID
    version: int
    office: str
    town: str
    standing: str
    route: str
    registered_on: date
    course_types: tuple[str, ...]
    granted_on: date | None = None
    valid_until: date | None = None
    cooperation_plan: bool = False
    available: tuple[str, ...] = ()
    earliest_start: date | None = None
    needs_childcare: bool = False
    needs_women_only: bool = False
    needs_barrier_free: bool = False
    level: str | None = None
    section: int | None = None
    excluded: tuple[UUID, ...] = ()
    """Courses this person has declined, left, or was refused by."""
    offer: Offer | None = None
    kreis: str = ""
    """The person's Kreis; empty: the region is one Kreis."""
    hours_left: int | None = None
    """UE that may still be funded (IntV § 14)."""
    available_days: tuple[str, ...] = ()
    """Weekdays on which the person can attend; empty: any."""
    max_travel_minutes: int | None = None
    family: UUID | None = None
    """People with the same one attend the same course or wait together."""
    deviation: Deviation | None = None
    held: bool = False
    """A coordinator has put the person on hold."""
    barred_courses: tuple[UUID, ...] = ()
    """Courses that a coordinator has excluded for this person, with a reason."""
    barred_providers: tuple[str, ...] = ()
    last_course_ended_on: date | None = None
    """Last day on which a course ended in which the person had sat, if that is after the registration."""

    @property
    def waiting_since(self) -> date:
        """The day from which waiting counts: time without a seat (docs/decisions/0033)."""
        return max(self.registered_on, self.last_course_ended_on or self.registered_on)


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a course with the seats still free in it."""

    number: int
    starts_on: date
    ends_on: date
    ue: int | None
    free: int


@dataclass(frozen=True, slots=True)
class Course:
    """A course that has not ended; entries at its sections share its seats."""

    id: UUID
    version: int
    provider: str
    course_type: str
    kind: str
    sections: tuple[Section, ...]
    town: str | None = None
    times_of_day: tuple[str, ...] = ()
    target_level: str | None = None
    childcare: bool | None = None
    women_only: bool = False
    barrier_free: bool | None = None
    online: bool = False
    registration_until: date | None = None
    latitude: float | None = None
    longitude: float | None = None
    kreis: str = ""
    """The course's Kreis; empty: the region is one Kreis."""
    weekdays: tuple[str, ...] = ()
    capacity: int | None = None
    """Seats as announced; None: those that are free."""
    minimum: int | None = None
    """From how many people on the provider lets it start."""
    seated: int = 0
    """People who have a seat already and count towards the minimum."""
    seated_by: tuple[tuple[str, int], ...] = ()
    """How many of them belong to which priority class, as far as they came through steering."""
    begins_on: date | None = None
    """First day of the course's very first section; None: of the first one listed."""
    decision: str | None = None
    """`start` or `close`: a coordinator has decided whether it starts."""
