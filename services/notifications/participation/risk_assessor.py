"""Assesses the dropout risks of courses whose attendance was reported."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg

from services.notifications import gate
from services.notifications.participation import risk_store as store
from services.notifications.participation.domain import (
    ClearRisk,
    CourseDay,
    Episode,
    KeepRisk,
    OpenRisk,
    RaiseRisk,
    RiskRule,
    RiskRules,
    WithdrawRisk,
    assess,
    compare,
)
from services.notifications.participation.rules import RiskRuleBook
from services.notifications.people import store as people
from services.runtime.bookkeeping.work import Taking, WorkQueue
from services.runtime.data.db import Connection, Pool

_BATCH = 20
_START = UUID(int=0)
_NO_PLACE = store.Participation(None, None, over=True)  # a provider's word alone puts nobody at risk
_LOOK_BACK_DAYS = 60  # longer than any window of the rules


@dataclass(slots=True)
class RiskAssessor:
    """Assesses the courses that have days not yet assessed, some at a time, each batch in one transaction.

    It takes courses in the order of their ids and starts again after the last, so that under load no
    course waits for ever.
    """

    pool: Pool
    rules: RiskRuleBook
    _after: UUID = _START

    async def drain(self, now: datetime) -> int:
        """Assess the next courses; return how many they were."""
        after = self._after
        self._after = _START

        async def some(conn: Connection, taking: Taking) -> int:
            await gate.rely_on_consent(conn)
            courses = await store.take_unassessed(conn, taking, _START if taking.only else after)
            if not courses and after != _START:
                courses = await store.take_unassessed(conn, taking, _START)
            taking.taken += map(str, courses)
            if courses:
                self._after = courses[-1]
                await self._assess(conn, courses, now)
            return len(courses)

        return await WorkQueue(self.pool, "assess", _BATCH, store.unassessed_generations).work(some)

    async def _assess(self, conn: Connection, courses: Sequence[UUID], now: datetime) -> None:
        marks: dict[tuple[UUID, UUID], list[CourseDay]] = defaultdict(list)
        for row in await store.marks(conn, courses, _LOOK_BACK_DAYS):
            day = CourseDay(row["day"], row["mark"], row["ue"], row["ue_held"])
            marks[row["course_id"], row["participant_id"]].append(day)
        reported = await store.reported(conn, courses)
        participations = await store.participations(conn, courses)
        known = await store.open_risks(conn, courses)
        changes = store.RiskChanges()
        for key in sorted(marks.keys() | known.keys()):
            if key[0] in reported:
                entry = participations.get(key, _NO_PLACE)
                days = [] if entry is _NO_PLACE else marks.get(key, [])
                self._assess_person(
                    changes, key, days, known.get(key, {}), part=entry, reported=reported[key[0]]
                )
        await store.write(conn, changes, now)
        if changes.concerned:
            await people.request_reconciliation(conn, sorted(changes.concerned))

    def _assess_person(
        self,
        changes: store.RiskChanges,
        key: tuple[UUID, UUID],
        days: Sequence[CourseDay],
        known: Mapping[str, asyncpg.Record],
        *,
        part: store.Participation,
        reported: Sequence[date],
    ) -> None:
        course, person = key
        until = reported[-1]
        episodes = _episodes(days, part, reported, self.rules.on(until))
        risks = [OpenRisk(RiskRule(row["rule"]), row["since"]) for row in known.values()]
        for change in compare(risks, episodes):
            match change:
                case RaiseRisk(episode) if not part.over and part.left_on is None:
                    changes.raised.append((person, course, episode, until))
                case KeepRisk(risk, episode):
                    changes.kept.append((known[risk.rule]["risk_id"], dict(episode.params), until))
                case ClearRisk(risk):
                    changes.ended.append((known[risk.rule]["risk_id"], "cleared"))
                case WithdrawRisk(risk):
                    changes.ended.append((known[risk.rule]["risk_id"], "withdrawn"))
                case RaiseRisk():
                    continue  # the person has left or the course is over: nothing to drop out of
            changes.concerned.add(person)


def _episodes(
    days: Sequence[CourseDay], part: store.Participation, reported: Sequence[date], rules: RiskRules
) -> list[Episode]:
    days = [day for day in days if part.left_on is None or day.day <= part.left_on]
    first_mark = min((day.day for day in days), default=reported[-1])
    entry = part.joined_on or first_mark
    # Course days between entry and first mark: consent came later, or they lie before the look back.
    # Whether the person was there then is unknown, so nobody is called a no-show.
    before = bisect_left(reported, first_mark) > bisect_left(reported, entry)
    return assess(days, entry, rules, attended_before=before)
