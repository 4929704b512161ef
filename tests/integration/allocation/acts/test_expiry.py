"""I11: a reservation expires only if nobody's unread or parked answer can still reach it."""

from datetime import datetime, timedelta

import asyncpg
import orjson
import pytest

from schemas.gateway import PublisherProgressed
from services.allocation.placements import progress
from services.runtime.data.db import transaction
from tests.allocation.builders import NOW, OFFICE, PROVIDER, accepted, announced, registered
from tests.allocation.world import World

DUE = NOW + timedelta(days=10)
LATER = DUE + timedelta(hours=1)


async def _spoken(world: World, slug: str, until: datetime, end: int) -> None:
    async with transaction(world.pool) as conn:
        await progress.write(conn, [PublisherProgressed(publisher=slug, until=until, offsets={"0": end})])


async def _read(world: World, slug: str, to: int, cluster: str = "now") -> None:
    await world.rows(
        """
        INSERT INTO runtime.stored_offset (cluster, consumer_group, topic, partition, next_offset)
        VALUES ($4, $1 || 'kurslotse.allocation.in', $1 || 'kurslotse.in.' || $2, 0, $3)
        ON CONFLICT (cluster, consumer_group, topic, partition)
            DO UPDATE SET next_offset = excluded.next_offset, updated_at = clock_timestamp()
        """,
        world.prefix,
        slug,
        to,
        cluster,
    )


async def _parked(world: World, subject: str, waits_for: str) -> None:
    await world.rows(
        """
        INSERT INTO runtime.parked (reader, cluster, topic, partition, "offset", publisher, identity, subject,
            waits_for, attributes, data, code, params)
        VALUES ('in', 'now', $1 || 'kurslotse.in.' || $2, 0, 3, $2, gen_random_uuid(), $3, $4, '{}', '', 'x',
            '{}')
        """,
        world.prefix,
        OFFICE,
        subject,
        waits_for,
    )


async def _reserved(world: World) -> str:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    placement = await world.reserved()
    (row,) = await world.rows("SELECT expires_at FROM placement")
    assert row["expires_at"] == DUE
    return str(placement)


async def _all_heard(world: World) -> None:
    for slug in (PROVIDER, OFFICE):
        await _spoken(world, slug, LATER, 5)
        await _read(world, slug, 5)


async def test_it_expires_when_both_were_heard(world: World) -> None:
    await _reserved(world)
    await _all_heard(world)
    assert await world.timers.expire(DUE) == 0  # not yet over
    assert await world.timers.expire(LATER) == 1
    assert await world.timers.expire(LATER) == 0
    rows = await world.rows(
        "SELECT publisher, due_at, until, heard_to, read_to FROM expiry ORDER BY publisher"
    )
    assert [tuple(row) for row in rows] == [(OFFICE, DUE, LATER, 5, 5), (PROVIDER, DUE, LATER, 5, 5)]
    assert await world.taken() == [0, 0, 0]
    assert "seat_freed_expired" in await world.reruns()
    await world.check()


@pytest.mark.parametrize("silent", [PROVIDER, OFFICE])
async def test_a_silent_publisher_stops_it(world: World, silent: str) -> None:
    await _reserved(world)
    await _all_heard(world)
    await world.rows("DELETE FROM progress WHERE publisher = $1", silent)
    assert await world.timers.expire(LATER) == 0
    await _spoken(world, silent, DUE, 5)  # up to the due time is not past it
    assert await world.timers.expire(LATER) == 0
    await _spoken(world, silent, LATER, 5)
    assert await world.timers.expire(LATER) == 1


@pytest.mark.parametrize("behind", [PROVIDER, OFFICE])
async def test_a_backlog_stops_it(world: World, behind: str) -> None:
    await _reserved(world)
    await _all_heard(world)
    await _spoken(world, behind, LATER, 6)
    assert await world.timers.expire(LATER) == 0
    await _read(world, behind, 9, cluster="an older one")
    await _read(world, behind, 5)  # what was read of another cluster says nothing
    assert await world.timers.expire(LATER) == 0
    await _read(world, behind, 6)
    assert await world.timers.expire(LATER) == 1
    await world.check()


async def test_a_parked_answer_stops_it(world: World) -> None:
    placement = await _reserved(world)
    await _all_heard(world)
    for subject, waits_for in (
        (str((await world.rows("SELECT participant FROM placement"))[0]["participant"]), "course:x"),
        ("somebody", f"placement:{placement}"),
    ):
        await _parked(world, subject, waits_for)
        assert await world.timers.expire(LATER) == 0
        await world.rows("DELETE FROM runtime.parked")
    await _parked(world, "somebody else", "course:x")
    assert await world.timers.expire(LATER) == 1


async def test_an_answer_in_time_wins(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    placement = await world.reserved()
    await _all_heard(world)
    await world.must(OFFICE, accepted(placement), LATER)
    assert await world.timers.expire(LATER) == 0
    assert await world.state(placement) == "accepted"


async def test_the_constraint_refuses_what_was_not_heard(world: World) -> None:
    await _reserved(world)
    with pytest.raises(asyncpg.CheckViolationError):
        await world.rows(
            """
            INSERT INTO expiry (placement, kreis, publisher, partition, due_at, until, heard_to, read_to)
            SELECT placement, kreis, provider, 0, expires_at, expires_at + interval '1 h', 6, 5 FROM placement
            """
        )


async def test_an_expiry_without_evidence_is_noticed(world: World) -> None:
    await _reserved(world)
    await world.rows("UPDATE placement SET state = 'expired', seats = '{}', expires_at = NULL")
    await world.rows("UPDATE course_section SET taken = 0")
    with pytest.raises(AssertionError, match="I11"):
        await world.check()


async def test_progress_never_goes_back(world: World) -> None:
    await _spoken(world, OFFICE, LATER, 5)
    await _spoken(world, OFFICE, NOW, 9)
    (row,) = await world.rows("SELECT until, offsets FROM progress")
    assert row["until"] == LATER
    assert orjson.dumps(row["offsets"]) == b'{"0":5}'
