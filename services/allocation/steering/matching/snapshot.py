"""Defines a snapshot: all that a run decides from, as canonical bytes named by their hash."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import date
from typing import Any
from uuid import UUID

import orjson

from services.allocation.law.rulebook import Rules
from services.allocation.policy.domain import Policy
from services.allocation.steering.matching.domain import Course, Deviation, EntryKey, Offer, Person, Section

FORM = 2
"""Version of the canonical form; a change of it changes every hash."""


Travel = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A region on one day; people and courses are sorted by id, sections by number."""

    region: str
    day: date
    people: tuple[Person, ...]
    courses: tuple[Course, ...]
    rules: Rules
    policy: Policy
    travel: Travel = field(default_factory=dict)
    """Minutes from town to town by the municipality's table, as far as anybody here could need them."""
    pooled: tuple[tuple[str, str], ...] = ()
    """Pairs of Kreise, each in both orders, whose people may attend each other's courses."""
    pooled_types: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """For pairs that have agreed on some course types only: those on which both have."""

    def agreed_types(self, home: str, there: str) -> tuple[str, ...]:
        """Return the course types that two Kreise share; empty: all."""
        if not self.pooled_types:  # snapshots before, and questions about agreements that are not made yet
            types = {one.kreis: one.course_types for one in self.policy.pooling}
            return types.get(there) or types.get(home) or ()
        return next((types for one, other, types in self.pooled_types if (one, other) == (home, there)), ())


def snapshot_of(
    region: str,
    day: date,
    *,
    people: Iterable[Person],
    courses: Iterable[Course],
    rules: Rules,
    policy: Policy,
    travel: Travel | None = None,
    pooled: Iterable[tuple[str, str]] = (),
    pooled_types: Iterable[tuple[str, str, tuple[str, ...]]] = (),
) -> Snapshot:
    """Make a snapshot; the order of the input does not matter."""
    people, courses = tuple(people), tuple(courses)
    homes, venues = {person.town for person in people}, {course.town for course in courses}
    return Snapshot(
        region,
        day,
        tuple(sorted(people, key=lambda person: person.id)),
        tuple(sorted(courses, key=lambda course: course.id)),
        rules,
        policy,
        {way: minutes for way, minutes in (travel or {}).items() if way[0] in homes and way[1] in venues},
        tuple(sorted(pooled)),
        tuple(sorted(pooled_types)),
    )


def _defaults(kind: type) -> dict[str, Any]:
    return {field.name: field.default for field in fields(kind) if field.default is not MISSING}


_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in (Person, Course)}
_DEFAULTS: dict[type, dict[str, Any]] = {kind: _defaults(kind) for kind in (Person, Course)}


def _short(value: Person | Course) -> dict[str, Any]:
    """Return the fields that differ from their defaults."""
    defaults = _DEFAULTS[type(value)]
    known = {name: getattr(value, name) for name in _NAMES[type(value)]}
    return {name: item for name, item in known.items() if name not in defaults or item != defaults[name]}


def _as_text(value: object) -> str:
    """Write what orjson does not know: the driver's own kind of UUID."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)


def encode(snapshot: Snapshot) -> bytes:
    """Write the canonical bytes: JSON with sorted keys, defaults left out."""
    return orjson.dumps(
        {
            "form": FORM,
            "region": snapshot.region,
            "day": snapshot.day,
            "people": [_short(person) for person in snapshot.people],
            "courses": [_short(course) for course in snapshot.courses],
            "rules": snapshot.rules.model_dump(mode="json"),
            "policy": snapshot.policy.model_dump(mode="json"),
            "travel": [[*way, minutes] for way, minutes in sorted(snapshot.travel.items())],
            "pooled": snapshot.pooled,
            **({"pooled_types": snapshot.pooled_types} if snapshot.pooled_types else {}),
        },
        default=_as_text,
        option=orjson.OPT_SORT_KEYS,
    )


def written_people(people: Iterable[Person]) -> list[Any]:
    """Write people as JSON values, as in canonical bytes."""
    written: list[Any] = orjson.loads(orjson.dumps([_short(person) for person in people], default=_as_text))
    return written


def read_people(written: Iterable[Mapping[str, Any]]) -> tuple[Person, ...]:
    """Read what `written_people` wrote."""
    return tuple(_person(person) for person in written)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _person(data: Mapping[str, Any]) -> Person:
    offer, deviation, family = data.get("offer"), data.get("deviation"), data.get("family")
    return Person(
        **{
            **data,
            "id": UUID(data["id"]),
            "registered_on": date.fromisoformat(data["registered_on"]),
            "course_types": tuple(data["course_types"]),
            "granted_on": _day(data.get("granted_on")),
            "valid_until": _day(data.get("valid_until")),
            "available": tuple(data.get("available", ())),
            "last_course_ended_on": _day(data.get("last_course_ended_on")),
            "earliest_start": _day(data.get("earliest_start")),
            "available_days": tuple(data.get("available_days", ())),
            "excluded": tuple(UUID(course) for course in data.get("excluded", ())),
            "barred_courses": tuple(UUID(course) for course in data.get("barred_courses", ())),
            "barred_providers": tuple(data.get("barred_providers", ())),
            "family": None if family is None else UUID(family),
            "deviation": None if deviation is None else Deviation(**deviation),
            "offer": None
            if offer is None
            else Offer(
                UUID(offer["placement"]),
                offer["version"],
                EntryKey(UUID(offer["entry"]["course"]), offer["entry"]["section"]),
            ),
        }
    )


def _course(data: Mapping[str, Any]) -> Course:
    return Course(
        **{
            **data,
            "id": UUID(data["id"]),
            "sections": tuple(
                Section(
                    section["number"],
                    date.fromisoformat(section["starts_on"]),
                    date.fromisoformat(section["ends_on"]),
                    section["ue"],
                    section["free"],
                )
                for section in data["sections"]
            ),
            "times_of_day": tuple(data.get("times_of_day", ())),
            "weekdays": tuple(data.get("weekdays", ())),
            "seated_by": tuple((name, count) for name, count in data.get("seated_by", ())),
            "registration_until": _day(data.get("registration_until")),
            "begins_on": _day(data.get("begins_on")),
        }
    )


def decode(raw: bytes) -> Snapshot:
    """Read canonical bytes back.

    Raises:
        ValueError: they are of another form.
    """
    data = orjson.loads(raw)
    if data["form"] != FORM:
        raise ValueError(f"snapshot form {data['form']} is not {FORM}")
    return Snapshot(
        data["region"],
        date.fromisoformat(data["day"]),
        tuple(_person(person) for person in data["people"]),
        tuple(_course(course) for course in data["courses"]),
        Rules.model_validate(data["rules"]),
        Policy.model_validate(data["policy"]),
        {(home, venue): minutes for home, venue, minutes in data["travel"]},
        tuple((one, other) for one, other in data["pooled"]),
        tuple((one, other, tuple(types)) for one, other, types in data.get("pooled_types", ())),
    )


def address(raw: bytes) -> bytes:
    """Return the name of canonical bytes: their SHA-256."""
    return hashlib.sha256(raw).digest()


def pack(raw: bytes) -> bytes:
    """Compress canonical bytes for storing."""
    return zlib.compress(raw, 3)


def unpack(packed: bytes, name: bytes) -> bytes:
    """Return stored bytes.

    Raises:
        ValueError: they are not those that the name stands for.
    """
    try:
        raw = zlib.decompress(packed)
    except zlib.error as error:
        raise ValueError("stored content is damaged") from error
    if address(raw) != name:
        raise ValueError("stored content does not match its name")
    return raw
