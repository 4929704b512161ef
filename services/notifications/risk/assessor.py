"""Assesses the risks of courses whose attendance was reported."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from schemas.codes import ConsentPurpose
from schemas.days import local_day
from services.notifications import gate
from services.notifications.consents import store as consents
from services.notifications.participation.facts_store import LOOK_BACK_DAYS
from services.notifications.participation.reports import latest_day
from services.notifications.people import store as people
from services.notifications.risk import store
from services.notifications.risk.attendance import CourseDay, assess
from services.notifications.risk.domain import (
    ClearRisk,
    Episode,
    KeepRisk,
    Matter,
    RaiseRisk,
    WithdrawRisk,
    compare,
)
from services.notifications.risk.parameters import RiskRuleBook, RuleSet
from services.notifications.risk.parameters_store import RiskBookshelf, in_force
from services.runtime.bookkeeping.work import Taking, WorkQueue
from services.runtime.data.db import Connection, Pool

_BATCH = 500
"""Courses of one transaction: with 100, assessing fell behind reading at 1,000 course days a second."""
_START = UUID(int=0)
_NO_PLACE = store.Participation(None, None, over=True)  # a provider's word alone puts nobody at risk


@dataclass(slots=True)
class RiskAssessor:
    """Assesses the courses that have days not yet assessed, some at a time, each batch in one transaction.

    It takes courses in the order of their ids and starts again after the last, so that under load no
    course waits for ever.
    """

    pool: Pool
    books: RiskBookshelf
    _after: UUID = _START

    async def drain(self, now: datetime) -> int:
        """Assess the next courses; return how many they were."""
        after = self._after
        self._after = _START

        async def some(conn: Connection, taking: Taking) -> int:
            await gate.rely_on_consent(conn)
            taken = await store.take_unassessed(conn, taking, _START if taking.only else after)
            if not taken and after != _START:
                taken = await store.take_unassessed(conn, taking, _START)
            courses = sorted({course for course, _ in taken})
            taking.taken += map(str, courses)
            if courses:
                self._after = courses[-1]
                await self._assess(conn, taken, courses, now)
            return len(courses)

        return await WorkQueue(self.pool, "assess", _BATCH, store.unassessed_generations).work(some)

    async def _assess(
        self, conn: Connection, taken: Sequence[tuple[UUID, date]], courses: Sequence[UUID], now: datetime
    ) -> None:
        marks: dict[tuple[UUID, UUID], list[CourseDay]] = defaultdict(list)
        for row in await store.marks(conn, taken, LOOK_BACK_DAYS, latest_day(now)):
            day = CourseDay(row["day"], row["mark"], row["ue"], row["ue_held"])
            marks[row["course_id"], row["participant_id"]].append(day)
        known = await store.open_risks(conn, courses, Matter.ATTENDANCE)
        if not marks and not known:
            return
        reported = await store.reported(conn, courses, latest_day(now))
        concerned = sorted(marks.keys() | known.keys())
        participations = await store.participations(
            conn, courses, sorted({person for _, person in concerned})
        )
        books = await self._books_of(conn, sorted({person for _, person in concerned}), local_day(now))
        changes = store.RiskChanges()
        for key in concerned:
            if key[0] in reported:
                entry = participations.get(key, _NO_PLACE)
                days = [] if entry is _NO_PLACE else marks.get(key, [])
                self._assess_person(
                    changes,
                    key,
                    days,
                    known.get(key, ()),
                    part=entry,
                    reported=reported[key[0]],
                    books=books(key[1]),
                )
        await store.write(conn, changes, now)
        if changes.concerned:
            await people.request_reconciliation(conn, sorted(changes.concerned))

    async def _books_of(
        self, conn: Connection, participants: Sequence[UUID], today: date
    ) -> Callable[[UUID], list[RiskRuleBook]]:
        """Return whose rules hold for each of these people: those of every office that may hear of them."""
        books = await self.books.current(conn)
        offices: dict[UUID, set[str]] = defaultdict(set)
        if books.own:
            for consent in await consents.valid(conn, participants, [ConsentPurpose.DROPOUT_SUPPORT], today):
                offices[consent.participant].add(consent.office)
        return lambda person: books.of(sorted(offices.get(person, ())))

    @staticmethod
    def _assess_person(
        changes: store.RiskChanges,
        key: tuple[UUID, UUID],
        days: Sequence[CourseDay],
        known: Sequence[store.RiskRow],
        *,
        part: store.Participation,
        reported: Sequence[date],
        books: Sequence[RiskRuleBook],
    ) -> None:
        course, person = key
        if part.settled:
            changes.ended += [(row.id, "cleared") for row in known]
            changes.concerned |= {person} if known else set()
            return
        until = reported[-1]
        since = min((row.open.since for row in known), default=None)
        episodes = _episodes(days, part, reported, in_force(books, until, since))
        ids = {row.open: row.id for row in known}
        for change in compare([row.open for row in known], episodes, (Matter.ATTENDANCE,)):
            match change:
                case RaiseRisk(finding) if not part.over and part.left_on is None:
                    changes.raised.append((person, course, finding, until))
                case KeepRisk(risk, finding):
                    changes.kept.append((ids[risk], finding, until))
                case ClearRisk(risk):
                    changes.ended.append((ids[risk], "cleared"))
                case WithdrawRisk(risk):
                    changes.ended.append((ids[risk], "withdrawn"))
                case RaiseRisk():
                    continue  # the person has left or the course is over: nothing to drop out of
            changes.concerned.add(person)


def _episodes(
    days: Sequence[CourseDay],
    part: store.Participation,
    reported: Sequence[date],
    rules: Sequence[RuleSet],
) -> list[Episode]:
    days = [day for day in days if part.left_on is None or day.day <= part.left_on]
    first_mark = min((day.day for day in days), default=reported[-1])
    entry = part.joined_on or first_mark
    # Course days between entry and first mark: consent came later, or they lie before the look back.
    # Whether the person was there then is unknown, so nobody is called a no-show.
    before = bisect_left(reported, first_mark) > bisect_left(reported, entry)
    return [
        episode for one in rules for episode in assess(days, entry, one.attendance, attended_before=before)
    ]
