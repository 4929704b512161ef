"""Part 3: one teaching day of a whole country is assessed, from reported marks to risks."""

import time
from datetime import UTC, datetime, timedelta

import asyncpg

from services.notifications.risk import parameters
from services.notifications.risk.assessor import RiskAssessor
from services.notifications.risk.parameters_store import RiskBookshelf
from services.runtime.data.db import open_pool
from tests.benchmarks.classes import have_taught
from tests.benchmarks.stage import Stage, say
from tests.serving import Servers

HISTORY = 20
"""Course days that were assessed before."""
_PEOPLE = """
CREATE TEMPORARY TABLE bench_seat ON COMMIT DROP AS
SELECT md5('bench/' || c)::uuid AS course, md5('bench/' || c || '/' || p)::uuid AS person,
    c, p FROM generate_series(1, $1::integer) AS c, generate_series(1, $2::integer) AS p
"""
_COURSES = """
INSERT INTO course (course_id, provider, own_id, title, kreis, starts_on, ends_on, sections, stated)
SELECT DISTINCT ON (course) course, 'kurs-bench', 'k-' || c, 'Kurs', '99001', $1::date - 40, $1::date + 160,
    '[]'::jsonb, 1 FROM bench_seat
"""
_PLACEMENTS = """
INSERT INTO placement (placement_id, version, participant_id, course_id, provider, own_course, office, kreis,
    entry_section, starts_on, ends_on, state, released, reason, decided_at)
SELECT gen_random_uuid(), 3, person, course, 'kurs-bench', 'k-' || c, 'amt-bench', '99001', 1, $1::date - 40,
    $1::date + 160, 'started', true, '{}'::jsonb, now() FROM bench_seat
"""
_MARKS = ("X",) * 90 + ("E",) * 6 + ("U",) * 4


async def teaching_day(servers: Servers, *, course_days: int, entries: int) -> None:
    """Measure and print."""
    people = max(1, entries // course_days)
    stage, today = Stage(servers), datetime.now(UTC).date()
    say(
        f"A teaching day: {course_days:,} course days of {people} entries ({course_days * people:,}),"
        f" {HISTORY} course days of each assessed before"
    )

    async def fill(conn: asyncpg.Connection) -> None:
        await conn.execute("SELECT setseed(0.5)")
        await conn.execute(_PEOPLE, course_days, people)
        await conn.execute(_COURSES, today)
        await conn.execute(_PLACEMENTS, today)
        await have_taught(conn, today - timedelta(days=HISTORY), HISTORY, marks=_MARKS)
        await have_taught(conn, today, 1, marks=_MARKS, assessed=False)

    try:
        await stage.prepare(fill)
        async with stage.database() as database:
            await _assess(database.worker, course_days * people)
    finally:
        await stage.close()


async def _assess(worker: str, entries: int) -> None:
    pool = await open_pool(worker, name="bench", max_size=4)
    try:
        assessor, now = RiskAssessor(pool, RiskBookshelf(parameters.load())), datetime.now(UTC)
        begun, used = time.perf_counter(), time.process_time()
        while await assessor.drain(now):
            pass
        took, cpu = time.perf_counter() - begun, time.process_time() - used
        async with pool.acquire() as conn:
            risks = await conn.fetchval("SELECT count(*) FROM risk WHERE state = 'open'")
            left = await conn.fetchval("SELECT count(*) FROM course_day WHERE NOT assessed")
        say(
            f"  assessed in {took:.1f} s ({entries / took:,.0f} entries/s), {cpu:.1f} s of processor here;"
            f" {risks:,} risks, {left} days left"
        )
    finally:
        await pool.close()
