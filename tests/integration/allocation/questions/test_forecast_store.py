"""The history of a Kreis as the database holds it: counts by week, who waits, what is on offer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from typer.testing import CliRunner

from services.allocation.steering.commands import app
from services.allocation.steering.forecast import UNTESTED, WARM_UP, Cell, backtest, forecast, history_from
from services.allocation.steering.forecast_store import (
    history_of,
    last_registration,
    registrations,
    section_starts,
    waiting,
)
from services.allocation.steering.matching.snapshot import Snapshot
from services.runtime.data.db import connect
from services.simulator.world.people import population
from tests.conftest import MakeDatabase
from tests.databases import Database
from tests.integration.allocation.rows import fill
from tests.unit.allocation.regions.region import DAY, a_region

KREIS = "99001"
SEATS = 20


@pytest.fixture
async def made(database: MakeDatabase) -> Database:
    return await database("allocation")


@pytest.fixture
async def conn(made: Database) -> AsyncIterator[asyncpg.Connection]:
    conn = await connect(made.worker, name="forecast-test")
    yield conn
    await conn.close()


@pytest.fixture
async def region(conn: asyncpg.Connection) -> Snapshot:
    region = a_region(3, 150, 12)
    await fill(conn, region, SEATS)
    return region


async def place(conn: asyncpg.Connection, region: Snapshot, participant: UUID, state: str, day: date) -> None:
    """Give somebody a placement in the first course."""
    course = region.courses[0]
    ended = day if state == "completed" else None
    await conn.execute(
        """
        INSERT INTO placement (placement, kreis, participant, course, provider, office, course_kind,
            entry_section, seats, state, version, reason, proposed_at, started_on, ended_on, changed_at)
        VALUES ($1, $2, $3, $4, $5, 'office-1', $6, $7, $8, $9, 1, '{}', now(), $10, $11, now())
        """,
        uuid4(),
        KREIS,
        participant,
        course.id,
        course.provider,
        course.kind,
        course.sections[0].number,
        [course.sections[0].number],
        state,
        day - timedelta(days=100),
        ended,
    )


async def test_registrations_are_counted_by_day_and_cell(conn: asyncpg.Connection, region: Snapshot) -> None:
    found = await registrations(conn, KREIS, DAY)
    wanted = Counter(
        (person.registered_on, Cell(person.course_types[0], person.level or UNTESTED, person.town))
        for person in region.people
        if person.registered_on < DAY
    )
    assert {(one.on, one.cell): one.count for one in found} == wanted
    assert [one.on for one in found] == sorted(one.on for one in found)
    assert await registrations(conn, "99002", DAY) == []
    assert await last_registration(conn, KREIS) == max(person.registered_on for person in region.people)
    assert await last_registration(conn, "99002") is None


async def test_who_comes_again_counts_again(conn: asyncpg.Connection, region: Snapshot) -> None:
    before = sum(one.count for one in await registrations(conn, KREIS, DAY))
    await conn.execute(
        "UPDATE participant SET first_registered_on = $2, registered_on = $3, returns = 1"
        " WHERE participant = $1",
        region.people[0].id,
        DAY - timedelta(days=200),
        DAY - timedelta(days=20),
    )
    assert sum(one.count for one in await registrations(conn, KREIS, DAY)) == before + 1


async def test_who_sits_in_a_course_does_not_wait(conn: asyncpg.Connection, region: Snapshot) -> None:
    some = region.people[5]
    cell = Cell(some.course_types[0], some.level or UNTESTED, some.town)
    before = dict(await waiting(conn, KREIS, DAY + timedelta(days=1)))
    assert sum(before.values()) == len(region.people)
    await place(conn, region, some.id, "started", DAY)
    after = dict(await waiting(conn, KREIS, DAY + timedelta(days=1)))
    assert before[cell] - after.get(cell, 0) == 1
    assert sum(after.values()) == len(region.people) - 1


async def test_sections_start_in_the_period(conn: asyncpg.Connection, region: Snapshot) -> None:
    last = DAY + timedelta(weeks=12)
    starts = await section_starts(conn, KREIS, DAY, last)
    for start in starts:
        course = next(one for one in region.courses if str(one.id) == start.course)
        later = [section.free for section in course.sections if section.starts_on >= start.on]
        assert start.free == min(later)
        assert DAY <= start.on < last
    coming = sum(DAY <= one.starts_on < last for course in region.courses for one in course.sections)
    assert len(starts) == coming > 0


async def test_courses_cancelled_or_removed_offer_nothing(conn: asyncpg.Connection, region: Snapshot) -> None:
    last = DAY + timedelta(weeks=12)
    gone = (await section_starts(conn, KREIS, DAY, last))[0].course
    await conn.execute(
        "UPDATE course SET state = 'cancelled', cancel_reason = 'other', ended_on = $2 WHERE course = $1",
        UUID(gone),
        DAY,
    )
    assert gone not in {start.course for start in await section_starts(conn, KREIS, DAY, last)}
    assert region.region == KREIS


async def test_the_command_reads_forecasts_and_tests(
    conn: asyncpg.Connection, made: Database, region: Snapshot
) -> None:
    day = max(person.registered_on for person in region.people) + timedelta(days=1)
    read = await history_of(conn, KREIS, day)
    settled = min(person.registered_on for person in region.people) + timedelta(weeks=WARM_UP)
    kept = [person for person in region.people if person.registered_on >= settled]
    assert sum(sum(weeks) for _, weeks in read.arrivals) == len(kept) < len(region.people)
    whole = next(one for one in forecast(read).groups if one.by == "all")
    assert whole.waiting == len(region.people)
    assert whole.seats > 0

    async def said(*words: str) -> tuple[int, str]:
        run = await asyncio.to_thread(
            CliRunner().invoke,
            app,
            ["forecast", *words],
            env={"KURSLOTSE_DB_WORKER": made.worker},
        )
        return run.exit_code, run.output

    code, text = await said(KREIS)
    assert code == 0
    assert f"From {day}" in text
    assert f"waiting without a seat: {len(region.people)}" in text
    code, text = await said(KREIS, "--backtest", "--weeks", "4")
    assert code == 0
    assert "last 4" in text
    code, text = await said("99002")
    assert code == 1
    assert "nobody has ever registered in 99002" in text


async def test_the_simulators_year_is_forecast_better_than_by_four_weeks(conn: asyncpg.Connection) -> None:
    """Its people are written as its offices register them; the demo plays the same ones."""
    await conn.executemany(
        """
        INSERT INTO participant (participant, kreis, office, reference, registered_on, first_registered_on,
            town, standing, route, course_types, tested_on, level, section)
        VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $5, $10, $11)
        """,
        [
            (
                uuid4(),
                KREIS,
                person.office,
                person.reference,
                person.registered_on,
                person.town,
                person.standing,
                person.route,
                list(person.course_types),
                person.level,
                person.section,
            )
            for person in population(7, date(2026, 1, 5), 1500)
        ],
    )
    history = history_from(await registrations(conn, KREIS, date.max), date(2027, 1, 4))
    for score in backtest([history]):
        assert score.inside80 >= 0.78
        assert score.inside95 >= 0.93
        assert score.error <= score.error_four_weeks or score.by == "all"
