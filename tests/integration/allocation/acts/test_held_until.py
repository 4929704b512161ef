"""A reserved place is answered before its course begins, whoever reserved it."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from schemas.days import LOCAL
from schemas.providers import CourseChanged
from services.allocation.acts.change_course import Changed, change
from services.allocation.acts.placements import Done
from services.allocation.placements.results import DecidedBy
from services.allocation.placements.rulings_store import in_force
from services.allocation.unit_of_work import Keys
from services.runtime.data.db import transaction
from tests.allocation.builders import (
    NOW,
    OFFICE,
    PROVIDER,
    START,
    announced,
    course,
    left,
    person,
    registered,
    sections,
)
from tests.allocation.world import World

FRIDAY_BEFORE = date(2026, 2, 27)
SHORTLY = datetime(2026, 2, 23, 8, tzinfo=UTC)
"""A week before the course begins, on Monday, 2 March; by the terms of tests it would be ten days."""
AFTER_EASTER = date(2026, 4, 7)


def _end(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), LOCAL)


async def _expires(world: World, own: str = "k1") -> datetime:
    (row,) = await world.rows(
        "SELECT expires_at FROM placement WHERE state = 'reserved' AND course = $1", course(own)
    )
    found: datetime = row["expires_at"]
    return found


async def _told(world: World) -> list[datetime]:
    reserved = [data for kind, data, _ in await world.told() if kind == "place-reserved"]
    return [datetime.fromisoformat(str(data["expires_at"])) for data in reserved]


@pytest.mark.parametrize(
    ("start", "now", "last"),
    [
        (START, SHORTLY, FRIDAY_BEFORE),
        (AFTER_EASTER, datetime(2026, 4, 1, 8, tzinfo=UTC), date(2026, 4, 2)),
        (START, datetime(2026, 2, 28, 12, tzinfo=UTC), date(2026, 2, 28)),
        (START, datetime(2026, 3, 2, 8, tzinfo=UTC), START),
        (START, datetime(2026, 3, 3, 8, tzinfo=UTC), date(2026, 3, 9)),
        (START, datetime(2026, 3, 11, 8, tzinfo=UTC), date(2026, 3, 11)),
    ],
    ids=["Monday", "after Easter", "Saturday before", "first day", "late entry", "too late to enter"],
)
async def test_it_ends_before_the_course_begins_and_never_before_the_end_of_today(
    world: World, start: date, now: datetime, last: date
) -> None:
    await world.must(PROVIDER, announced(sections=sections(start=start)))
    await world.must(OFFICE, registered())
    await world.reserved(now=now)
    assert await _expires(world) == _end(last)
    assert await _told(world) == [_end(last)]


async def test_the_policys_days_hold_where_they_end_before(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    await world.reserved()
    assert await _expires(world) == NOW + timedelta(days=10)


@pytest.mark.parametrize("by_hand", [True, False])
async def test_it_holds_for_the_person_in_the_room_and_for_a_place_by_hand(
    world: World, by_hand: bool
) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    thursday = datetime(2026, 2, 26, 8, tzinfo=UTC)  # three days in person: until Sunday
    by = DecidedBy("jana", thursday, "the person is in the room")
    if by_hand:
        async with transaction(world.pool) as conn:
            done = await world.placements.override(conn, by, person(), course(), 1, present=True)
    else:
        (placement,) = await world.propose("p1", now=thursday)
        async with transaction(world.pool) as conn:
            done = await world.placements.approve_proposal(conn, by, placement, present=True)
    assert isinstance(done, Done)
    assert await _expires(world) == _end(FRIDAY_BEFORE)


async def test_who_is_asked_again_after_a_wrong_exit_answers_in_time_as_well(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    await world.reserved(now=SHORTLY)
    leaving = world.event(PROVIDER, left())
    await world.judged(leaving, now=SHORTLY)
    await world.must(PROVIDER, left(), now=SHORTLY, retracts=leaving.event.id)
    assert await _expires(world) == _end(FRIDAY_BEFORE)


async def test_who_changes_to_a_course_that_stays_answers_before_that_begins(world: World) -> None:
    for own in ("k1", "k2"):
        await world.must(PROVIDER, announced(own, minimum=2))
    for reference in ("p1", "p2"):
        await world.must(OFFICE, registered(reference))
    await world.reserved("p1", "k1")
    await world.reserved("p2", "k2")
    both = {course("k1"), course("k2")}
    by = DecidedBy("jana", SHORTLY, "too few people in both")
    async with transaction(world.pool) as conn:
        work = await world.placements.load(conn, Keys(whole_courses=both), by.now)
        exclusions = await in_force(conn, list(work.people), sorted(both), work.today)
        assert isinstance(change(work, exclusions, course("k2"), course("k1"), None, by), Changed)
        await work.write(conn)
    rows = await world.rows("SELECT expires_at FROM placement WHERE state = 'reserved' ORDER BY expires_at")
    assert [row["expires_at"] for row in rows] == [NOW + timedelta(days=10), _end(FRIDAY_BEFORE)]


async def test_a_course_that_begins_earlier_shortens_what_is_reserved_and_the_office_is_told(
    world: World,
) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    placement = await world.reserved()
    earlier = sections(start=date(2026, 2, 9))
    await world.must(PROVIDER, CourseChanged(course="k1", sections=earlier), NOW + timedelta(days=1))
    assert await _expires(world) == _end(date(2026, 2, 6))
    assert await _told(world) == [NOW + timedelta(days=10), _end(date(2026, 2, 6))]
    (row,) = await world.rows(
        "SELECT from_state, to_state, actor FROM placement_step WHERE reason = 'begins_earlier'"
    )
    assert tuple(row) == ("reserved", "reserved", "policy")
    await world.must(PROVIDER, announced(), NOW + timedelta(days=1))
    assert await _expires(world) == _end(date(2026, 2, 6))  # what was said last stays
    assert await world.state(placement) == "reserved"
    await world.check()


async def test_a_course_that_began_yesterday_after_all_leaves_the_rest_of_late_entry(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    await world.reserved(now=NOW)
    begun = sections(start=date(2026, 1, 31))
    await world.must(PROVIDER, CourseChanged(course="k1", sections=begun))
    assert await _expires(world) == _end(date(2026, 2, 7))
