"""What was tried as a what-if, then really done by events: the engine says the same, person by person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.allocation.acts.placements import Done
from services.allocation.law.rulebook import load_rulebook
from services.allocation.placements.results import DecidedBy
from services.allocation.policy import travel_store
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import Policies, load_policies
from services.allocation.policy.travel import Table
from services.allocation.steering.matching.domain import Course
from services.allocation.steering.matching.match import match
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions.applying import apply, beside_of
from services.allocation.steering.questions.changes import Change, parse_all, written
from services.allocation.steering.questions.material import ReadContext, changed, snapshot_source
from services.runtime.data.db import acquire, transaction
from tests.allocation.builders import (
    KREIS,
    NOW,
    OFFICE,
    OTHER_PROVIDER,
    PROVIDER,
    START,
    announced,
    cancelled,
    course,
    levelled,
    person,
    registered,
    sections,
)
from tests.allocation.world import World, world_on
from tests.conftest import MakeDatabase

PEOPLE = [f"p{number}" for number in range(10)]
HOME, FAR, NEAR, NEW = "99001002", "99001009", "99001003", "99001007"
WAYS = {(HOME, FAR): 55, (HOME, NEAR): 25, (HOME, "99001001"): 10, (HOME, NEW): 90}


@pytest.fixture
async def world(database: MakeDatabase, prefix: str) -> AsyncIterator[World]:
    """Three courses; of ten people four sit in the first in every way, one is proposed there, one sent."""
    async with world_on(await database("allocation"), prefix) as world:
        await world.must(PROVIDER, announced("k1", capacity=6))
        await world.must(PROVIDER, announced("k2", capacity=2))
        await world.must(OTHER_PROVIDER, announced("o1", capacity=2, town=FAR))
        for number, reference in enumerate(PEOPLE):
            facts = {"needs_childcare": number % 3 == 0, "max_travel_minutes": 40 if number % 2 else None}
            await world.must(OFFICE, registered(reference, **facts))
            await world.must(OFFICE, levelled(reference))
        for reference in ("p0", "p1"):
            await world.reserved(reference)
        for reference in ("p2", "p3"):
            await world.enrolled(reference)
        await world.propose("p4")
        (sent,) = await world.propose("p5")
        async with transaction(world.pool) as conn:
            assert isinstance(
                await world.placements.send_to_authority(conn, DecidedBy("jana", NOW), sent), Done
            )
        async with transaction(world.pool) as conn:
            await travel_store.load(conn, KREIS, travel_store.File("ways.csv", b""), Table(WAYS), "jana", NOW)
        yield world


async def _seen(world: World, policies: Policies, changes: tuple[Change, ...] = ()) -> Snapshot:
    """Take today's snapshot as a question does, with changes tried on it."""
    look = snapshot_source(CurrentPolicies(policies), load_rulebook())
    async with acquire(world.pool) as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        seen = await look(conn, KREIS, NOW)
        asked = {"changes": [written(change) for change in changes]}
        material = await changed(ReadContext(conn, KREIS, asked, NOW, look, seen))
    return apply(seen, changes, beside_of({**asked, "kreis": KREIS, "material": material}))


def _as_decided(seen: Snapshot) -> Snapshot:
    """Leave out how often facts have changed, and who cannot have a course that there is no longer."""
    known = {one.id for one in seen.courses}
    return replace(
        seen,
        people=tuple(
            replace(one, version=0, excluded=tuple(c for c in one.excluded if c in known))
            for one in seen.people
        ),
        courses=tuple(replace(one, version=0) for one in seen.courses),
        travel={},
    )


async def test_each_change_and_all_together(world: World) -> None:
    policies = load_policies()
    entry = policies.on(KREIS, NOW.date())
    other = entry.model_copy(update={"goals": ("waiting", "travel_time"), "alternatives": 1})
    tried: tuple[dict[str, Any], ...] = (
        {"kind": "capacity", "course": str(course("k2")), "seats": 2},
        {"kind": "course_cancelled", "course": str(course("k1"))},
        {"kind": "childcare", "course": str(course("k2"))},
        {"kind": "course_moved", "course": str(course("o1", OTHER_PROVIDER)), "days": 7, "town": NEAR},
        {"kind": "policy", "policy": other.model_dump(mode="json")},
    )
    later = sections(start=START + timedelta(days=7))
    real = (
        (PROVIDER, announced("k2", capacity=4)),
        (PROVIDER, cancelled("k1")),
        (PROVIDER, announced("k2", capacity=4, childcare=True)),
        (OTHER_PROVIDER, announced("o1", capacity=2, town=NEAR, sections=later)),
    )
    one_more = Policies(policies.entries)
    for number, step in enumerate(tried):
        wanted = await _seen(world, one_more, parse_all([step]))
        if number < len(real):
            await world.must(*real[number])
        else:
            one_more = Policies((other,))
        came = await _seen(world, one_more)
        assert _as_decided(wanted) == _as_decided(came), step["kind"]
        assert match(wanted).places == match(came).places


async def test_all_changes_at_once(world: World) -> None:
    tried = (
        {"kind": "course_cancelled", "course": str(course("k1"))},
        {"kind": "course_moved", "course": str(course("o1", OTHER_PROVIDER)), "town": NEAR},
        {"kind": "capacity", "course": str(course("o1", OTHER_PROVIDER)), "seats": 3},
        {"kind": "course_cancelled", "course": str(course("k2"))},
    )
    before = await _seen(world, load_policies())
    assert {person("p0"), person("p2"), person("p5")}.isdisjoint(one.id for one in before.people)
    wanted = await _seen(world, load_policies(), parse_all(list(tried)))
    await world.must(PROVIDER, cancelled("k1"))
    await world.must(OTHER_PROVIDER, announced("o1", capacity=5, town=NEAR))
    await world.must(PROVIDER, cancelled("k2"))
    came = await _seen(world, load_policies())
    assert _as_decided(wanted) == _as_decided(came)
    assert {one.id for one in came.people} == {person(reference) for reference in PEOPLE}
    assert match(wanted).places == match(came).places != {}


async def test_an_added_course_is_like_one_that_is_announced(world: World) -> None:
    """Also in a town where no course has been: the municipality's table of ways holds there, too."""
    change = {
        "kind": "course_added",
        "course_type": "integration_general",
        "starts_on": START.isoformat(),
        "town": NEW,
        "times_of_day": ["morning"],
        "last_section": 3,
        "seats": 2,
        "minimum": 1,
    }
    wanted = await _seen(world, load_policies(), parse_all([change]))
    (added,) = _of(wanted, "new")
    assert wanted.travel[HOME, NEW] == 90
    known = {one.id for one in wanted.people if one.max_travel_minutes}
    assert {who for who, entry in match(wanted).places.items() if entry.course == added.id}.isdisjoint(known)
    lessons = [{"weekday": "mon", "starts_at": "09:00", "ends_at": "12:00"}]
    said = announced(
        "n1",
        capacity=2,
        minimum=1,
        town=NEW,
        sections=sections(),
        lessons=lessons,
        childcare=False,
        venue={"barrier_free": False},
    )
    await world.must(PROVIDER, said)
    came = await _seen(world, load_policies())
    (real,) = (one for one in _of(came, PROVIDER) if one.id == course("n1"))
    assert replace(added, weekdays=("mon",)) == replace(
        real, id=added.id, provider="new", version=0, sections=added.sections
    )
    assert [(one.number, one.starts_on, one.free) for one in added.sections][:1] == [(1, START, 2)]


def _of(seen: Snapshot, provider: str) -> list[Course]:
    return [one for one in seen.courses if one.provider == provider]


async def test_who_arrives_is_like_all_who_registered_lately(world: World) -> None:
    """Also like those who sit in a course by now: who still waits is not what comes."""
    await world.rows("UPDATE participant SET town = '99001005' WHERE participant = $1", person("p2"))
    (change,) = parse_all([{"kind": "arrivals", "per_week": 10, "weeks": 1}])
    once = await _seen(world, load_policies(), (change,))
    again = await _seen(world, load_policies(), (change,))
    new = {one.id for one in once.people} - {one.id for one in (await _seen(world, load_policies())).people}
    assert len(new) == 10
    assert once == again
    assert sum(one.town == "99001005" for one in once.people if one.id in new) == 1
    assert all(isinstance(one, UUID) for one in new)
