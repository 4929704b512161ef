"""Defines the facts about people that steering needs: who is on the list, who left, who is the same."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal
from uuid import UUID

Status = Literal["active", "left", "completed", "withdrawn", "merged"]
"""`active`: wants a place or has one; a new registration makes everybody but merged people active again."""


@dataclass(frozen=True, slots=True)
class ParticipantFacts:
    """What the registering office says; no name, no birth date."""

    kreis: str
    town: str
    standing: str
    route: str
    course_types: tuple[str, ...]
    granted_on: date | None = None
    valid_until: date | None = None
    cooperation_plan: bool = False
    hours_left: int | None = None
    available: tuple[str, ...] = ()
    earliest_start: date | None = None
    needs_childcare: bool = False
    needs_women_only: bool = False
    needs_barrier_free: bool = False
    youth_until: str | None = None
    asylum_phase: str | None = None
    """For the support side, which is told what is judged; steering never looks at it."""
    max_travel_minutes: int | None = None
    available_days: tuple[str, ...] = ()
    family: str | None = None
    """The office's reference of people who attend the same course or wait together."""


@dataclass(frozen=True, slots=True)
class PlacementTest:
    """A placement test as its office reported it; `event` names the report."""

    event: UUID
    participant: UUID
    tested_on: date
    level: str
    section: int
    course_type: str | None = None
    stands: bool = True


@dataclass(frozen=True, slots=True)
class Participant:
    """A person by reference."""

    participant: UUID
    office: str
    reference: str
    facts: ParticipantFacts
    registered_on: date
    first_registered_on: date
    returns: int = 0
    status: Status = "active"
    tested_on: date | None = None
    level: str | None = None
    section: int | None = None
    tested_type: str | None = None
    withdrawn_on: date | None = None
    withdraw_reason: str | None = None
    merged_into: UUID | None = None
    registered_again_on: date | None = None
    """Latest registration said while the person was on the list; it counts once a course ended before."""
    version: int = 1
    stated: int = 0
    """Version of the last ParticipantStated; 0: none was told yet."""
    stated_as: int = 0
    """Which facts that ParticipantStated had (`messages.PERSON_FACTS`)."""


def register(  # noqa: PLR0917 - a person's first facts
    known: Participant | None,
    participant: UUID,
    office: str,
    reference: str,
    facts: ParticipantFacts,
    day: date,
) -> Participant:
    """Enter a person, or take what the office now says; somebody who had gone comes back."""
    if known is None:
        return Participant(participant, office, reference, facts, registered_on=day, first_registered_on=day)
    back = known.status in {"left", "completed", "withdrawn"}
    again = None if back else max(known.registered_again_on or known.registered_on, day)
    return replace(
        known,
        facts=facts,
        reference=reference,
        registered_on=day if back else known.registered_on,
        registered_again_on=again if again != known.registered_on else None,
        returns=known.returns + (1 if known.status in {"left", "withdrawn"} else 0),
        status=known.status if known.status == "merged" else "active",
        withdrawn_on=None,
        withdraw_reason=None,
        version=known.version + 1,
    )


def correct_registration(known: Participant, facts: ParticipantFacts, day: date) -> Participant:
    """Take facts that were wrong from the start."""
    return replace(
        known,
        facts=facts,
        registered_on=day,
        first_registered_on=day
        if known.registered_on == known.first_registered_on
        else min(day, known.first_registered_on),
        version=known.version + 1,
    )


def change(known: Participant, facts: Mapping[str, Any]) -> Participant:
    """Take the facts that changed; all others stay."""
    return replace(known, facts=replace(known.facts, **facts), version=known.version + 1)


def withdraw(known: Participant, day: date, reason: str) -> Participant:
    """Take a person off the list."""
    return replace(
        known, status="withdrawn", withdrawn_on=day, withdraw_reason=reason, version=known.version + 1
    )


def leave(known: Participant, status: Literal["left", "completed"], day: date) -> Participant:
    """Note that a person who sat in a course has gone; only a new registration puts them back.

    A registration of a later day, or of the same, may have been read before: offices and providers speak
    apart. Who was registered anew on a later day waits again, also if what is said of that day is corrected.
    """
    if known.status != "active" or known.registered_on > max(day, known.first_registered_on):
        return known
    again = known.registered_again_on
    if again is None or again < day:
        return replace(known, status=status, version=known.version + 1)
    return replace(
        known,
        registered_on=again,
        registered_again_on=None,
        returns=known.returns + (1 if status == "left" else 0),
        version=known.version + 1,
    )


def stay(known: Participant) -> Participant:
    """Put somebody back whose leaving was reported wrongly."""
    return replace(known, status="active", version=known.version + 1) if known.status == "left" else known


def back(known: Participant) -> Participant:
    """Put somebody back whom an authority assigns a course after they had been taken off the list."""
    return replace(known, status="active", withdrawn_on=None, withdraw_reason=None, version=known.version + 1)


def repeat_from(known: Participant, section: int) -> Participant:
    """Note that a person has to enter again at a section."""
    return replace(known, section=section, version=known.version + 1)


def take_last_test(known: Participant, tests: Iterable[PlacementTest]) -> Participant:
    """Take the last test that stands, in the order reported; none leaves the level unknown."""
    last = None
    for test in tests:
        last = test if test.stands else last
    return replace(
        known,
        tested_on=last.tested_on if last else None,
        level=last.level if last else None,
        section=last.section if last else None,
        tested_type=last.course_type if last else None,
        version=known.version + 1,
    )


def merge(merged: Participant, into: Participant) -> Participant:
    """Say that `merged` lives on as `into`."""
    return replace(
        merged,
        status="merged",
        merged_into=into.participant,
        withdrawn_on=None,
        withdraw_reason=None,
        version=merged.version + 1,
    )
