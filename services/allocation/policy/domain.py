"""Defines policies: what a municipality decides within the rule book, dated, one entry for each change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from schemas.days import LOCAL, local_day
from schemas.identity import course_id
from services.allocation.law import documents
from services.allocation.law.mistakes import DocumentError, Mistake
from services.allocation.law.validation import checked

PACKAGED = Path(__file__).parent / "files" / "default.yaml"
DEMO = PACKAGED.with_name("demo.yaml")

KreisKey = Annotated[str, Field(pattern=r"^[0-9]{5}$")]
"""First five digits of the AGS, in quotation marks."""
TownKey = Annotated[str, Field(pattern=r"^[0-9]{8}$")]
"""The AGS of a town, in quotation marks."""
CourseName = Annotated[str, Field(pattern=r"^[^/\s]+/[^/\s]+$")]
"""A course as `provider/own course id`."""


class Step(StrEnum):
    """Steps that the Kreis can switch to automatic; all others are always somebody's decision."""

    SEND = "send"
    """A proposal for a course of BAMF's is put on the list for BAMF, and waits for its word."""
    RELEASE = "release"
    """A proposal becomes a reservation without a coordinator's confirmation."""
    EXPIRE = "expire"
    """An unanswered reservation ends at its time; what BAMF has not answered, once the course begins."""
    CONFIRM = "confirm"
    """An accepted place is confirmed without waiting for the provider."""
    START = "start"
    """A confirmed place is started on the first day of its section."""
    COMPLETE = "complete"
    """A started place is completed when its course is."""


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), LOCAL).astimezone(UTC)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Reservation(_Part):
    """How long a seat is held; three days work with the person in the room, ten by post (domain.md)."""

    days: Annotated[int, Field(ge=1, le=60)]
    present_days: Annotated[int, Field(ge=1, le=60)]
    by_class: dict[str, Annotated[int, Field(ge=1, le=60)]] = Field(default_factory=dict)
    """Other days for some priority classes, by post; the person in the room always has `present_days`."""

    def until(self, now: datetime, *, present: bool = False, priority_class: str | None = None) -> datetime:
        """Return the end of the last day of a reservation made now."""
        by_post = self.by_class.get(priority_class or "", self.days)
        days = self.present_days if present else by_post
        return _at(local_day(now) + timedelta(days=days + 1), 0)


class Cadence(_Part):
    """When a region is steered: at once for what is urgent, else at a set hour."""

    every: Literal["daily", "weekly"]
    hour: Annotated[int, Field(ge=0, le=23)]
    weekday: Annotated[int, Field(ge=0, le=6)] = 0
    """For weekly: 0 is Monday."""
    near_start_days: Annotated[int, Field(ge=0, le=90)]

    def is_near(self, starts_on: date, now: datetime) -> bool:
        """Return whether a start is so near that free seats in it are urgent."""
        return starts_on <= local_day(now) + timedelta(days=self.near_start_days)

    def due_at(self, waiting_since: datetime | None, urgent_since: datetime | None) -> datetime | None:
        """Return when a region with open requests is to be steered; None: nothing is open."""
        times = [] if urgent_since is None else [urgent_since]
        if waiting_since is not None:
            day = local_day(waiting_since)
            while _at(day, self.hour) < waiting_since or (
                self.every == "weekly" and day.weekday() != self.weekday
            ):
                day += timedelta(days=1)
            times.append(_at(day, self.hour))
        return min(times, default=None)


class Limits(_Part):
    """Hard limits that the municipality sets itself."""

    latest_start_days: Annotated[int, Field(ge=7, le=730)]
    """A place is proposed only if it starts within so many days."""
    late_entry: bool
    """Entries into a running section within the law's limit of UE are offered."""
    late_entry_ue: Annotated[int, Field(ge=0, le=100)] | None = None
    """A limit of the municipality's own; the law's holds if it is lower."""
    travel_minutes: Annotated[int, Field(ge=5, le=240)] | None = None
    """Longest way by the municipality's table of travel times; ways that are not in it are never too long."""

    def late_entry_of(self, law: int) -> int:
        """Return up to how many UE a running section is entered where the law allows so many."""
        own = law if self.late_entry_ue is None else self.late_entry_ue
        return min(law, own) if self.late_entry else 0


class Sizes(_Part):
    """From how many people on courses start, and how many they should have."""

    decide_days: Annotated[int, Field(ge=0, le=182)] = 10
    """A minimum binds from so many days before the start; until then a course collects people.

    Ten: whoever is asked by post can then still answer in time (docs/decisions/0018).
    """
    minimum: dict[str, Annotated[int, Field(ge=0, le=100)]] = Field(default_factory=dict)
    """By course type; the larger one of this and the provider's own holds."""
    target: dict[str, Annotated[int, Field(ge=1, le=100)]] = Field(default_factory=dict)
    """By course type: up to here the goal `viability` fills a course before others."""
    protected_types: tuple[str, ...] = ()
    """Courses of these types start however few people they have."""
    protected_courses: tuple[CourseName, ...] = ()
    """The same for single courses, as `provider/own course id`."""

    def protects(self, course_type: str, course: UUID) -> bool:
        """Return whether a course starts however few people it has."""
        names = (name.partition("/") for name in self.protected_courses)
        return course_type in self.protected_types or any(
            course_id(provider, own) == course for provider, _, own in names
        )


class Quota(_Part):
    """Seats of each course that only some priority classes are given, until shortly before the start."""

    name: Annotated[str, Field(min_length=3, max_length=80)]
    classes: Annotated[tuple[str, ...], Field(min_length=1)]
    seats: Annotated[int, Field(ge=1, le=100)]
    course_types: tuple[str, ...] = ()
    """Empty: all."""
    providers: tuple[str, ...] = ()
    """Empty: all."""
    until_days_before: Annotated[int, Field(ge=0, le=182)] = 0
    """From so many days before the start on the seats are free for everybody."""

    def holds(self, course_type: str, provider: str, days_to_start: int) -> bool:
        """Return whether seats of a course are reserved, so many days before it starts."""
        return (
            (not self.course_types or course_type in self.course_types)
            and (not self.providers or provider in self.providers)
            and days_to_start > self.until_days_before
        )


class Pooling(_Part):
    """An agreement with a neighbour: people may attend courses of either; both policies have to name it."""

    kreis: KreisKey
    until: date | None = None
    """Last day of the agreement."""
    course_types: tuple[str, ...] = ()
    """Empty: all."""


class Town(_Part):
    """Where a town lies, for distances as the crow flies (never a hard rule)."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]


Goal = Literal[
    "priority",
    "deadline",
    "waiting",
    "viability",
    "keep_offer",
    "type_choice",
    "early_start",
    "travel_time",
    "distance",
    "balance",
]


class Policy(_Part):
    """The policy of one Kreis on one day."""

    valid_from: date
    """First day on which it holds, until another one begins."""
    kreise: tuple[KreisKey, ...] = ()
    """The Kreise it holds for; empty: all."""
    source: Annotated[str, Field(min_length=3, max_length=500)]
    """Who decided it and when."""
    automatic: tuple[Step, ...]
    """Steps that need no named person: send, release, expire, confirm, start, complete."""
    reservation: Reservation
    cadence: Cadence
    limits: Limits
    goals: Annotated[tuple[Goal, ...], Field(min_length=1)]
    """From most to least important; each only decides what those before it leave open."""
    towns: dict[TownKey, Town] = Field(default_factory=dict)
    sizes: Sizes = Sizes()
    quotas: tuple[Quota, ...] = ()
    free_choice: Literal["propose", "none"] = "propose"
    """Whether people who are merely entitled and choose freely are proposed places, too (IntV § 7(3))."""
    pooling: tuple[Pooling, ...] = ()
    alternatives: Annotated[int, Field(ge=0, le=10)] = 3
    """How many other places are named with a proposal."""
    explained_days: Annotated[int, Field(ge=30, le=3650)] = 730
    """For so long what a decision rests on is kept, longer while it is open or contested.

    Two years: one in which a decision can be contested by whoever was not told how (§ 58 (2) VwGO,
    § 66 (2) SGG), and the one in which council and auditors look back at it (docs/decisions/0018).
    """

    @model_validator(mode="after")
    def _quotas_are_nested(self) -> Policy:
        """Seats can be reserved for nested groups only: else nobody could say who may sit where."""
        for at, quota in enumerate(self.quotas):
            one = frozenset(quota.classes)
            for earlier in self.quotas[:at]:
                other = frozenset(earlier.classes)
                if not (one <= other or other <= one):
                    raise PydanticCustomError(
                        "quotas_not_nested",
                        "the classes of quotas have to contain each other",
                        {"path": ("quotas", at, "classes"), "other": earlier.name},
                    )
        return self

    def agreement(self, kreis: str, day: date) -> Pooling | None:
        """Return the agreement with a neighbour that holds on a day, as far as this policy goes."""
        return next(
            (one for one in self.pooling if one.kreis == kreis and (one.until is None or day <= one.until)),
            None,
        )

    def automates(self, step: Step) -> bool:
        """Return whether the step happens without a named person."""
        return step in self.automatic

    def version(self) -> str:
        """Return the SHA-256 of the content."""
        content = orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class Policies:
    """All dated entries of an installation."""

    entries: tuple[Policy, ...]

    def on(self, kreis: str, day: date) -> Policy:
        """Return what holds for the Kreis on the day; its own entry goes before one for all.

        Raises:
            LookupError: nothing has been decided for the Kreis.
        """
        holding = [entry for entry in self.entries if entry.valid_from <= day]
        own = [entry for entry in holding if kreis in entry.kreise]
        common = [entry for entry in holding if not entry.kreise]
        if not own and not common:
            raise LookupError(f"no policy holds for {kreis} on {day}")
        return (own or common)[-1]

    def at(self, kreis: str, now: datetime) -> Policy:
        """Return what holds for the Kreis at a business time."""
        return self.on(kreis, local_day(now))


_ONE, _MANY = TypeAdapter(Policy), TypeAdapter(list[Policy])


def fields_of() -> set[str]:
    """Name all fields that a policy has on any level."""
    parts = (Policy, Reservation, Cadence, Limits, Sizes, Quota, Pooling, Town)
    return {name for part in parts for name in part.model_fields}


def policies_of(document: documents.Document) -> list[Policy]:
    """Read a document that holds one policy, or a list of them.

    Raises:
        DocumentError: with the line and column of each mistake.
    """
    if not isinstance(document.value, list):
        return [checked(document, _ONE, fields_of())]
    if not document.value:
        raise DocumentError([document.mistake((), "no_policy")])
    return checked(document, _MANY, fields_of())


def twice(document: documents.Document, entries: Sequence[Policy]) -> Iterator[Mistake]:
    """Look for policies that begin on one day for one Kreis: nobody could say which of them holds."""
    seen: dict[tuple[date, str], int] = {}
    for at, entry in enumerate(entries):
        for kreis in entry.kreise or ("",):
            first = seen.setdefault((entry.valid_from, kreis), at)
            if first != at:
                line = document.place((first,)).line
                yield document.mistake((at, "valid_from"), "policy_twice", {"first": line})


def load_policies(path: Path | None = None) -> Policies:
    """Read the policy file.

    Raises:
        DocumentError: with the file, line and column of each mistake.
    """
    file = path or PACKAGED
    try:
        document = documents.read_file(file)
        entries = policies_of(document)
        if found := list(twice(document, entries)):
            raise DocumentError(found)  # noqa: TRY301 -- told like all others
    except DocumentError as error:
        raise DocumentError(error.mistakes, str(file)) from None
    return Policies(tuple(sorted(entries, key=lambda entry: entry.valid_from)))
