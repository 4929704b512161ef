"""Takes up held marks once the place of their person is known: topics are read in no common order."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg

from schemas.codes import ConsentPurpose
from schemas.days import local_day
from services.notifications import gate
from services.notifications.consents import store as consents
from services.notifications.participation import held_store, stand_ins, store
from services.notifications.participation.seats_store import Seats, seats_in
from services.notifications.people.keys import PersonSecrets
from services.runtime.data.db import Connection, Pool, transaction

_BATCH = 50
_START = UUID(int=0)


@dataclass(slots=True)
class HeldMarks:
    """Looks through the courses of which marks are held, some at a time, and starts again after the last."""

    pool: Pool
    secrets: PersonSecrets
    _after: UUID = _START

    async def take_up(self, now: datetime) -> int:
        """Take up what can be attributed by now in the next courses; return how many marks."""
        async with transaction(self.pool) as conn:
            await gate.rely_on_consent(conn)
            courses = await held_store.courses_with_held(conn, self._after, _BATCH)
            taken = await self._take_up(conn, courses, local_day(now)) if courses else 0
        self._after = courses[-1] if courses else _START
        return taken

    async def _take_up(self, conn: Connection, courses: Sequence[UUID], today: date) -> int:
        found = self._whose(await held_store.lock(conn, courses), await seats_in(conn, courses))
        people = [person for person, _ in found]
        valid = await consents.valid(conn, people, [ConsentPurpose.DROPOUT_SUPPORT], today)
        allowing = {consent.participant for consent in valid}
        await held_store.drop(conn, [row for _, row in found])
        marks = [
            (row["course_id"], row["day"], person, row["mark"], row["ue"])
            for person, row in found
            if person in allowing
        ]
        await store.add_late_marks(conn, marks)
        return len(found)

    def _whose(self, held: Sequence[asyncpg.Record], seats: Seats) -> list[tuple[UUID, asyncpg.Record]]:
        """Find the people who sit in the course on the day of a held mark."""
        known: dict[UUID, dict[UUID, UUID]] = defaultdict(dict)
        for course in {row["course_id"] for row in held}:
            for person in seats.people(course):
                known[course][stand_ins.hashed(self.secrets.stand_in(person))] = person
        found = []
        for row in held:
            sitting = known[row["course_id"]].get(row["person"])
            if sitting is not None and seats.on(row["course_id"], sitting, row["day"]):
                found.append((sitting, row))
        return found
