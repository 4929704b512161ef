"""Loads and locks the rows of a batch or an act, collects the changes, writes them set by set."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Generic, TypeVar
from uuid import UUID

import asyncpg

from schemas.codes import PlacementState
from schemas.days import local_day
from schemas.placements import CourseStated, ParticipantStated
from services.allocation.courses import store as courses_store
from services.allocation.courses.domain import Course
from services.allocation.outcomes import store as outcomes_store
from services.allocation.outcomes.domain import CourseOutcome
from services.allocation.participants import store as people_store
from services.allocation.participants.domain import Participant, PlacementTest
from services.allocation.placements import messages
from services.allocation.placements import store as placements_store
from services.allocation.placements.domain import LIVE, OFFERED, Placement, Step
from services.allocation.placements.store import History
from services.allocation.policy.terms import Terms
from services.allocation.rerun import Rerun, request_reruns
from services.runtime.events.subscription import Incoming
from services.runtime.send.outbox import Outgoing, put

STEERING = "steering"
"""The actor of a run, which knows by itself what it no longer proposes."""
Row = TypeVar("Row")
_Stated = TypeVar("_Stated", Course, Participant)


@dataclass(slots=True)
class Keys:
    """What has to be loaded."""

    courses: set[UUID] = field(default_factory=set)
    people: set[UUID] = field(default_factory=set)
    placements: set[UUID] = field(default_factory=set)
    whole_courses: set[UUID] = field(default_factory=set)
    """Courses of which every placement is needed that is live or ended on a day."""
    tested: set[UUID] = field(default_factory=set)
    """People whose placement tests are needed."""
    completed: set[UUID] = field(default_factory=set)
    """Courses whose totals are needed."""
    publishers: set[str] = field(default_factory=set)


class UnitOfWork:
    """Locked rows in memory; handlers decide on it in order, `write` puts all of it back at once."""

    def __init__(self, prefix: str, now: datetime, terms: Terms) -> None:
        self.prefix = prefix
        self.now = now
        self.terms = terms
        self.today: date = local_day(now)
        self.courses: dict[UUID, Course] = {}
        self.people: dict[UUID, Participant] = {}
        self.placements: dict[UUID, Placement] = {}
        self.tests: dict[UUID, list[PlacementTest]] = defaultdict(list)
        self.kreise: dict[str, frozenset[str]] = {}
        self.outcomes: dict[UUID, CourseOutcome] = {}
        self._of_person: dict[UUID, set[UUID]] = defaultdict(set)
        self._in_course: dict[UUID, set[UUID]] = defaultdict(set)
        self._new: set[UUID] = set()
        self._changed: set[UUID] = set()
        self._reseated: set[UUID] = set()
        self._reported: set[UUID] = set()
        self._tests: dict[UUID, tuple[str, PlacementTest]] = {}
        self._history: list[History] = []
        self._told: list[Outgoing] = []
        self._reruns: list[Rerun] = []

    # What handlers ask.

    def person(self, participant: UUID) -> Participant | None:
        """Find a person, or whom they were merged into."""
        found = self.people.get(participant)
        while found is not None and found.merged_into is not None:
            found = self.people[found.merged_into]
        return found

    def placements_of(self, participant: UUID) -> list[Placement]:
        """List a person's placements, the latest first."""
        own = (self.placements[id_] for id_ in self._of_person[participant])
        return sorted(own, key=lambda one: (one.proposed_at, one.changed_at, one.placement), reverse=True)

    def live_in(self, course: UUID) -> list[Placement]:
        """List the placements in a course that can still become something else, in id order."""
        return [p for id_ in sorted(self._in_course[course]) if (p := self.placements[id_]).state in LIVE]

    def ended_in(self, course: UUID) -> list[Placement]:
        """List the placements in a course that ended on a day, in id order."""
        own = (self.placements[id_] for id_ in sorted(self._in_course[course]))
        return [placement for placement in own if placement.ended_on is not None]

    # What handlers change.

    def put_course(self, course: Course, *, more_room: bool = False, urgent: bool = False) -> None:
        """Take a course as it now stands."""
        before = self.courses.get(course.course)
        if before is None:
            self._new.add(course.course)
        told_all = before is not None and before.stated_as == messages.COURSE_FACTS
        version = self._state(before, course, course.course, messages.course_stated, anew=not told_all)
        self.courses[course.course] = replace(course, stated=version, stated_as=messages.COURSE_FACTS)
        self._changed.add(course.course)
        if more_room:
            self.request_rerun(course.kreis, "course_changed", urgent=urgent)

    def put_person(self, person: Participant) -> None:
        """Take a person's facts as they now stand."""
        before = self.people.get(person.participant)
        if before is None:
            self._new.add(person.participant)
        told_all = before is not None and before.stated_as == messages.PERSON_FACTS
        version = self._state(
            before, person, person.participant, messages.participant_stated, anew=not told_all
        )
        self.people[person.participant] = replace(person, stated=version, stated_as=messages.PERSON_FACTS)
        self._changed.add(person.participant)

    def put_test(self, kreis: str, test: PlacementTest) -> None:
        """Take a placement test, a new one last."""
        reported = self.tests[test.participant]
        found = next((index for index, other in enumerate(reported) if other.event == test.event), None)
        if found is None:
            reported.append(test)
        else:
            reported[found] = test
        self._tests[test.event] = (kreis, test)

    def put_placement(self, placement: Placement, *, anyway: bool = False) -> None:
        """Take a placement that did not step: its person changed, or its seats (`anyway`: even if full)."""
        before = self.placements.get(placement.placement)
        if before is None:
            self._new.add(placement.placement)
        elif before.participant != placement.participant:
            self._of_person[before.participant].discard(placement.placement)
        self._move_seats(before, placement, anyway=anyway)
        self.placements[placement.placement] = placement
        self._of_person[placement.participant].add(placement.placement)
        self._in_course[placement.course].add(placement.placement)
        self._changed.add(placement.placement)

    def take(
        self, step: Step, actor: str, cause: Incoming | None = None, *, note: str | None = None
    ) -> Placement:
        """Take a step: version, seats, history, what is told, and whether steering has to look again.

        `note` is what a coordinator wrote; it stays in the history.
        """
        before = step.before
        after = step.after.stepped(1 if before is None else before.version + 1, self.now)
        step = Step(before, after)
        self.put_placement(after)
        self._history.append(
            History(
                placement=after.placement,
                version=after.version,
                kreis=after.kreis,
                from_state=PlacementState.WAITING if before is None else before.state,
                to_state=after.state,
                reason=after.reason.code,
                params=dict(after.reason.params),
                actor=actor,
                note=note,
                decided_at=self.now,
            )
        )
        self._told += messages.tell(
            step,
            self.courses[after.course],
            self.prefix,
            self.now,
            None if cause is None else str(cause.cause),
            str(after.placement),
        )
        if before is not None and set(before.seats) - set(after.seats):
            self.request_rerun(after.kreis, f"seat_freed_{after.state}", urgent=True)
        elif _offers_no_more(before, after) and actor != STEERING:
            self.request_rerun(after.kreis, "proposal_taken_back", urgent=True)
        return after

    def put_outcome(self, outcome: CourseOutcome) -> None:
        """Take the totals of a course."""
        self.outcomes[outcome.course] = outcome
        self._reported.add(outcome.course)

    def tell(self, record: Outgoing) -> None:
        """Add a record that is no step of a placement."""
        self._told.append(record)

    def request_rerun(self, kreis: str, reason: str, *, urgent: bool) -> None:
        """Ask for the Kreis to be steered again."""
        self._reruns.append(Rerun(kreis, reason, urgent))

    def _move_seats(self, before: Placement | None, after: Placement, *, anyway: bool) -> None:
        had = frozenset(() if before is None else before.seats)
        has = frozenset(after.seats)
        if had == has:
            return
        change = dict.fromkeys(has - had, 1) | dict.fromkeys(had - has, -1)
        self.courses[after.course] = self.courses[after.course].seat(change, anyway=anyway)
        self._reseated.add(after.course)

    def _state(
        self,
        before: _Stated | None,
        after: _Stated,
        id_: UUID,
        state_of: Callable[[_Stated, int], CourseStated | ParticipantStated],
        *,
        anew: bool = False,
    ) -> int:
        """Tell the support side of a row, unless it was told just that last; return the version it has.

        `anew`: what was told last did not have all facts, whatever they are.
        """
        last = 0 if before is None else before.stated
        if before is not None and last and not anew and state_of(before, last) == state_of(after, last):
            return last
        told = state_of(after, last + 1)
        self.tell(messages.outgoing(self.prefix, told, id_, str(told.version), self.now, ()))
        return told.version

    # Database.

    async def load(self, conn: asyncpg.Connection, keys: Keys) -> None:
        """Lock and read: courses, then sections, then people, then placements, each in id order.

        What to lock is found out first without locks; what appeared meanwhile is locked late, and a
        deadlock that this could cause is a transient failure like any other.
        """
        keys.people.update(await people_store.merged_into(conn, list(keys.people)))
        for link in await self._find(conn, keys):
            keys.people.add(link.participant)
            if link.live:
                keys.courses.add(link.course)
        await self._lock(conn, keys)
        if keys.tested:
            for test in await people_store.tests_of(conn, sorted(keys.tested)):
                self.tests[test.participant].append(test)
        if keys.completed:
            self.outcomes = await outcomes_store.read(conn, sorted(keys.completed))
        if keys.publishers:
            self.kreise = await kreise_of(conn, sorted(keys.publishers))

    async def _find(self, conn: asyncpg.Connection, keys: Keys) -> list[placements_store.Link]:
        return await placements_store.find(
            conn, list(keys.placements), list(keys.people), list(keys.whole_courses)
        )

    async def _lock(self, conn: asyncpg.Connection, keys: Keys) -> None:
        courses, people = keys.courses | keys.whole_courses, set(keys.people)
        while courses or people:
            if courses:
                locked = await courses_store.lock_with_sections(conn, sorted(courses))
                self.courses |= {one.course: one for one in locked}
            if people:
                self.people |= {one.participant: one for one in await people_store.lock(conn, sorted(people))}
            self._index(
                await placements_store.lock(
                    conn, sorted(keys.placements), sorted(keys.people), sorted(keys.whole_courses)
                )
            )
            found = self.placements.values()
            courses = {one.course for one in found if one.state in LIVE} - keys.courses - keys.whole_courses
            merged_into = {one.merged_into for one in self.people.values() if one.merged_into}
            people = ({one.participant for one in found} | merged_into) - keys.people
            keys.courses |= courses
            keys.people |= people

    def _index(self, placements: Iterable[Placement]) -> None:
        for placement in placements:
            self.placements[placement.placement] = placement
            self._of_person[placement.participant].add(placement.placement)
            self._in_course[placement.course].add(placement.placement)

    async def write(self, conn: asyncpg.Connection) -> None:
        """Write everything that changed, set by set; requests for steering last."""
        courses, people, placements = (
            self._new_and_changed(self.courses),
            self._new_and_changed(self.people),
            self._new_and_changed(self.placements),
        )
        seated = [self.courses[id_] for id_ in sorted(self._reseated - self._changed)]
        await _if_any(courses_store.insert, conn, courses.new)
        await _if_any(courses_store.update, conn, courses.changed)
        await _if_any(courses_store.write_sections, conn, [*courses.new, *courses.changed])
        await _if_any(courses_store.write_seats, conn, seated)
        await _if_any(people_store.insert, conn, people.new)
        await _if_any(people_store.update, conn, people.changed)
        await _if_any(people_store.write_tests, conn, list(self._tests.values()))
        await _if_any(placements_store.update, conn, placements.changed)  # first: one enrolment per kind
        await _if_any(placements_store.insert, conn, placements.new)
        await _if_any(placements_store.add_history, conn, self._history)
        await _if_any(outcomes_store.write, conn, [self.outcomes[id_] for id_ in sorted(self._reported)])
        await _if_any(put, conn, self._told)
        await request_reruns(conn, self._reruns, self.now)

    def _new_and_changed(self, rows: Mapping[UUID, Row]) -> "NewAndChanged[Row]":
        new = [row for id_, row in rows.items() if id_ in self._new]
        return NewAndChanged(
            new, [row for id_, row in rows.items() if id_ in self._changed and id_ not in self._new]
        )


@dataclass(frozen=True, slots=True)
class NewAndChanged(Generic[Row]):
    """Rows of one kind to insert and to update, in the order in which they were loaded or added."""

    new: list[Row]
    changed: list[Row]


def _offers_no_more(before: Placement | None, after: Placement) -> bool:
    """Return whether a place that was offered to somebody can be offered to others now."""
    return before is not None and before.state in OFFERED and after.state not in LIVE


async def _if_any(
    write: Callable[[asyncpg.Connection, Sequence[Row]], Awaitable[None]],
    conn: asyncpg.Connection,
    rows: Sequence[Row],
) -> None:
    if rows:
        await write(conn, rows)


async def kreise_of(conn: asyncpg.Connection, slugs: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return in which Kreise publishers work."""
    rows = await conn.fetch("SELECT slug, kreise FROM runtime.publisher WHERE slug = ANY($1::text[])", slugs)
    return {row["slug"]: frozenset(row["kreise"]) for row in rows}
