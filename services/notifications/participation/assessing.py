"""Assesses courses of which days were reported: raises, keeps, clears and withdraws risks."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid5

import asyncpg

from schemas.identity import NAMESPACE
from services.notifications import gate
from services.notifications.participation import assessing_store as store
from services.notifications.participation.domain import (
    Clear,
    Day,
    Keep,
    Known,
    Raise,
    Rule,
    Withdraw,
    assess,
    compare,
)
from services.notifications.participation.rules import RuleBook
from services.notifications.people import store as people
from services.runtime.data.db import Connection, Pool, transaction

_BATCH = 20
_START = UUID(int=0)
_LOOK_BACK_DAYS = 60  # longer than any window of the rules


def risk_id(participant: UUID, course: UUID, rule: str, since: date) -> UUID:
    """Name a risk: the same rule for the same person, course and first day is the same risk."""
    return uuid5(NAMESPACE, f"risk/{participant}/{course}/{rule}/{since.isoformat()}")


@dataclass(slots=True)
class Assessing:
    """Works off courses with days not yet assessed; all in one transaction.

    It goes round: under load a course waits for the others once, and none is forgotten behind the rest.
    """

    pool: Pool
    rules: RuleBook
    _after: UUID = _START

    async def drain(self, now: datetime) -> int:
        """Assess the next courses; return how many they were."""
        async with transaction(self.pool) as conn:
            await gate.rely_on_consent(conn)
            courses = await store.take_unassessed(conn, _BATCH, self._after)
            if not courses and self._after != _START:
                courses = await store.take_unassessed(conn, _BATCH, _START)
            if courses:
                await self._assess(conn, courses, now)
        self._after = courses[-1] if courses else _START
        return len(courses)

    async def _assess(self, conn: Connection, courses: Sequence[UUID], now: datetime) -> None:
        marks: dict[tuple[UUID, UUID], list[Day]] = defaultdict(list)
        for row in await store.marks(conn, courses, _LOOK_BACK_DAYS):
            day = Day(row["day"], row["mark"], row["ue"], row["ue_held"])
            marks[row["course_id"], row["participant_id"]].append(day)
        reported = await store.reported(conn, courses)
        joined = await store.joined(conn, courses)
        known = await store.open_risks(conn, courses)
        written = store.Changes()
        for key in sorted(marks.keys() | known.keys()):
            if key[0] in reported:
                entry = joined.get(key, store.Joined(None, None, over=False))
                days = marks.get(key, [])
                self._one(written, key, days, known.get(key, {}), joined=entry, reported=reported[key[0]])
        await store.write(conn, written, now)
        if written.concerned:
            await people.ask_again(conn, sorted(written.concerned))

    def _one(
        self,
        written: store.Changes,
        key: tuple[UUID, UUID],
        days: Sequence[Day],
        known: Mapping[str, asyncpg.Record],
        *,
        joined: store.Joined,
        reported: Sequence[date],
    ) -> None:
        course, person = key
        until = reported[-1]
        days = [day for day in days if joined.left_on is None or day.day <= joined.left_on]
        first_mark = min((day.day for day in days), default=until)
        entry = joined.on or first_mark
        # Course days since the entry without a mark of this person: consent came later, or the look back
        # does not reach that far. Who was there then is not known, so nobody is called a no-show.
        before = bisect_left(reported, first_mark) > bisect_left(reported, entry)
        episodes = assess(days, entry, self.rules.on(until), attended_before=before)
        risks = [Known(Rule(row["rule"]), row["since"]) for row in known.values()]
        for change in compare(risks, episodes):
            match change:
                case Raise(episode) if not joined.over and joined.left_on is None:
                    id_ = risk_id(person, course, episode.rule, episode.since)
                    written.raised.append((id_, person, course, episode, until))
                case Keep(risk, episode):
                    written.kept.append((known[risk.rule]["risk_id"], dict(episode.params), until))
                case Clear(risk):
                    written.ended.append((known[risk.rule]["risk_id"], "cleared"))
                case Withdraw(risk):
                    written.ended.append((known[risk.rule]["risk_id"], "withdrawn"))
                case Raise():
                    continue  # the person has left, or the course is over: nobody can drop out any more
            written.concerned.add(person)
