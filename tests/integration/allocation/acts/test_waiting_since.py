"""Waiting is time without a seat: its first day is derived from what happened, in whatever order it came."""

import random
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas.base import Payload
from services.allocation.acts.placements import Done
from services.allocation.placements.results import DecidedBy
from services.allocation.steering.matching.domain import Person
from services.allocation.steering.matching.goals import waiting_days
from services.allocation.steering.runs import reading
from services.runtime.data.db import transaction
from tests.allocation.builders import (
    KREIS,
    NOW,
    OFFICE,
    PROVIDER,
    START,
    after_section,
    announced,
    cancelled,
    completed,
    course,
    left,
    person,
    registered,
)
from tests.allocation.world import World

REGISTERED = date(2026, 1, 5)
LEFT = date(2026, 4, 20)
LATE = date(2026, 12, 1)
BEGUN = datetime.combine(START, NOW.timetz())


async def _sits(world: World, *, started: bool = True) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    await world.enrolled()
    if started:
        assert await world.timers.start(BEGUN) == 1


async def _since(world: World) -> tuple[date, bool]:
    (row,) = await world.rows(
        "SELECT since, after_course FROM waiting_since WHERE participant = $1", person()
    )
    return row["since"], row["after_course"]


async def _seen(world: World) -> Person:
    """Return what a run sees of the person."""
    async with transaction(world.pool) as conn:
        (found,) = await reading.read_people(conn, [KREIS], LATE)
    return found


def _cancelled(day: date) -> Payload:
    return cancelled().model_copy(update={"cancelled_on": day})


async def test_it_runs_from_the_registration_while_nobody_has_sat_in_a_course(world: World) -> None:
    await world.must(OFFICE, registered())
    assert await _since(world) == (REGISTERED, False)
    assert (await _seen(world)).last_course_ended_on is None


@pytest.mark.parametrize("kind", ["transfer", "work"])
async def test_it_starts_anew_when_somebody_leaves_a_course(world: World, kind: str) -> None:
    await _sits(world)
    await world.must(PROVIDER, left(kind=kind))
    assert await _since(world) == (LEFT, True)


async def test_a_run_counts_from_the_end_of_the_last_course(world: World) -> None:
    await _sits(world)
    await world.must(PROVIDER, left(kind="transfer"))
    assert waiting_days(await _seen(world), LATE) == (LATE - LEFT).days


async def test_it_starts_anew_when_a_course_is_cancelled_that_has_begun(world: World) -> None:
    await _sits(world)
    await world.must(PROVIDER, _cancelled(date(2026, 3, 20)))
    assert await _since(world) == (date(2026, 3, 20), True)


async def test_a_place_lost_before_the_course_began_changes_nothing(world: World) -> None:
    await _sits(world, started=False)
    await world.must(PROVIDER, _cancelled(START - timedelta(days=1)))
    assert await _since(world) == (REGISTERED, False)
    assert waiting_days(await _seen(world), LATE) == (LATE - REGISTERED).days


async def test_it_starts_anew_when_a_course_is_completed(world: World) -> None:
    await _sits(world)
    await world.must(PROVIDER, completed())
    assert await _since(world) == (date(2026, 7, 1), True)


async def test_it_starts_anew_for_who_repeats_a_section_elsewhere(world: World) -> None:
    await _sits(world)
    done = after_section(1, (person(), "repeats", None))
    await world.must(PROVIDER, done)
    assert await _since(world) == (done.completed_on, True)


async def test_a_later_registration_counts_and_an_older_one_said_again_does_not(world: World) -> None:
    await _sits(world)
    await world.must(PROVIDER, left())
    await world.must(OFFICE, registered(registered_on=REGISTERED))
    assert await _since(world) == (LEFT, True)
    await world.must(OFFICE, registered(registered_on=date(2026, 6, 1)), corrects="e0")
    assert await _since(world) == (date(2026, 6, 1), False)


async def test_the_last_of_several_courses_counts(world: World) -> None:
    await _sits(world)
    await world.must(PROVIDER, left(kind="transfer"))
    await world.must(PROVIDER, announced("k2", sections=announced().sections))
    async with transaction(world.pool) as conn:
        done = await world.placements.override(
            conn, DecidedBy("jana", NOW, "the other course of the day"), person(), course("k2"), 1
        )
    assert isinstance(done, Done)
    await world.must(PROVIDER, left(own="k2", left_on=date(2026, 3, 3)))
    assert await _since(world) == (LEFT, True)  # the place in k2 was never confirmed: nobody sat there


# What is corrected or taken back leads to the date as if it had come right at first.


async def test_a_wrong_day_of_leaving_is_corrected(world: World) -> None:
    await _sits(world)
    leaving = world.event(PROVIDER, left(kind="transfer"))
    await world.judged(leaving)
    await world.must(PROVIDER, left(kind="transfer", left_on=date(2026, 5, 4)), corrects=leaving.event.id)
    assert await _since(world) == (date(2026, 5, 4), True)


@pytest.mark.parametrize("started", [True, False], ids=["started by the timer", "only confirmed"])
async def test_who_turns_out_never_to_have_come_keeps_the_registration(world: World, started: bool) -> None:
    await _sits(world, started=started)
    leaving = world.event(PROVIDER, left(kind="transfer"))
    await world.judged(leaving)
    before = left(kind="transfer", left_on=START - timedelta(days=3))
    await world.must(PROVIDER, before, corrects=leaving.event.id)
    assert await _since(world) == (REGISTERED, False)


async def test_who_turns_out_to_have_come_waits_anew(world: World) -> None:
    await _sits(world, started=False)
    leaving = world.event(PROVIDER, left(kind="transfer", left_on=START - timedelta(days=3)))
    await world.judged(leaving)
    assert await _since(world) == (REGISTERED, False)
    await world.must(PROVIDER, left(kind="transfer"), corrects=leaving.event.id)
    assert await _since(world) == (LEFT, True)


async def test_an_exit_that_is_taken_back_leaves_no_trace(world: World) -> None:
    await _sits(world)
    leaving = world.event(PROVIDER, left(kind="transfer"))
    await world.judged(leaving)
    await world.must(PROVIDER, left(kind="transfer"), retracts=leaving.event.id)
    assert await _since(world) == (REGISTERED, False)
    await world.must(PROVIDER, left(kind="transfer", left_on=date(2026, 5, 4)))
    assert await _since(world) == (date(2026, 5, 4), True)


async def test_the_day_of_a_cancellation_is_said_anew(world: World) -> None:
    await _sits(world, started=False)
    await world.must(PROVIDER, _cancelled(START - timedelta(days=1)))
    await world.must(PROVIDER, _cancelled(date(2026, 3, 20)))
    assert await _since(world) == (date(2026, 3, 20), True)
    await world.must(PROVIDER, _cancelled(START - timedelta(days=1)))
    assert await _since(world) == (REGISTERED, False)


async def test_the_end_of_a_completed_course_is_said_anew(world: World) -> None:
    await _sits(world)
    await world.must(PROVIDER, completed())
    await world.must(PROVIDER, completed(completed_on=date(2026, 6, 26)))
    assert await _since(world) == (date(2026, 6, 26), True)
    rows: list[Any] = await world.rows("SELECT ended_on FROM course")
    assert [row["ended_on"] for row in rows] == [date(2026, 6, 26)]
    assert await world.rows("SELECT FROM placement_step WHERE reason = 'course_end_corrected'")


@pytest.mark.parametrize("start_first", [True, False])
async def test_a_start_that_is_told_late_leads_to_the_same_date(world: World, start_first: bool) -> None:
    """The timer that starts places may run after somebody is said never to have come, or before."""
    await _sits(world, started=start_first)
    await world.must(PROVIDER, left(kind="transfer", left_on=START - timedelta(days=1)))
    assert await world.timers.start(BEGUN) == 0
    assert await _since(world) == (REGISTERED, False)
    rows = await world.rows("SELECT started_on FROM placement")
    assert [row["started_on"] for row in rows] == [None]


async def test_a_registration_read_before_the_end_of_the_course_counts_from_its_day(world: World) -> None:
    """Office and provider speak on topics of their own: the new registration may be read first."""
    await _sits(world)
    await world.must(OFFICE, registered(registered_on=date(2026, 5, 4)))
    await world.must(PROVIDER, left())
    assert await _since(world) == (date(2026, 5, 4), False)
    assert (await _seen(world)).registered_on == date(2026, 5, 4)


async def test_facts_told_again_before_somebody_leaves_are_no_new_registration(world: World) -> None:
    await _sits(world)
    await world.must(OFFICE, registered(registered_on=date(2026, 4, 1)))
    await world.must(PROVIDER, left())
    (row,) = await world.rows("SELECT status FROM participant")
    assert row["status"] == "left"


async def test_what_a_merged_registration_sat_in_counts_for_the_one_that_stays(world: World) -> None:
    await _sits(world)
    await world.must(PROVIDER, left(kind="transfer"))
    await world.must(OFFICE, registered("p2", registered_on=date(2026, 1, 7)))
    async with transaction(world.pool) as conn:
        refused = await world.placements.merge(conn, DecidedBy("jana", NOW), person(), person("p2"))
    assert refused is None
    assert (await _seen(world)).last_course_ended_on == LEFT


async def test_the_day_kept_with_a_person_is_the_one_that_is_derived(world: World) -> None:
    """Whatever is written to placements and mergers, in whatever order."""
    await _sits(world)
    ids = [person(), *(UUID(int=n) for n in range(1, 6))]
    draw = random.Random(20261129)
    async with transaction(world.pool) as conn:
        for one in ids[1:]:
            await conn.execute(
                """
                INSERT INTO participant SELECT (jsonb_populate_record(p, jsonb_build_object(
                    'participant', $1::uuid, 'reference', $1::text))).* FROM participant AS p
                WHERE participant = $2
                """,
                one,
                ids[0],
            )
        (template,) = await conn.fetch("SELECT placement FROM placement")
        for _ in range(60):
            step = draw.randrange(4)
            if step == 0:
                await conn.execute(
                    """
                    INSERT INTO placement SELECT (jsonb_populate_record(p, jsonb_build_object(
                        'placement', $1::uuid, 'participant', $2::uuid, 'state', 'left',
                        'seats', '[]'::jsonb, 'started_on', $3::date, 'ended_on', $4::date))).*
                    FROM placement AS p WHERE placement = $5
                    """,
                    UUID(int=draw.getrandbits(100)),
                    draw.choice(ids),
                    START,
                    START + timedelta(days=draw.randrange(-9, 99)),
                    template["placement"],
                )
            elif step == 1:
                await conn.execute(
                    """
                    UPDATE placement SET ended_on = $1, state = $2, participant = $3 WHERE placement = (
                        SELECT placement FROM placement WHERE state <> 'started'
                        ORDER BY md5($4 || placement) LIMIT 1)
                    """,
                    START + timedelta(days=draw.randrange(-9, 99)),
                    draw.choice(("left", "completed", "released", "course_cancelled")),
                    draw.choice(ids),
                    str(draw.random()),
                )
            elif step == 2:
                lower, upper = sorted(draw.sample(range(len(ids)), 2))
                await conn.execute(
                    "UPDATE participant SET status = 'merged', merged_into = $2 WHERE participant = $1",
                    ids[upper],
                    ids[lower],
                )
            else:
                await conn.execute(
                    "UPDATE participant SET status = 'active', merged_into = NULL WHERE participant = $1",
                    draw.choice(ids),
                )
            wrong = await conn.fetch(
                """
                SELECT participant, p.last_course_ended_on, d.ended_on FROM participant AS p
                JOIN LATERAL last_course_ended_on(p.participant) AS d (ended_on) ON true
                WHERE p.last_course_ended_on IS DISTINCT FROM d.ended_on
                """
            )
            assert not wrong
