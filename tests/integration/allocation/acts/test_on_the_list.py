"""Whoever may need a place stays on the list, in whatever order things are told, corrected and cancelled."""

from datetime import date, timedelta
from typing import Any

import pytest

from schemas.base import Payload
from services.allocation.acts.placements import Done
from services.allocation.placements.results import DecidedBy
from services.runtime.data.db import transaction
from tests.allocation.builders import (
    NOW,
    OFFICE,
    PROVIDER,
    START,
    WEEK,
    after_section,
    announced,
    cancelled,
    completed,
    course,
    left,
    person,
    registered,
    sections,
    withdrawn,
)
from tests.allocation.world import World

LEFT = date(2026, 4, 20)


async def status(world: World, reference: str = "p1") -> str:
    (row,) = await world.rows("SELECT status FROM participant WHERE participant = $1", person(reference))
    return str(row["status"])


async def sits(world: World, **course_: Any) -> None:  # noqa: ANN401
    await world.must(PROVIDER, announced(**course_))
    await world.must(OFFICE, registered())
    await world.enrolled()


async def has_another(world: World, kind: str = "vocational") -> None:
    """Hold a place of another kind, which begins when the first course is over."""
    later = sections(2, START + 26 * WEEK)
    await world.must(PROVIDER, announced("k2", course_type=kind, sections=later))
    async with transaction(world.pool) as conn:
        by = DecidedBy("jana", NOW, "goes on at once")
        assert isinstance(await world.placements.override(conn, by, person(), course("k2"), 1), Done)


@pytest.mark.parametrize(
    ("kind", "on"), [("work", LEFT), ("work", LEFT + timedelta(days=1)), ("transfer", LEFT), ("moved", LEFT)]
)
async def test_who_waits_again_goes_on_waiting_while_an_old_exit_is_corrected(
    world: World, kind: str, on: date
) -> None:
    await sits(world)
    leaving = world.event(PROVIDER, left())
    await world.judged(leaving)
    assert await status(world) == "left"
    await world.must(OFFICE, registered(registered_on=date(2026, 6, 1)))
    await world.must(PROVIDER, left(kind=kind, left_on=on), corrects=leaving.event.id)
    assert await status(world) == "active"
    await world.check()


@pytest.mark.parametrize("registered_first", [True, False])
@pytest.mark.parametrize(("days", "then"), [(-1, "left"), (0, "active"), (1, "active")])
async def test_no_order_between_office_and_provider_counts(
    world: World, registered_first: bool, days: int, then: str
) -> None:
    await sits(world)
    again = registered(registered_on=LEFT + timedelta(days=days))
    if registered_first:
        await world.must(OFFICE, again)
        await world.must(PROVIDER, left())
        assert await status(world) == then
    else:
        await world.must(PROVIDER, left())
        await world.must(OFFICE, again)
        assert await status(world) == "active"  # an office that registers somebody who has left means it


@pytest.mark.parametrize("end", [completed(), left(), after_section(1, (person(), "ends", None))])
async def test_who_loses_the_next_course_after_the_first_has_ended_waits_again(
    world: World, end: Payload
) -> None:
    await sits(world)
    await has_another(world)
    await world.must(PROVIDER, end)
    assert await status(world) == "active"
    await world.must(PROVIDER, cancelled("k2"))
    assert await status(world) == "active"
    await world.check()


async def test_who_has_completed_both_courses_leaves_the_list(world: World) -> None:
    await sits(world)
    await has_another(world)
    await world.rows(
        "UPDATE placement SET state = 'confirmed', expires_at = NULL WHERE course = $1", course("k2")
    )
    await world.must(PROVIDER, completed())
    await world.must(PROVIDER, completed("k2", completed_on=START + 40 * WEEK))
    assert await status(world) == "completed"


async def test_a_wrong_year_of_leaving_blocks_no_seat_once_it_is_corrected(world: World) -> None:
    await sits(world, capacity=1)
    wrong = world.event(PROVIDER, left(left_on=date(2035, 3, 20)))
    await world.judged(wrong)
    assert await world.taken() == [1, 1, 1]  # it says that the person sat there all the time
    await world.must(PROVIDER, left(left_on=date(2026, 3, 20)), corrects=wrong.event.id)
    assert await world.taken() == [0, 0, 0]
    await world.check()


async def test_who_was_to_enter_later_has_not_completed_a_course_that_ended_before(world: World) -> None:
    await sits(world)
    await world.rows("UPDATE placement SET entry_section = 3")
    await world.must(PROVIDER, completed(completed_on=sections()[2].starts_on - timedelta(days=1)))
    (row,) = await world.rows("SELECT state, started_on FROM placement")
    assert tuple(row) == ("course_cancelled", None)
    assert await status(world) == "active"


async def test_a_registration_corrected_after_a_completed_course_moves_no_first_day(world: World) -> None:
    await sits(world)
    await world.must(PROVIDER, completed())
    again = world.event(OFFICE, registered(registered_on=date(2027, 1, 4)))
    await world.judged(again)
    await world.must(OFFICE, registered(registered_on=date(2027, 1, 5)), corrects=again.event.id)
    (row,) = await world.rows("SELECT registered_on, first_registered_on FROM participant")
    assert tuple(row) == (date(2027, 1, 5), date(2026, 1, 5))


async def test_nobody_who_waits_is_merged_into_somebody_off_the_list(world: World) -> None:
    await world.must(OFFICE, registered())
    await world.must(OFFICE, registered("p2"))
    await world.must(OFFICE, withdrawn("p2"))
    async with transaction(world.pool) as conn:
        by = DecidedBy("jana", NOW)
        refused = await world.placements.merge(conn, by, person(), person("p2"))
        assert refused is not None
        assert refused.code == "merged_from_the_list"
        assert await world.placements.merge(conn, by, person("p2"), person()) is None
    assert await status(world) == "active"
