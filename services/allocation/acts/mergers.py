"""Merges weak courses into one on a coordinator's decision about a suggestion, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal
from uuid import UUID, uuid4

import asyncpg

from schemas.codes import SEATED
from schemas.days import local_day
from schemas.placements import CourseMerged
from services.allocation.acts import change_course as changing
from services.allocation.acts.change_course import Changed
from services.allocation.acts.overrides import Overrides
from services.allocation.acts.placements import NotDone
from services.allocation.courses.domain import Course
from services.allocation.placements import domain
from services.allocation.placements.domain import Refusal
from services.allocation.placements.messages import outgoing
from services.allocation.placements.results import DecidedBy
from services.allocation.placements.rulings import Exclusions
from services.allocation.placements.rulings_store import in_force
from services.allocation.rerun import request_rerun
from services.allocation.unit_of_work import Keys, UnitOfWork


@dataclass(frozen=True, slots=True)
class CourseSeen:
    """A course as a suggestion rests on it."""

    course: UUID
    version: int
    taken: int
    """Seats taken in the first section, whoever sits there."""
    people: frozenset[UUID]
    """Who of the Kreis has a seat and has not begun."""


@dataclass(frozen=True, slots=True)
class Merger:
    """A merger to decide: the course that stays and those that do not start, with their providers."""

    kreis: str
    host: UUID
    host_provider: str
    closed: tuple[tuple[UUID, str], ...]
    seen: tuple[CourseSeen, ...]
    """All these courses, as they were when the merger was computed."""
    entering: tuple[tuple[UUID, int], ...] = ()
    """Who waits and is counted in the course that stays, with the version of their facts."""
    unsuited: Mapping[UUID, str] = field(default_factory=dict)
    """Who keeps the seat where it is, with the rules against the course that stays, joined by commas."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that a merger rests on and that has changed since it was computed."""

    code: Literal["course", "seats", "came", "gone", "waits", "excluded"]
    """The course, seats in it; somebody came, has gone, no longer waits so, may not come there."""
    course: UUID | None = None
    participant: UUID | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """A merger that is decided: people who changed to the course that stays, and who kept a closed seat."""

    decision: UUID
    moved: tuple[UUID, ...] = ()
    stayed: tuple[UUID, ...] = ()


class NotMergedError(Exception):
    """A merger is refused; the caller's transaction is rolled back. `differences`: what has changed."""

    def __init__(self, refusal: Refusal, differences: Sequence[Difference] = ()) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
        self.differences = tuple(differences)


@dataclass(frozen=True, slots=True)
class Mergers:
    """Merges weak courses and takes mergers back; the transaction is the caller's."""

    overrides: Overrides

    async def merge(self, conn: asyncpg.Connection, by: DecidedBy, merger: Merger) -> Merged:
        """Close the weak courses, let who sits there change, note who hosts; the transaction is the caller's.

        Everybody's seat is kept: in the course that stays, reserved anew because it is another course than
        the one that was accepted, or where it is, if the course that stays does not suit the person. What
        the providers gave away themselves is theirs to move. The host is not forced to start: the people in
        it and those who are proposed to it decide that. If anything has changed on which the merger rests,
        nothing is done.

        Raises:
            NotMergedError: a course has started, is over, is closed already, or has no seat for all; or
                `suggestion_changed`, with the differences.
        """
        closed, today = sorted(course for course, _ in merger.closed), local_day(by.now)
        keys = Keys(whole_courses={merger.host, *closed}, people={who for who, _ in merger.entering})
        work = await self.overrides.placements.load(conn, keys, by.now)
        if not all(_to_come(work.courses.get(course), today) for course in (merger.host, *closed)):
            raise NotMergedError(Refusal("course_over"))
        exclusions = await in_force(conn, list(work.people), [merger.host, *closed], today)
        if exclusions.closed:
            raise NotMergedError(Refusal("course_closed"))
        changed = _change_all(work, exclusions, merger, by)
        decision = uuid4()
        for course in closed:
            _tell_providers(work, decision, work.courses[course], work.courses[merger.host], holds=True)
        await work.write(conn)
        for course in closed:
            ruled = await self.overrides.rule_course(conn, by, course, "close")
            if isinstance(ruled, NotDone):
                raise NotMergedError(ruled.refusal)
        await _put(conn, by, decision, merger)
        await request_rerun(conn, merger.kreis, "pooling", urgent=True, now=by.now)
        return Merged(decision, changed.moved, changed.stayed)

    async def undo(self, conn: asyncpg.Connection, by: DecidedBy, decision: UUID) -> Changed:
        """Let closed courses go on as before a merger; who has not answered yet has the old seat again.

        Who has accepted the course that stays keeps that seat. The merger no longer counts for the balance
        between the providers (`past_pooling`).

        Raises:
            NotMergedError: it is not known, it was undone already, or a course has started or is over.
        """
        row = await conn.fetchrow("SELECT host, closed FROM pooling_decision WHERE id = $1", decision)
        if row is None:
            raise NotMergedError(Refusal("ruling_unknown"))
        host, closed, today = row["host"], sorted(row["closed"]), local_day(by.now)
        work = await self.overrides.placements.load(conn, Keys(whole_courses={host, *closed}), by.now)
        if not all(_to_come(work.courses.get(course), today) for course in closed):
            raise NotMergedError(Refusal("course_over"))
        for course in closed:
            lifted = await self.overrides.end_course_ruling(conn, by, course)
            if isinstance(lifted, NotDone):
                raise NotMergedError(lifted.refusal)
        changed = _or_raise(changing.change_back(work, host, closed, by))
        for course in closed:
            _tell_providers(work, decision, work.courses[course], work.courses[host], holds=False)
        await work.write(conn)
        return changed


def _change_all(work: UnitOfWork, exclusions: Exclusions, merger: Merger, by: DecidedBy) -> Changed:
    """Let everybody change who can, and note who stays; nothing is written if anything has changed."""
    differences = [*_differences(work, exclusions, merger)]
    if differences:
        raise NotMergedError(Refusal("suggestion_changed"), differences)
    changed, closed = Changed(), sorted(course for course, _ in merger.closed)
    for course in closed:
        who = _movable(work, course, merger.kreis) - merger.unsuited.keys()
        some = _or_raise(changing.change(work, exclusions, course, merger.host, who, by))
        changed = Changed(changed.moved + some.moved, changed.stayed + some.stayed)
    barred = [
        Difference("excluded", participant=person)
        for person in changed.stayed
        if person not in merger.unsuited and exclusions.refusal_of(person, work.courses[merger.host])
    ]
    if barred:
        raise NotMergedError(Refusal("suggestion_changed"), barred)
    for found in [one for course in closed for one in work.live_in(course)]:
        if found.participant in changed.stayed:
            work.take(domain.stay_in_merged(found), by.actor, note=by.note)
    return changed


def _tell_providers(work: UnitOfWork, decision: UUID, course: Course, host: Course, *, holds: bool) -> None:
    """Tell the providers of both courses that one is merged into the other, or no longer."""
    merged = CourseMerged(
        course=course.course,
        provider=course.provider,
        own_course=course.own_course,
        kreis=course.kreis,
        into=host.course,
        into_provider=host.provider,
        into_own_course=host.own_course,
        holds=holds,
        decided_at=work.now,
    )
    # A merger can be undone once more: somebody closes the course by hand in between.
    audience, subject = (course.provider, host.provider), f"{course.course}/{holds}/{work.now.isoformat()}"
    work.tell(outgoing(work.prefix, merged, decision, subject, work.now, audience))


def _movable(work: UnitOfWork, course: UUID, kreis: str) -> frozenset[UUID]:
    """Return who of a Kreis has a seat in a course and has not begun."""
    return frozenset(
        found.participant
        for found in work.live_in(course)
        if found.state in changing.CHANGES and found.kreis == kreis and _of(work, found.participant, kreis)
    )


def _of(work: UnitOfWork, participant: UUID, kreis: str) -> bool:
    person = work.people.get(participant)
    return person is not None and person.facts.kreis == kreis


def _differences(work: UnitOfWork, exclusions: Exclusions, merger: Merger) -> Iterator[Difference]:
    """Yield what has changed of that on which a merger rests."""
    for seen in merger.seen:
        course = work.courses[seen.course]
        if course.version != seen.version:
            yield Difference("course", seen.course)
        now = _movable(work, seen.course, merger.kreis)
        yield from (Difference("came", seen.course, person) for person in sorted(now - seen.people))
        yield from (Difference("gone", seen.course, person) for person in sorted(seen.people - now))
        if now == seen.people and course.version == seen.version and course.held[0].taken != seen.taken:
            yield Difference("seats", seen.course)
    for person, version in merger.entering:
        found, placements = work.people.get(person), work.placements_of(person)
        waits = found is not None and (found.status, found.version) == ("active", version)
        if not waits or any(one.state in SEATED for one in placements):
            yield Difference("waits", participant=person)
        elif exclusions.refusal_of_proposal(person, work.courses[merger.host]) is not None:
            yield Difference("excluded", participant=person)


def _or_raise(outcome: Changed | Refusal) -> Changed:
    if isinstance(outcome, Refusal):
        raise NotMergedError(outcome)
    return outcome


def _to_come(course: Course | None, today: date) -> bool:
    """Return whether a course is announced and has not begun."""
    starts: Sequence[date] = [] if course is None else [section.starts_on for section in course.held]
    return course is not None and course.state == "announced" and bool(starts) and min(starts) > today


async def _put(conn: asyncpg.Connection, by: DecidedBy, decision: UUID, merger: Merger) -> None:
    await conn.execute(
        """
        INSERT INTO pooling_decision
            (id, kreis, host, host_provider, closed, gave_up, reason, actor, decided_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        decision,
        merger.kreis,
        merger.host,
        merger.host_provider,
        [course for course, _ in merger.closed],
        [provider for _, provider in merger.closed],
        by.note,
        by.actor,
        by.now,
    )
