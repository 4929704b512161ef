"""Evaluates once a day, for each office, what the rules were worth on the people who consent to it."""

import logging
import time
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import asyncpg

from schemas.days import add_days, local_day
from services.notifications.risk.evaluate import history_store
from services.notifications.risk.evaluate.apart import WORTH, Evaluator, TooMuchError
from services.notifications.risk.evaluate.sweep import Worth
from services.notifications.risk.parameters_store import RiskBookshelf
from services.runtime.data.db import Connection, Pool, transaction

log = logging.getLogger(__name__)

DAYS = 365
"""How far back an evaluation looks."""
MOST = 2_000
"""The latest enrolments of an office that are looked at."""
_KEPT = timedelta(days=31)


@dataclass(slots=True)
class DailyEvaluation:
    """Evaluates one office at a time, so that however many there are, little is computed at once.

    Between two it rests in technical time: the demo's clock runs through many days in a minute.
    """

    pool: Pool
    books: RiskBookshelf
    evaluator: Evaluator = field(default_factory=Evaluator)
    rest_seconds: float = 60.0
    _rests_until: float = 0.0

    async def next(self, now: datetime) -> int:
        """Evaluate the next office that was not evaluated today; return how many were."""
        if time.monotonic() < self._rests_until:
            return 0
        today = local_day(now)
        async with transaction(self.pool) as conn:
            office = await _next_office(conn, today)
            if office is None:
                await conn.execute("DELETE FROM risk_evaluation WHERE day < $1", today - _KEPT)
                return 0
            rows = await history_store.rows(
                conn, offices=[office["slug"]], since=add_days(today, -DAYS), today=today, most=MOST
            )
            (book,) = (await self.books.current(conn)).of([office["slug"]])
        found: Worth | None = None
        try:
            found = await self.evaluator.worth(rows, book.rules_on(today).parameters)
        except TooMuchError:
            log.warning(
                "an office's risk rules took too long to be evaluated", extra={"office": office["slug"]}
            )
        async with transaction(self.pool) as conn:
            await _keep(conn, office, today, found)
        self._rests_until = time.monotonic() + self.rest_seconds
        return 1


async def _next_office(conn: Connection, today: date) -> asyncpg.Record | None:
    return await conn.fetchrow(
        """
        SELECT o.slug, o.organisation FROM office AS o LEFT JOIN risk_evaluation AS e ON e.office = o.slug
        WHERE o.active AND (e.day IS NULL OR e.day < $1) AND EXISTS (
            SELECT FROM consent AS c WHERE c.office = o.slug AND c.purpose = 'dropout_support'
                AND c.ended_at IS NULL)
        ORDER BY e.day NULLS FIRST, o.slug LIMIT 1
        """,
        today,
    )


async def _keep(conn: Connection, office: asyncpg.Record, today: date, found: Worth | None) -> None:
    await conn.execute(
        """
        INSERT INTO risk_evaluation (office, organisation, day, found) VALUES ($1, $2, $3, $4)
        ON CONFLICT (office) DO UPDATE SET organisation = EXCLUDED.organisation, day = EXCLUDED.day,
            found = EXCLUDED.found
        """,
        office["slug"],
        office["organisation"],
        today,
        None if found is None else WORTH.dump_python(found, mode="json"),
    )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was found on a day; None: it took too long."""

    day: date
    found: Worth | None


async def latest(conn: Connection, office: str) -> Evaluation | None:
    """Return the latest evaluation of the visitor's own office, in a transaction of the web role."""
    row = await conn.fetchrow("SELECT day, found FROM risk_evaluation WHERE office = $1", office)
    if row is None:
        return None
    return Evaluation(row["day"], None if row["found"] is None else WORTH.validate_python(row["found"]))
