"""Reads the history of people who consent to dropout support: running numbers, no id, no name."""

from collections.abc import Sequence
from datetime import date

import asyncpg

from services.notifications.risk.attendance import CourseDay
from services.notifications.risk.evaluate.history import Enrolment, Exit, ReportedDay
from services.runtime.data.db import Connection


async def history(
    conn: Connection, *, offices: Sequence[str] | None, since: date, today: date, most: int | None = None
) -> list[Enrolment]:
    """Read enrolments that began from `since` on, the latest `most`; of all offices if None. For the worker.

    Left out are enrolments without marks, and those with days of before it was kept when a day is reported.
    """
    statement = "SELECT * FROM risk_history($1::text[], $2, $3, $4)"
    named = None if offices is None else list(offices)
    return [_enrolment(row) for row in await conn.fetch(statement, named, since, today, most)]


async def own_history(conn: Connection, *, since: date, today: date, most: int) -> list[Enrolment]:
    """Read the same of the visitor's own office, in a transaction of the web role."""
    rows = await conn.fetch("SELECT * FROM own_risk_history($1, $2, $3)", since, today, most)
    return [_enrolment(row) for row in rows]


def _enrolment(row: asyncpg.Record) -> Enrolment:
    days = [
        ReportedDay(CourseDay(day, mark, ue, held), reported)
        for day, mark, ue, held, reported in zip(
            row["days"], row["marks"], row["ues"], row["helds"], row["reported"], strict=True
        )
    ]
    return Enrolment(
        f"K-{row['course']}",
        f"P-{row['participant']}",
        f"T-{row['provider']}",
        row["joined_on"],
        row["ends_on"],
        tuple(sorted(days, key=lambda item: (item.reported_on, item.day.day))),
        Exit(row["exit_kind"], row["left_on"], row["told_on"]) if row["exit_kind"] else None,
        row["known_from"],
    )
