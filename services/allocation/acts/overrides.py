"""Commands by which a coordinator overrides steering: hold, exclude, deviate, start or close a course."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

import asyncpg

from schemas.codes import SEATED
from services.allocation.acts.placements import NotDone, Placements
from services.allocation.courses.domain import Course
from services.allocation.participants.domain import Participant
from services.allocation.placements import rulings_store as store
from services.allocation.placements.domain import OFFERED, Placement, Reason, Refusal, Step, give_up
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

    `reason` is kept beside the ruling and in the history of every proposal that it takes back.
    Each asks for steering: at once if it takes a proposal back or a course starts soon.
    """

    placements: Placements

    async def hold(  # noqa: PLR0917 - as the console calls it
        self,
        conn: asyncpg.Connection,
        participant: UUID,
        until: date | None,
        actor: str,
        reason: str,
        now: datetime,
    ) -> Answer:
        """Do not steer somebody until a day; an earlier hold is replaced, an open proposal taken back."""
        work, person = await self._person(conn, participant, now)
        if isinstance(person, NotDone):
            return person
        if until is not None and until <= work.today:
            return NotDone(None, Refusal("day_past"))
        signed = Signed(uuid4(), person.facts.kreis, reason, actor, now)
        await store.lift_hold(conn, person.participant, actor, now)
        await store.add_hold(conn, person.participant, Hold(until), signed)
        open_ = [p for p in work.placements_of(person.participant) if p.state == "proposed"]
        _take_back(work, open_, Reason("on_hold"), actor, reason)
        work.request_rerun(signed.kreis, "hold", urgent=False)
        await work.write(conn)
        return Ruled(signed.ruling)

    async def end_hold(
        self, conn: asyncpg.Connection, participant: UUID, actor: str, now: datetime
    ) -> Answer:
        """Steer somebody again."""
        work, person = await self._person(conn, participant, now, waiting=False)
        if isinstance(person, NotDone):
            return person
        if not await store.lift_hold(conn, person.participant, actor, now):
            return NotDone(None, Refusal("already_lifted"))
        work.request_rerun(person.facts.kreis, "hold", urgent=False)
        await work.write(conn)
        return Ruled()

    async def exclude(  # noqa: PLR0917 - as the console calls it
        self,
        conn: asyncpg.Connection,
        participant: UUID,
        what: Exclude,
        actor: str,
        reason: str,
        now: datetime,
    ) -> Answer:
        """Never give somebody this course, or a course of this provider; open proposals are taken back.

        Whoever sits there has to give the seat back first. An authority's assignment goes before it.
        """
        courses = {what.course} if isinstance(what, ExcludeCourse) else set[UUID]()
        work, person = await self._person(conn, participant, now, courses)
        if isinstance(person, NotDone):
            return person
        unknown = await _unknown(conn, work, what)
        if unknown is not None:
            return NotDone(None, unknown)
        there = [p for p in work.placements_of(person.participant) if _concerns(what, p)]
        if any(p.state in SEATED for p in there):
            return NotDone(None, Refusal("seat_held"))
        signed = Signed(uuid4(), person.facts.kreis, reason, actor, now)
        if not await store.add_exclusion(conn, person.participant, what, signed):
            return NotDone(None, Refusal("already_excluded"))
        open_ = [p for p in there if p.state in OFFERED]
        _take_back(work, open_, Reason("excluded"), actor, reason)
        work.request_rerun(signed.kreis, "exclusion", urgent=False)
        await work.write(conn)
        return Ruled(signed.ruling)

    async def end_exclusion(
        self, conn: asyncpg.Connection, exclusion: UUID, actor: str, now: datetime
    ) -> Answer:
        """Let the person come into the course, or to the provider, again."""
        participant = await store.person_of_exclusion(conn, exclusion)
        if participant is None:
            return NotDone(None, Refusal("ruling_unknown"))
        work, person = await self._person(conn, participant, now, waiting=False)
        if isinstance(person, NotDone):
            return person
        if not await store.lift_exclusion(conn, exclusion, actor, now):
            return NotDone(None, Refusal("already_lifted"))
        work.request_rerun(person.facts.kreis, "exclusion", urgent=False)
        await work.write(conn)
        return Ruled()

    async def deviate(  # noqa: PLR0917 - as the console calls it
        self,
        conn: asyncpg.Connection,
        participant: UUID,
        what: Deviate,
        actor: str,
        reason: str,
        now: datetime,
    ) -> Answer:
        """Let a section or a level count instead of the placement test; an earlier deviation is replaced."""
        work, person = await self._person(conn, participant, now)
        if isinstance(person, NotDone):
            return person
        signed = Signed(uuid4(), person.facts.kreis, reason, actor, now)
        await store.lift_deviation(conn, person.participant, actor, now)
        await store.add_deviation(conn, person.participant, what, signed)
        work.request_rerun(signed.kreis, "deviation", urgent=False)
        await work.write(conn)
        return Ruled(signed.ruling)

    async def end_deviation(
        self, conn: asyncpg.Connection, participant: UUID, actor: str, now: datetime
    ) -> Answer:
        """Let the placement test count again."""
        work, person = await self._person(conn, participant, now, waiting=False)
        if isinstance(person, NotDone):
            return person
        if not await store.lift_deviation(conn, person.participant, actor, now):
            return NotDone(None, Refusal("already_lifted"))
        work.request_rerun(person.facts.kreis, "deviation", urgent=False)
        await work.write(conn)
        return Ruled()

    async def rule_course(  # noqa: PLR0917 - as the console calls it
        self,
        conn: asyncpg.Connection,
        course: UUID,
        verdict: Verdict,
        actor: str,
        reason: str,
        now: datetime,
    ) -> Answer:
        """Let a course start below its minimum, or not start: its open proposals are then taken back.

        Seats that are held in it stay until the provider cancels the course or somebody gives them back.
        """
        work, found = await self._course(conn, course, now)
        if isinstance(found, NotDone):
            return found
        if _starts_on(found) <= work.today:
            return NotDone(None, Refusal("course_runs"))
        signed = Signed(uuid4(), found.kreis, reason, actor, now)
        await store.lift_course_ruling(conn, course, actor, now)
        await store.add_course_ruling(conn, course, verdict, signed)
        open_ = [p for p in work.live_in(course) if verdict == "close" and p.state in OFFERED]
        _take_back(work, open_, Reason("course_closed"), actor, reason)
        self._wish_for(work, found)
        await work.write(conn)
        return Ruled(signed.ruling)

    async def take_back_course_ruling(
        self, conn: asyncpg.Connection, course: UUID, actor: str, now: datetime
    ) -> Answer:
        """Let the minimum decide again whether a course starts."""
        work, found = await self._course(conn, course, now)
        if isinstance(found, NotDone):
            return found
        if await store.lift_course_ruling(conn, course, actor, now) is None:
            return NotDone(None, Refusal("already_lifted"))
        self._wish_for(work, found)
        await work.write(conn)
        return Ruled()

    def _wish_for(self, work: UnitOfWork, course: Course) -> None:
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


def _take_back(work: UnitOfWork, open_: Iterable[Placement], why: Reason, actor: str, reason: str) -> None:
    for placement in open_:
        decision = give_up(placement, why)
        if isinstance(decision, Step):
            work.take(decision, actor, note=reason)
