"""Counts what allocation reports about itself: invariants, due work, figures."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import asyncpg

from schemas.codes import PlacementState
from schemas.days import local_day
from services.allocation.policy.terms import EXPIRE, START, Terms
from services.runtime.bookkeeping import publications
from services.runtime.serve.status import Invariant, OwnStatus
from services.texts.figures import STEERING

CountDue = Callable[[asyncpg.Connection, datetime], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class AllocationStatus:
    """Answers the status role's questions; `steering_due` counts regions that are to be steered now."""

    terms: Terms
    steering_due: CountDue

    async def __call__(self, conn: asyncpg.Connection, now: datetime) -> OwnStatus:
        """Count."""
        due = await self.due(conn, now)
        invariants = (
            await seats_hold(conn),
            await one_enrolment(conn),
            await offsets_are_guarded(conn),
            await nothing_unheard_expired(conn),
        )
        return OwnStatus(due, invariants, await figures(conn))

    async def due(self, conn: asyncpg.Connection, now: datetime) -> int:
        """Count what timers and steering would do now."""
        figures = await publications.due(conn, STEERING, now)
        return figures + await self._due(conn, now) + await self.steering_due(conn, now)

    async def _due(self, conn: asyncpg.Connection, now: datetime) -> int:
        expiring, starting = await reservations_due(conn, now), await starts_due(conn, local_day(now))
        return await holds_due(conn, local_day(now)) + sum(
            n
            for step, by_kreis in ((EXPIRE, expiring), (START, starting))
            for kreis, n in by_kreis.items()
            if self.terms.automatic(kreis, step, now)
        )


async def reservations_due(conn: asyncpg.Connection, now: datetime) -> Mapping[str, int]:
    """Count reservations past their time, by Kreis."""
    rows = await conn.fetch(
        "SELECT kreis, count(*) AS n FROM status.due_reservations WHERE expires_at < $1 GROUP BY kreis", now
    )
    return {row["kreis"]: row["n"] for row in rows}


async def starts_due(conn: asyncpg.Connection, today: date) -> Mapping[str, int]:
    """Count confirmed places whose first day has come, by Kreis."""
    rows = await conn.fetch(
        "SELECT kreis, count(*) AS n FROM status.due_starts WHERE starts_on <= $1 GROUP BY kreis", today
    )
    return {row["kreis"]: row["n"] for row in rows}


async def holds_due(conn: asyncpg.Connection, today: date) -> int:
    """Count holds whose day has come."""
    row = await _one(conn, "SELECT count(*) AS n FROM status.due_holds WHERE until <= $1", today)
    return int(row["n"])


async def seats_hold(conn: asyncpg.Connection) -> Invariant:
    """I2: in no section more seats are taken than there are, and what is taken is what placements hold."""
    row = await _one(
        conn,
        """
        SELECT count(*) AS checked, count(*) FILTER (WHERE taken > capacity OR counted > capacity) AS over,
               count(*) FILTER (WHERE taken <> counted) AS miscounted
        FROM status.seats
        """,
    )
    bad = row["over"] + row["miscounted"]
    return Invariant("I2", bad == 0, row["checked"], _detail(over=row["over"], miscounted=row["miscounted"]))


async def one_enrolment(conn: asyncpg.Connection) -> Invariant:
    """I3: nobody has two active enrolments of one course kind."""
    row = await _one(
        conn, "SELECT count(*) AS checked, count(*) FILTER (WHERE n > 1) AS bad FROM status.enrolments"
    )
    return Invariant("I3", row["bad"] == 0, row["checked"], _detail(twice=row["bad"]))


async def offsets_are_guarded(conn: asyncpg.Connection) -> Invariant:
    """I10: the trigger that lets no stored offset go back is there and armed."""
    row = await _one(
        conn,
        """
        SELECT count(*) AS armed FROM pg_trigger AS t
        JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE t.tgname = 'forward_only' AND t.tgenabled = 'O'
            AND n.nspname = 'runtime' AND c.relname = 'stored_offset'
        """,
    )
    return Invariant("I10", row["armed"] == 1, 1, "" if row["armed"] == 1 else "the trigger is not armed")


async def nothing_unheard_expired(conn: asyncpg.Connection) -> Invariant:
    """I11: for each expired reservation it is on record that provider and office had been heard."""
    row = await _one(
        conn, "SELECT count(*) AS checked, count(*) FILTER (WHERE NOT heard) AS bad FROM status.expiries"
    )
    return Invariant("I11", row["bad"] == 0, row["checked"], _detail(unheard=row["bad"]))


async def figures(conn: asyncpg.Connection) -> dict[str, float]:
    """Count placements by state, steps ever taken, courses, people, completions."""
    states = await conn.fetch("SELECT state, n FROM status.placement_states")
    steps = {row["to_state"]: row["n"] for row in await conn.fetch("SELECT to_state, n FROM status.steps")}
    courses = await conn.fetch("SELECT state, n FROM status.course_states")
    people = await conn.fetch("SELECT status, n FROM status.participant_states")
    done = await _one(conn, "SELECT courses, finished, qualified FROM status.completions")
    found: dict[str, float] = {f"placements.{state}": 0 for state in PlacementState}
    found |= {f"placements.{row['state']}": row["n"] for row in states}
    found |= {f"courses.{row['state']}": row["n"] for row in courses}
    found |= {f"participants.{row['status']}": row["n"] for row in people}
    found["proposals"] = steps.get(PlacementState.PROPOSED, 0)
    found["reservations"] = steps.get(PlacementState.RESERVED, 0)
    found["placements"] = steps.get(PlacementState.CONFIRMED, 0)
    found["expired"] = steps.get(PlacementState.EXPIRED, 0)
    found["completions"] = steps.get(PlacementState.COMPLETED, 0)
    found["courses_completed"] = done["courses"]
    found["finished"] = float(done["finished"])
    found["qualified"] = float(done["qualified"])
    stored = await _one(conn, "SELECT runs, bytes FROM status.steering_stored")
    found |= {"steering.runs": stored["runs"], "steering.bytes": stored["bytes"]}
    return found


async def _one(conn: asyncpg.Connection, query: str, *values: object) -> asyncpg.Record:
    row = await conn.fetchrow(query, *values)
    if row is None:
        raise LookupError("a count returned no row")
    return row


def _detail(**counts: int) -> str:
    return ", ".join(f"{name}: {n}" for name, n in counts.items() if n)
