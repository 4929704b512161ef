"""Weak courses are merged in one step: seats are kept, no course is overfilled, it can be undone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from services.allocation.acts.mergers import Merged, Merger, Mergers, NotMergedError
from services.allocation.acts.overrides import Overrides
from services.allocation.placements.results import DecidedBy
from services.allocation.placements.rulings import ExcludeCourse
from services.allocation.steering.questions.material import ReadContext, past_pooling
from services.runtime.data.db import open_pool, transaction, web_transaction
from tests.allocation.builders import (
    KREIS,
    NOW,
    OFFICE,
    OTHER_PROVIDER,
    PROVIDER,
    accepted,
    announced,
    course,
    declined,
    person,
    registered,
    withdrawn,
)
from tests.allocation.world import World

WHY = "three providers, four people each"
K1, K2, O1 = course("k1"), course("k2"), course("o1", OTHER_PROVIDER)
PARTS = KREIS, K1, PROVIDER, ((K2, PROVIDER), (O1, OTHER_PROVIDER))


async def _three(world: World, capacity: int = 8) -> dict[str, UUID]:
    """Three parallel courses; reserved, accepted, confirmed, proposed people in the two that will close."""
    for own in ("k1", "k2"):
        await world.must(PROVIDER, announced(own, capacity=capacity))
    await world.must(OTHER_PROVIDER, announced("o1", capacity=capacity))
    for number in range(6):
        await world.must(OFFICE, registered(f"p{number}"))
    held = {"p0": await world.reserved("p0"), "p1": await world.reserved("p1", "k2")}
    held["p2"] = await world.reserved("p2", "k2")
    await world.must(OFFICE, accepted(held["p2"], "p2"))
    held["p3"] = await world.enrolled("p3", "k2")
    (held["p4"],) = await world.propose("p4", own="o1", provider=OTHER_PROVIDER)
    await world.release(held["p4"])
    (held["p5"],) = await world.propose("p5", own="k2")
    return held


@asynccontextmanager
async def _as(world: World, actor: str) -> AsyncIterator[asyncpg.Connection]:
    """Act as a page does: with the web role, for one Kreis."""
    pool = await open_pool(world.database.web, name="merging-web", max_size=1)
    try:
        async with web_transaction(pool, kreise=[KREIS], person=actor) as conn:
            yield conn
    finally:
        await pool.close()


async def _merge(world: World, merger: Merger | None = None, actor: str = "jana") -> Merged:
    merger = merger or Merger(*PARTS, await world.seen(K1, K2, O1))
    async with _as(world, actor) as conn:
        return await Mergers(Overrides(world.placements)).merge(conn, DecidedBy(actor, NOW, WHY), merger)


async def _sits(world: World) -> dict[str, tuple[str, str]]:
    rows = await world.rows(
        """
        SELECT w.reference, c.own_course, p.state FROM placement p
        JOIN participant w USING (participant) JOIN course c USING (course)
        WHERE p.state IN ('proposed', 'reserved', 'accepted', 'confirmed')
        """
    )
    return {row["reference"]: (row["own_course"], row["state"]) for row in rows}


async def _balance(world: World) -> dict[str, int]:
    async with transaction(world.pool) as conn:
        sight = ReadContext(conn, KREIS, {}, NOW + timedelta(days=1), None, None)  # type: ignore[arg-type]
        return await past_pooling(sight)


async def _told_to_providers(world: World) -> list[tuple[str, str, bool]]:
    """Return which courses' mergers were told, each to its own provider and that of the course that stays."""
    told = []
    for kind, data, headers in await world.told():
        if kind == "course-merged":
            assert set(headers["ce_audience"].split(",")) == {str(data["provider"]), PROVIDER}
            told.append((str(data["own_course"]), str(data["provider"]), bool(data["holds"])))
    return [*sorted(told[:2]), *sorted(told[2:])]


async def test_everybody_keeps_a_seat_and_is_asked_once_more(world: World) -> None:
    held = await _three(world)
    done = await _merge(world)
    assert set(done.moved) == {person(reference) for reference in ("p1", "p2", "p3", "p4")}
    assert await _sits(world) == {f"p{n}": ("k1", "reserved") for n in range(5)}
    assert await world.taken() == [5, 5, 5]
    assert await world.taken("k2") == [0, 0, 0]
    assert await world.state(held["p5"]) == "superseded"  # a proposal: steering proposes anew
    told = [
        (kind, data["to_state"])
        for kind, data, _ in await world.told()
        if data.get("placement") == str(held["p3"])
    ]
    assert told[-1] == ("enrolment-ended", "released")
    rows = await world.rows("SELECT DISTINCT note FROM placement_step WHERE reason = 'pooled'")
    assert [row["note"] for row in rows] == [WHY]
    rows = await world.rows("SELECT expires_at FROM placement WHERE state = 'reserved'")
    assert all(row["expires_at"] is not None for row in rows)
    assert await _told_to_providers(world) == [("k2", PROVIDER, True), ("o1", OTHER_PROVIDER, True)]
    assert {"pooling", "course_decision"} <= await world.reruns()
    assert {tuple(row) for row in await world.rows("SELECT course, host FROM course_merged")} == {
        (K2, K1),
        (O1, K1),
    }
    await world.check()


async def test_without_a_seat_for_all_nothing_is_merged(world: World) -> None:
    await _three(world, capacity=4)
    before = await _sits(world)
    with pytest.raises(NotMergedError, match="no_seat"):
        await _merge(world)
    assert await _sits(world) == before
    assert (
        await world.rows("SELECT FROM course_decision")
        == await world.rows("SELECT FROM pooling_decision")
        == []
    )
    await world.check()


async def test_who_may_not_come_to_the_host_keeps_the_seat(world: World) -> None:
    """Excluded there by a coordinator, or the course is nothing for them: nobody is moved against it."""
    held = await _three(world)
    async with transaction(world.pool) as conn:
        why = "was there before and left"
        await Overrides(world.placements).exclude(
            conn, DecidedBy("jana", NOW, why), person("p1"), ExcludeCourse(K1)
        )
    both = {person("p1"): "exclusion", person("p2"): "childcare"}
    done = await _merge(world, Merger(*PARTS, await world.seen(K1, K2, O1), unsuited=both))
    assert set(done.stayed) == {person("p1"), person("p2")}
    assert (await world.state(held["p1"]), await world.state(held["p2"])) == ("reserved", "accepted")
    assert await world.taken("k2") == [2, 2, 2]
    rows = await world.rows("SELECT placement, note FROM placement_step WHERE reason = 'stays_in_merged'")
    assert {(row["placement"], row["note"]) for row in rows} == {(held["p1"], WHY), (held["p2"], WHY)}
    await world.check()


async def _excluded(world: World, reference: str) -> None:
    async with transaction(world.pool) as conn:
        by = DecidedBy("jana", NOW, "was there before and left")
        await Overrides(world.placements).exclude(conn, by, person(reference), ExcludeCourse(K1))


@pytest.mark.parametrize(
    ("change", "differences"),
    [
        ("declines", {("gone", K2, person("p1"))}),
        ("comes", {("came", K2, person("p5"))}),
        ("changed", {("course", O1, None)}),
        ("taken elsewhere", {("course", K1, None)}),
        ("excluded", {("excluded", None, person("p1"))}),
        ("entering withdrew", {("waits", None, person("p6"))}),
        ("entering has a seat", {("waits", None, person("p6")), ("came", K2, person("p6"))}),
        ("entering is excluded", {("excluded", None, person("p6"))}),
    ],
)
async def test_what_has_changed_since_it_was_computed_is_said_and_nothing_is_done(
    world: World, change: str, differences: set[tuple[str, UUID | None, UUID | None]]
) -> None:
    held = await _three(world)
    await world.must(OFFICE, registered("p6"))
    (row,) = await world.rows("SELECT version FROM participant WHERE participant = $1", person("p6"))
    merger = Merger(*PARTS, await world.seen(K1, K2, O1), ((person("p6"), row["version"]),))
    match change:
        case "declines":
            await world.must(OFFICE, declined(held["p1"], "p1"))
        case "comes":
            await world.release(held["p5"])
        case "changed":
            await world.must(OTHER_PROVIDER, announced("o1", capacity=9))
        case "taken elsewhere":
            await world.must(PROVIDER, announced("k1", capacity=8, taken_elsewhere=1))
        case "excluded":
            await _excluded(world, "p1")
        case "entering withdrew":
            await world.must(OFFICE, withdrawn("p6"))
        case "entering has a seat":
            await world.reserved("p6", "k2")
        case _:
            await _excluded(world, "p6")
    before = await _sits(world)
    with pytest.raises(NotMergedError, match="suggestion_changed") as refused:
        await _merge(world, merger)
    found = {(one.code, one.course, one.participant) for one in refused.value.differences}
    assert found == differences
    assert await _sits(world) == before
    for table in ("pooling_decision", "course_decision", "course_merged"):
        assert await world.rows(f"SELECT FROM {table}") == []


async def test_a_merger_is_undone(world: World) -> None:
    """Who has not answered has the old seat again, who accepted the new one stays; no balance counts it."""
    await _three(world)
    done = await _merge(world)
    assert await _balance(world) == {PROVIDER: 0, OTHER_PROVIDER: -1}
    rows = await world.rows(
        "SELECT placement FROM placement WHERE participant = $1 AND state = 'reserved'", person("p2")
    )
    await world.must(OFFICE, accepted(rows[0]["placement"], "p2"))
    async with _as(world, "peter") as conn:
        back = await Mergers(Overrides(world.placements)).undo(
            conn, DecidedBy("peter", NOW + timedelta(hours=1), WHY), done.decision
        )
    assert set(back.moved) == {person("p1"), person("p3"), person("p4")}
    sits = await _sits(world)
    assert (sits["p0"], sits["p2"]) == (("k1", "reserved"), ("k1", "accepted"))
    assert {sits[one][0] for one in ("p1", "p3")} == {"k2"}
    assert sits["p4"] == ("o1", "reserved")
    assert await _balance(world) == {}
    assert await world.rows("SELECT FROM course_merged") == []
    assert (await _told_to_providers(world))[2:] == [("k2", PROVIDER, False), ("o1", OTHER_PROVIDER, False)]
    await world.check()
    later = DecidedBy("peter", NOW + timedelta(hours=2), WHY)
    with pytest.raises(NotMergedError, match="already_lifted"):
        async with _as(world, "peter") as conn:
            await Mergers(Overrides(world.placements)).undo(conn, later, done.decision)


async def _again_after_deadlock(work: object) -> object:
    for _ in range(10):
        try:
            return await work()  # type: ignore[operator]
        except asyncpg.DeadlockDetectedError:
            continue
        except NotMergedError as error:
            return error.refusal.code
    return pytest.fail("ten deadlocks in a row")


async def test_mergers_and_answers_race(world: World) -> None:
    """Two coordinators merge the same courses, one the other way round, while people accept and decline."""
    held = await _three(world, capacity=6)
    seen = await world.seen(K1, K2, O1)
    round_ = Merger(KREIS, K2, PROVIDER, ((K1, PROVIDER), (O1, OTHER_PROVIDER)), seen)
    merger = Merger(*PARTS, seen)
    outcomes = await asyncio.gather(
        _again_after_deadlock(lambda: _merge(world, merger)),
        _again_after_deadlock(lambda: _merge(world, merger, "peter")),
        _again_after_deadlock(lambda: _merge(world, round_, "petra")),
        _again_after_deadlock(lambda: world.say(OFFICE, accepted(held["p1"], "p1"))),
        _again_after_deadlock(lambda: world.say(OFFICE, declined(held["p4"], "p4"))),
        _again_after_deadlock(lambda: world.say(PROVIDER, announced("k1", capacity=2))),
    )
    merged = [one for one in outcomes[:3] if isinstance(one, Merged)]
    assert len(merged) <= 1
    assert all(
        one in {"course_closed", "no_seat", "suggestion_changed"}
        for one in outcomes[:3]
        if not isinstance(one, Merged)
    )
    sits = await _sits(world)
    assert {"p0", "p1", "p2", "p3"} <= sits.keys()
    await world.check()
