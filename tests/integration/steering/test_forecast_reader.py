"""The history of a Kreis as the database holds it: counts by week, who waits, what ends, what is on offer."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.allocation.steering.forecast.asked import history, of_kreis
from services.allocation.steering.forecast.history import UNTESTED, WARM_UP, Afterwards, Cell, Repeated
from services.allocation.steering.forecast.model import forecast
from services.allocation.steering.forecast.reader import (
    afterwards,
    course_ends,
    history_of,
    last_registration,
    registrations,
    repeated,
    section_ends,
    section_starts,
    waiting,
)
from services.allocation.steering.matching.snapshot import Snapshot
from services.runtime.data.db import connect
from services.simulator.world.people import population
from tests.conftest import MakeDatabase
from tests.databases import Database
from tests.integration.steering.rows import fill
from tests.unit.steering.region import DAY, a_region

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


async def test_who_comes_again_counts_again_unless_a_course_was_completed(
    conn: asyncpg.Connection, region: Snapshot
) -> None:
    before = sum(one.count for one in await registrations(conn, KREIS, DAY))
    left, completed = region.people[0].id, region.people[1].id
    for participant in (left, completed):
        await conn.execute(
            "UPDATE participant SET first_registered_on = $2, registered_on = $3, returns = 1"
            " WHERE participant = $1",
            participant,
            DAY - timedelta(days=200),
            DAY - timedelta(days=20),
        )
    await place(conn, region, completed, "completed", DAY - timedelta(days=60))
    found = await registrations(conn, KREIS, DAY)
    assert sum(one.count for one in found) == before + 1
    assert await afterwards(conn, KREIS, DAY) == Afterwards(1, 1)
    await conn.execute(
        "UPDATE participant SET registered_on = $2 WHERE participant = $1",
        completed,
        DAY - timedelta(days=1),
    )
    assert await afterwards(conn, KREIS, DAY) == Afterwards(1, 0)


async def test_who_sits_in_a_course_does_not_wait(conn: asyncpg.Connection, region: Snapshot) -> None:
    some = region.people[5]
    cell = Cell(some.course_types[0], some.level or UNTESTED, some.town)
    before = await waiting(conn, KREIS, DAY + timedelta(days=1))
    assert sum(before.values()) == len(region.people)
    await place(conn, region, some.id, "started", DAY)
    after = await waiting(conn, KREIS, DAY + timedelta(days=1))
    assert before[cell] - after.get(cell, 0) == 1
    assert sum(after.values()) == len(region.people) - 1


async def test_courses_end_and_sections_start_in_the_period(
    conn: asyncpg.Connection, region: Snapshot
) -> None:
    last = DAY + timedelta(weeks=12)
    ends = await course_ends(conn, KREIS, DAY, last)
    final = [course.sections[-1] for course in region.courses]
    wanted = [(one.ends_on, SEATS - one.free) for one in final if DAY <= one.ends_on <= last]
    assert sorted((end.on, end.seated) for end in ends) == sorted(wanted)
    starts = await section_starts(conn, KREIS, DAY, last)
    for start in starts:
        course = next(one for one in region.courses if str(one.id) == start.course)
        later = [section.free for section in course.sections if section.number >= start.number]
        assert start.free == min(later)
        assert DAY <= start.on <= last
    coming = sum(DAY <= one.starts_on <= last for course in region.courses for one in course.sections)
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


async def test_the_command_reads_forecasts_and_tests(conn: asyncpg.Connection, region: Snapshot) -> None:
    read = await history(conn, KREIS, None, 12)
    assert read.day == max(person.registered_on for person in region.people) + timedelta(days=1)
    settled = min(person.registered_on for person in region.people) + timedelta(weeks=WARM_UP)
    kept = [person for person in region.people if person.registered_on >= settled]
    assert sum(sum(weeks) for weeks in read.arrivals.values()) == len(kept) < len(region.people)
    assert read == await history_of(conn, KREIS, read.day, 12)
    whole = forecast(read).group("all")
    assert whole is not None
    assert whole.waiting == len(region.people)
    assert whole.seats > 0
    text = list(of_kreis(await registrations(conn, KREIS, date.max), 4))
    assert any("last 12" in line for line in text)
    with pytest.raises(ValueError, match="nobody has ever registered in 99002"):
        await history(conn, "99002", None, 12)


async def test_sections_end_before_their_courses_and_some_repeat_them(
    conn: asyncpg.Connection, region: Snapshot
) -> None:
    last = DAY + timedelta(weeks=12)
    found = await section_ends(conn, KREIS, DAY, last)
    wanted = [
        (one.ends_on, SEATS - one.free)
        for course in region.courses
        for one in course.sections[:-1]
        if DAY <= one.ends_on <= last
    ]
    assert sorted((end.on, end.seated) for end in found) == sorted(wanted) != []
    assert await repeated(conn, KREIS, DAY) == Repeated(0, 0)
    course = next(one for one in region.courses if len(one.sections) > 1)
    await conn.execute(
        "UPDATE course_section SET completed_on = $2, taken = 9 WHERE course = $1 AND number = $3",
        course.id,
        DAY - timedelta(days=3),
        course.sections[0].number,
    )
    who = region.people[0].id
    await place(conn, region, who, "completed", DAY - timedelta(days=3))
    await conn.execute(
        """UPDATE placement SET state = 'transferred', reason = '{"code": "repeats_section"}'
        WHERE participant = $1""",
        who,
    )
    assert await repeated(conn, KREIS, DAY) == Repeated(9, 1)


async def test_the_simulators_year_is_forecast_better_than_without_a_model(conn: asyncpg.Connection) -> None:
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
    text = list(of_kreis(await registrations(conn, KREIS, date.max), 12))
    rows = {tuple(line.split()[:2]): line.split()[2:] for line in text if " sum " in line or " week " in line}
    for by in ("type", "level", "town", "type_level"):
        for what in ("week", "sum"):
            _, inside80, inside95, error, *naive, ends, by_chance = map(float, rows[by, what])
            assert inside80 >= 78
            assert inside95 >= 93
            assert error <= min(naive)
            assert ends <= by_chance
