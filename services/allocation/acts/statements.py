"""Tells the support side what it was never told: of courses and people, or one of their facts."""

from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from services.allocation.acts.placements import Placements
from services.allocation.courses import store as courses
from services.allocation.participants import store as people
from services.allocation.placements.messages import COURSE_FACTS, PERSON_FACTS
from services.allocation.unit_of_work import Keys
from services.runtime.data.db import transaction

AT_ONCE = 100
"""Courses, and people, of one transaction."""


@dataclass(slots=True)
class Statements:
    """Tells what is left to tell, once after an upgrade: rows written since then are told as they change."""

    pool: asyncpg.Pool
    placements: Placements
    _all_told: bool = field(default=False, init=False)

    async def tell_rest(self, now: datetime) -> int:
        """Tell of all that was never told of, or not with all its facts; return how many rows these were."""
        total = 0
        while not self._all_told:
            some = await self._tell_some(now)
            self._all_told, total = some == 0, total + some
        return total

    async def _tell_some(self, now: datetime) -> int:
        async with transaction(self.pool) as conn:
            keys = Keys(
                courses=set(await courses.not_stated(conn, COURSE_FACTS, AT_ONCE)),
                people=set(await people.not_stated(conn, PERSON_FACTS, AT_ONCE)),
            )
            waiting = (sorted(keys.courses), sorted(keys.people))
            if not any(waiting):
                return 0
            work = await self.placements.load(conn, keys, now)
            for course in waiting[0]:
                work.put_course(work.courses[course])
            for person in waiting[1]:
                work.put_person(work.people[person])
            await work.write(conn)
            return len(waiting[0]) + len(waiting[1])
