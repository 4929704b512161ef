"""Reads the history of people who consent to dropout support: running numbers, no id, no name."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import asyncpg

from services.notifications.people.domain import Purpose
from services.notifications.risk.attendance import CourseDay
from services.notifications.risk.evaluate.history import Enrolment, Exit, ReportedDay
from services.runtime.data.db import Connection

Row = asyncpg.Record | Mapping[str, Any]
Rows = Sequence[Row]
"""One row an enrolment; `enrolments` makes a history of them, which takes time and needs no transaction."""


async def rows(
    conn: Connection,
    *,
    offices: Sequence[str] | None,
    since: date,
    today: date,
    most: int | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - of the statement
) -> Sequence[asyncpg.Record]:
    """Read enrolments that began from `since` on, the latest `most`; of all offices if None. For the worker.

    Left out are enrolments without marks, and those with days of before it was kept when a day is reported.
    """
    return await conn.fetch(
        "SELECT * FROM risk_history($1::text[], $2, $3, $4)",
        None if offices is None else list(offices),
        since,
        today,
        most,
        timeout=timeout,
    )


async def taken_out(
    conn: Connection,
    *,
    since: date,
    today: date,
    now: datetime,
    timeout: float,  # noqa: ASYNC109 - of the statement
) -> Sequence[asyncpg.Record]:
    """Read the enrolments of all offices, and log that an operator took them out.

    The look is logged under each office that may hear of the person.
    """
    await conn.execute(
        """
        INSERT INTO disclosure_log (at, participant_id, organisation, actor, purpose, fields)
        SELECT DISTINCT $3::timestamptz, c.participant_id, coalesce(o.organisation, c.office),
            'service:operator', $4::text, ARRAY['attendance']
        FROM consent AS c LEFT JOIN office AS o ON o.slug = c.office
        WHERE c.purpose = 'dropout_support' AND c.ended_at IS NULL AND c.valid_until >= $2
            AND EXISTS (SELECT FROM placement AS p
                JOIN attendance AS a ON a.participant_id = p.participant_id AND a.course_id = p.course_id
                WHERE p.participant_id = c.participant_id AND p.released AND p.starts_on BETWEEN $1 AND $2)
        """,
        since,
        today,
        now,
        Purpose.EVALUATION,
    )
    return await rows(conn, offices=None, since=since, today=today, timeout=timeout)


async def own_rows(conn: Connection, *, since: date, today: date, most: int) -> Sequence[asyncpg.Record]:
    """Read the same of the visitor's own office, in a transaction of the web role."""
    return await conn.fetch("SELECT * FROM own_risk_history($1, $2, $3)", since, today, most)


def enrolments(found: Iterable[Row]) -> list[Enrolment]:
    """Return the enrolments that rows tell of; days may also be written as text."""
    return [_enrolment(row) for row in found]


def _enrolment(row: Row) -> Enrolment:
    days = [
        ReportedDay(CourseDay(_day(day), mark, ue, held), _day(reported))
        for day, mark, ue, held, reported in zip(
            row["days"], row["marks"], row["ues"], row["helds"], row["reported"], strict=True
        )
    ]
    kind, known_from = row["exit_kind"], row["known_from"]
    return Enrolment(
        f"K-{row['course']}",
        f"P-{row['participant']}",
        f"T-{row['provider']}",
        _day(row["joined_on"]),
        _day(row["ends_on"]),
        tuple(sorted(days, key=lambda item: (item.reported_on, item.day.day))),
        None if kind is None else Exit(kind, _day(row["left_on"]), _day(row["told_on"])),
        None if known_from is None else _day(known_from),
    )


def _day(value: date | str) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value
