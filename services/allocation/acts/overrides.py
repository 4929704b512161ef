"""Records rulings by which a coordinator overrides steering: hold, exclude, deviate, start or close."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg

from schemas.codes import SEATED
from services.allocation.acts.placements import NotDone, Placements
from services.allocation.courses.domain import Course
from services.allocation.participants.domain import Participant
from services.allocation.placements import rulings_store as store
from services.allocation.placements.domain import Placement, Reason, Refusal, Step, withdraw_proposal
from services.allocation.placements.results import DecidedBy
from services.allocation.placements.rulings import (
    Deviate,
    Exclude,
    ExcludeCourse,
    ExcludeProvider,
    Hold,
    Verdict,
)
from services.allocation.placements.rulings_store import Signed
from services.allocation.unit_of_work import Keys, UnitOfWork, kreise_of


@dataclass(frozen=True, slots=True)
class Ruled:
    """It is on record under this id; None: something was taken back."""

    ruling: UUID | None = None


Answer = Ruled | NotDone


@dataclass(frozen=True, slots=True)
class Overrides:
    """Commands about people and courses; as with `Placements`, the caller's transaction and Kreise.

    The note is kept beside the ruling and in the history of every proposal that it takes back.
    Each asks for steering: at once if it takes a proposal back or a course starts soon.
    """

    placements: Placements

    async def hold(
        self, conn: asyncpg.Connection, by: DecidedBy, participant: UUID, until: date | None
    ) -> Answer:
        """Do not steer somebody until a day; an earlier hold is replaced, an open proposal taken back."""
        work, person = await self._person(conn, participant, by.now)
        if isinstance(person, NotDone):
            return person
        if until is not None and until <= work.today:
            return NotDone(None, Refusal("day_past"))
        signed = Signed.of(person.facts.kreis, by)
        await store.lift_hold(conn, person.participant, by.actor, by.now)
        await store.add_hold(conn, person.participant, Hold(until), signed)
        open_ = [p for p in work.placements_of(person.participant) if p.state == "proposed"]
        _withdraw(work, open_, Reason("on_hold"), by)
        work.request_rerun(signed.kreis, "hold", urgent=False)
        await work.write(conn)
        return Ruled(signed.ruling)

    async def end_hold(self, conn: asyncpg.Connection, by: DecidedBy, participant: UUID) -> Answer:
        """Steer somebody again."""
        return await self._end(conn, by, participant, store.lift_hold, "hold")

    async def exclude(
        self, conn: asyncpg.Connection, by: DecidedBy, participant: UUID, what: Exclude
    ) -> Answer:
        """Never give somebody this course, or a course of this provider; open proposals are taken back.

        Whoever sits there has to give the seat back first. An authority's assignment goes before it.
        """
        courses = {what.course} if isinstance(what, ExcludeCourse) else set[UUID]()
        work, person = await self._person(conn, participant, by.now, courses)
        if isinstance(person, NotDone):
            return person
        unknown = await _unknown(conn, work, what)
        if unknown is not None:
            return NotDone(None, unknown)
        there = [p for p in work.placements_of(person.participant) if _concerns(what, p)]
        if any(p.state in SEATED for p in there):
            return NotDone(None, Refusal("seat_held"))
        signed = Signed.of(person.facts.kreis, by)
        if not await store.add_exclusion(conn, person.participant, what, signed):
            return NotDone(None, Refusal("already_excluded"))
        _withdraw(work, there, Reason("excluded"), by)
        work.request_rerun(signed.kreis, "exclusion", urgent=False)
        await work.write(conn)
        return Ruled(signed.ruling)

    async def end_exclusion(self, conn: asyncpg.Connection, by: DecidedBy, exclusion: UUID) -> Answer:
        """Let the person come into the course, or to the provider, again."""
        participant = await store.person_of_exclusion(conn, exclusion)
        if participant is None:
            return NotDone(None, Refusal("ruling_unknown"))
        return await self._end(conn, by, participant, store.lift_exclusion, "exclusion", ruling=exclusion)

    async def deviate(
        self, conn: asyncpg.Connection, by: DecidedBy, participant: UUID, what: Deviate
    ) -> Answer:
        """Let a section or a level count instead of the placement test; an earlier deviation is replaced."""
        work, person = await self._person(conn, participant, by.now)
        if isinstance(person, NotDone):
            return person
        signed = Signed.of(person.facts.kreis, by)
        await store.lift_deviation(conn, person.participant, by.actor, by.now)
        await store.add_deviation(conn, person.participant, what, signed)
        work.request_rerun(signed.kreis, "deviation", urgent=False)
        await work.write(conn)
        return Ruled(signed.ruling)

    async def end_deviation(self, conn: asyncpg.Connection, by: DecidedBy, participant: UUID) -> Answer:
        """Let the placement test count again."""
        return await self._end(conn, by, participant, store.lift_deviation, "deviation")

    async def rule_course(
        self, conn: asyncpg.Connection, by: DecidedBy, course: UUID, verdict: Verdict
    ) -> Answer:
        """Let a course start below its minimum, or not start: its open proposals are then taken back.

        Seats that are held in it stay until the provider cancels the course or somebody gives them back.
        """
        work, found = await self._course(conn, course, by.now)
        if isinstance(found, NotDone):
            return found
        if _starts_on(found) <= work.today:
            return NotDone(None, Refusal("course_runs"))
        signed = Signed.of(found.kreis, by)
        await store.lift_course_ruling(conn, course, by.actor, by.now)
        await store.add_course_ruling(conn, course, verdict, signed)
        if verdict == "close":
            _withdraw(work, work.live_in(course), Reason("course_closed"), by)
        self._request_rerun(work, found)
        await work.write(conn)
        return Ruled(signed.ruling)

    async def end_course_ruling(self, conn: asyncpg.Connection, by: DecidedBy, course: UUID) -> Answer:
        """Let the minimum decide again whether a course starts."""
        work, found = await self._course(conn, course, by.now)
        if isinstance(found, NotDone):
            return found
        if await store.lift_course_ruling(conn, course, by.actor, by.now) is None:
            return NotDone(None, Refusal("already_lifted"))
        self._request_rerun(work, found)
        await work.write(conn)
        return Ruled()

    async def _end(
        self,
        conn: asyncpg.Connection,
        by: DecidedBy,
        participant: UUID,
        lift: Callable[[asyncpg.Connection, UUID, str, datetime], Awaitable[bool]],
        why: str,
        *,
        ruling: UUID | None = None,
    ) -> Answer:
        """Lift the ruling with this id, or the only one of its kind about somebody, and steer again."""
        work, person = await self._person(conn, participant, by.now, waiting=False)
        if isinstance(person, NotDone):
            return person
        if not await lift(conn, ruling or person.participant, by.actor, by.now):
            return NotDone(None, Refusal("already_lifted"))
        work.request_rerun(person.facts.kreis, why, urgent=False)
        await work.write(conn)
        return Ruled()

    def _request_rerun(self, work: UnitOfWork, course: Course) -> None:
        near = self.placements.terms.near(course.kreis, _starts_on(course), work.now)
        work.request_rerun(course.kreis, "course_decision", urgent=near)

    async def _person(
        self,
        conn: asyncpg.Connection,
        participant: UUID,
        now: datetime,
        courses: Iterable[UUID] = (),
        *,
        waiting: bool = True,
    ) -> tuple[UnitOfWork, Participant | NotDone]:
        """Lock somebody, or whom they were merged into; `waiting`: only who is on the list."""
        work = await self.placements.load(conn, Keys(courses=set(courses), people={participant}), now)
        person = work.person(participant)
        if person is None:
            return work, NotDone(None, Refusal("participant_unknown"))
        if waiting and person.status != "active":
            return work, NotDone(None, Refusal("participant_not_waiting"))
        return work, person

    async def _course(
        self, conn: asyncpg.Connection, course: UUID, now: datetime
    ) -> tuple[UnitOfWork, Course | NotDone]:
        """Lock a course that is announced, with everybody in it."""
        work = await self.placements.load(conn, Keys(whole_courses={course}), now)
        found = work.courses.get(course)
        if found is None:
            return work, NotDone(None, Refusal("course_unknown"))
        if found.state != "announced" or not found.held:
            return work, NotDone(None, Refusal("course_over", {"state": found.state}))
        if not await store.is_own(conn, found.kreis):
            return work, NotDone(None, Refusal("course_of_neighbour"))
        return work, found


def _starts_on(course: Course) -> date:
    return min(section.starts_on for section in course.held)


def _concerns(what: Exclude, placement: Placement) -> bool:
    match what:
        case ExcludeCourse(course):
            return placement.course == course
        case ExcludeProvider(provider):
            return placement.provider == provider


async def _unknown(conn: asyncpg.Connection, work: UnitOfWork, what: Exclude) -> Refusal | None:
    match what:
        case ExcludeCourse(course):
            return None if course in work.courses else Refusal("course_unknown")
        case ExcludeProvider(provider):
            known = await kreise_of(conn, [provider])
            return None if provider in known else Refusal("provider_unknown")


def _withdraw(work: UnitOfWork, placements: Iterable[Placement], why: Reason, by: DecidedBy) -> None:
    for placement in placements:
        decision = withdraw_proposal(placement, why)
        if isinstance(decision, Step):
            work.take(decision, by.actor, note=by.note)
