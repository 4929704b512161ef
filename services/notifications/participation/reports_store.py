"""Reads and writes which reports of course days were read (table `course_report`)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from uuid import UUID

import asyncpg

from services.notifications.participation.reports import CourseReports, Rank, Report, reports_of
from services.runtime.data.db import Connection


async def reports(
    conn: Connection,
    courses: Sequence[UUID],
    named: Iterable[tuple[UUID, UUID]],
    days: Iterable[tuple[UUID, date]],
) -> dict[UUID, CourseReports]:
    """Return the reports of courses, as far as they are `named` or the last of one of these days."""
    read: dict[UUID, list[Report]] = defaultdict(list)
    concerned = set(days)
    for row in await _named(conn, sorted(set(named))):
        read[row["course_id"]].append(_report(row))
        concerned.add((row["course_id"], row["day"]))
    last: dict[UUID, dict[date, Report]] = defaultdict(dict)
    for row in await _last(conn, sorted(concerned)):
        last[row["course_id"]][row["day"]] = _report(row)
    return {course: reports_of(read[course], last[course]) for course in courses}


def _report(row: asyncpg.Record) -> Report:
    return Report(UUID(row["event_id"]), row["day"], Rank(row["counts_from"], row["depth"], row["position"]))


async def _named(conn: Connection, keys: Sequence[tuple[UUID, UUID]]) -> list[asyncpg.Record]:
    if not keys:
        return []
    return await conn.fetch(
        """
        SELECT r.course_id, r.event_id, r.day, r.counts_from, r.depth, r.position FROM course_report AS r
        JOIN unnest($1::uuid[], $2::text[]) AS k (c, e) ON r.course_id = k.c AND r.event_id = k.e
        """,
        [course for course, _ in keys],
        [str(cause) for _, cause in keys],
    )


async def _last(conn: Connection, keys: Sequence[tuple[UUID, date]]) -> list[asyncpg.Record]:
    return await conn.fetch(
        """
        SELECT d.course_id, d.day, r.event_id, r.counts_from, r.depth, r.position FROM course_day AS d
        JOIN unnest($1::uuid[], $2::date[]) AS k (c, day) ON d.course_id = k.c AND d.day = k.day
        JOIN course_report AS r ON r.course_id = d.course_id AND r.event_id = d.event_id
        """,
        [course for course, _ in keys],
        [day for _, day in keys],
    )


async def add(conn: Connection, reports_: Mapping[UUID, CourseReports]) -> None:
    """Add the reports that were read just now."""
    rows = [(course, report) for course, of_course in reports_.items() for report in of_course.added]
    if not rows:
        return
    await conn.execute(
        """
        INSERT INTO course_report (course_id, event_id, day, counts_from, depth, position)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::date[], $4::bigint[], $5::integer[], $6::bigint[])
        """,
        [course for course, _ in rows],
        [str(report.cause) for _, report in rows],
        [report.day for _, report in rows],
        [report.rank.counts_from for _, report in rows],
        [report.rank.depth for _, report in rows],
        [report.rank.position for _, report in rows],
    )
