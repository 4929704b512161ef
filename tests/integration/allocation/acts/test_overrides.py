"""What coordinators rule about steering: on record, in force at once, lifted once, asked for again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.allocation.acts.overrides import Answer, Overrides, Ruled
from services.allocation.acts.placements import Done, NotDone
from services.allocation.placements.results import DecidedBy
from services.allocation.placements.rulings import Deviate, ExcludeCourse, ExcludeProvider
from services.allocation.status import holds_due
from services.runtime.data.db import connect, transaction
from tests.allocation.builders import (
    NOW,
    OFFICE,
    OTHER_OFFICE,
    OTHER_PROVIDER,
    PROVIDER,
    announced,
    assigned,
    cancelled,
    course,
    person,
    registered,
    withdrawn,
)
from tests.allocation.world import World, refusal
from tests.waiting import wait_until

WHY = "the person is in hospital until then"
LATER = NOW + timedelta(days=3)


async def _ready(world: World) -> None:
    for own in ("k1", "k2"):
        await world.must(PROVIDER, announced(own))
    await world.must(OTHER_PROVIDER, announced("o1"))
    await world.must(OFFICE, registered())
    await world.rows("DELETE FROM steering_request")


async def _rule(world: World, work: Callable[[Overrides, asyncpg.Connection], Awaitable[Answer]]) -> Answer:
    async with transaction(world.pool) as conn:
        return await work(Overrides(world.placements), conn)


async def _ruled(world: World, work: Callable[[Overrides, asyncpg.Connection], Awaitable[Answer]]) -> Ruled:
    answer = await _rule(world, work)
    assert isinstance(answer, Ruled), answer
    return answer


async def _hold(world: World, until: date | None = None, now: Any = NOW) -> Answer:  # noqa: ANN401
    return await _rule(world, lambda o, conn: o.hold(conn, DecidedBy("jana", now, WHY), person(), until))


async def _request(world: World) -> tuple[set[str], bool]:
    (row,) = await world.rows("SELECT reasons, urgent_since FROM steering_request")
    await world.rows("DELETE FROM steering_request")
    return set(row["reasons"]), row["urgent_since"] is not None


def _code(answer: Answer) -> str:
    assert isinstance(answer, NotDone), answer
    return answer.refusal.code


async def test_a_hold_takes_the_proposal_back_and_lets_no_run_propose(world: World) -> None:
    await _ready(world)
    (placement,) = await world.propose("p1")
    assert isinstance(await _hold(world, date(2026, 2, 20)), Ruled)
    assert await world.state(placement) == "superseded"
    (step,) = await world.rows("SELECT reason, actor, note FROM placement_step WHERE to_state = 'superseded'")
    assert tuple(step) == ("on_hold", "jana", WHY)
    assert await _request(world) == (
        {"hold", "proposal_taken_back"},
        True,
    )  # the place can be proposed to somebody else
    assert await world.propose("p1") == []

    await _ruled(world, lambda o, conn: o.end_hold(conn, DecidedBy("peter", LATER), person()))
    assert await _request(world) == ({"hold"}, False)
    (row,) = await world.rows(
        "SELECT until, reason, actor, decided_at, lifted_at, lifted_by FROM steering_hold"
    )
    assert tuple(row) == (date(2026, 2, 20), WHY, "jana", NOW, LATER, "peter")
    assert len(await world.propose("p1")) == 1
    assert _code(
        await _rule(world, lambda o, conn: o.end_hold(conn, DecidedBy("peter", LATER), person()))
    ) == ("already_lifted")


async def test_a_run_that_writes_meanwhile_waits_and_finds_the_hold(world: World) -> None:
    """Rulings are read after the lock: what a run saw before the hold cannot be written past it."""
    await _ready(world)

    async def waits() -> bool:
        return bool(
            await world.rows(
                "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )

    async with transaction(world.pool) as conn:
        answer = await Overrides(world.placements).hold(conn, DecidedBy("jana", NOW, WHY), person(), None)
        assert isinstance(answer, Ruled)
        proposing = asyncio.create_task(world.propose("p1"))
        await wait_until(waits, what="the run waits for the person")
    assert await proposing == []


async def test_a_hold_ends_on_its_day(world: World) -> None:
    await _ready(world)
    assert _code(await _hold(world, NOW.date())) == "day_past"
    await _hold(world, date(2026, 2, 4))
    await world.rows("DELETE FROM steering_request")
    before = NOW.replace(day=3, hour=22)  # 23 o'clock in Germany
    assert await world.propose("p1", now=before) == []
    assert await world.timers.lift(before) == 0
    assert len(await world.propose("p1", now=before + timedelta(hours=1, minutes=30))) == 1
    assert await world.timers.lift(before + timedelta(hours=1, minutes=30)) == 1
    assert await world.timers.lift(before + timedelta(hours=2)) == 0
    assert await _request(world) == ({"hold"}, False)
    (row,) = await world.rows("SELECT lifted_by FROM steering_hold")
    assert row["lifted_by"] == "timer"


async def test_a_hold_whose_day_has_come_is_due(world: World) -> None:
    """The demo's days go on only once the timer has lifted it."""
    await _ready(world)
    await _hold(world, date(2026, 2, 4))
    conn = await connect(world.database.status, name="status")
    assert await holds_due(conn, date(2026, 2, 3)) == 0
    assert await holds_due(conn, date(2026, 2, 4)) == 1
    await world.timers.lift(NOW + timedelta(days=3))
    assert await holds_due(conn, date(2026, 2, 4)) == 0
    await conn.close()


async def test_a_new_hold_replaces_the_old_one(world: World) -> None:
    await _ready(world)
    await _hold(world, date(2026, 2, 4))
    await _hold(world, None, LATER)
    rows = await world.rows("SELECT until, lifted_by FROM steering_hold ORDER BY decided_at")
    assert [tuple(row) for row in rows] == [(date(2026, 2, 4), "jana"), (None, None)]


async def test_somebody_on_hold_can_still_be_placed_by_hand(world: World) -> None:
    await _ready(world)
    await _hold(world)
    async with transaction(world.pool) as conn:
        outcome = await world.placements.override(conn, DecidedBy("jana", NOW, WHY), person(), course(), 1)
    assert isinstance(outcome, Done)
    await world.check()


@pytest.mark.parametrize("what", [ExcludeCourse(course()), ExcludeProvider(PROVIDER)])
async def test_an_exclusion_bars_everybody_but_the_authority(
    world: World, what: ExcludeCourse | ExcludeProvider
) -> None:
    await _ready(world)
    (placement,) = await world.propose("p1")
    ruled = await _ruled(world, lambda o, conn: o.exclude(conn, DecidedBy("jana", NOW, WHY), person(), what))
    assert await world.state(placement) == "superseded"
    assert await _request(world) == ({"exclusion", "proposal_taken_back"}, True)
    assert await world.propose("p1") == []
    assert len(await world.propose("p1", own="k2")) == (1 if isinstance(what, ExcludeCourse) else 0)
    async with transaction(world.pool) as conn:
        outcome = await world.placements.override(conn, DecidedBy("jana", NOW, WHY), person(), course(), 1)
    assert refusal(outcome) == "excluded"
    again = await _rule(world, lambda o, conn: o.exclude(conn, DecidedBy("jana", NOW, WHY), person(), what))
    assert _code(again) == "already_excluded"

    await world.must(OFFICE, assigned())  # BAMF's word goes before ours
    rows = await world.rows("SELECT state FROM placement WHERE course = $1 AND state = 'accepted'", course())
    assert len(rows) == 1

    exclusion = ruled.ruling
    assert exclusion is not None
    await _ruled(world, lambda o, conn: o.end_exclusion(conn, DecidedBy("peter", LATER), exclusion))
    assert _code(
        await _rule(world, lambda o, conn: o.end_exclusion(conn, DecidedBy("peter", LATER), exclusion))
    ) == ("already_lifted")
    assert _code(
        await _rule(world, lambda o, conn: o.end_exclusion(conn, DecidedBy("peter", LATER), uuid4()))
    ) == ("ruling_unknown")


async def test_a_confirmation_finds_the_exclusion(world: World) -> None:
    """The proposal is with BAMF; releasing it is refused once the course is closed."""
    await _ready(world)
    (placement,) = await world.propose("p1")
    await _ruled(world, lambda o, conn: o.rule_course(conn, DecidedBy("jana", NOW, WHY), course(), "close"))
    await world.rows("UPDATE placement SET state = 'proposed' WHERE placement = $1", placement)
    assert refusal(await world.release(placement)) == "course_closed"


async def test_whoever_sits_there_gives_the_seat_back_first(world: World) -> None:
    await _ready(world)
    await world.reserved()
    what = ExcludeCourse(course())
    answer = await _rule(world, lambda o, conn: o.exclude(conn, DecidedBy("jana", NOW, WHY), person(), what))
    assert _code(answer) == "seat_held"


async def test_a_deviation_replaces_the_one_before_and_is_lifted(world: World) -> None:
    await _ready(world)
    first, second = Deviate(3, None), Deviate(None, "A2")
    await _ruled(world, lambda o, conn: o.deviate(conn, DecidedBy("jana", NOW, WHY), person(), first))
    assert await _request(world) == ({"deviation"}, False)
    await _ruled(world, lambda o, conn: o.deviate(conn, DecidedBy("peter", LATER, WHY), person(), second))
    await _ruled(world, lambda o, conn: o.end_deviation(conn, DecidedBy("peter", LATER), person()))
    rows = await world.rows(
        "SELECT section, level, actor, lifted_by FROM level_deviation ORDER BY decided_at"
    )
    assert [tuple(row) for row in rows] == [(3, None, "jana", "peter"), (None, "A2", "peter", "peter")]
    assert _code(
        await _rule(world, lambda o, conn: o.end_deviation(conn, DecidedBy("peter", LATER), person()))
    ) == ("already_lifted")


async def test_a_course_that_does_not_start_takes_its_proposals_back(world: World) -> None:
    await _ready(world)
    await world.must(OFFICE, registered("p2"))
    (proposed,) = await world.propose("p1")
    held = await world.reserved("p2")
    await world.rows("DELETE FROM steering_request")
    await _ruled(world, lambda o, conn: o.rule_course(conn, DecidedBy("jana", NOW, WHY), course(), "close"))
    assert (await world.state(proposed), await world.state(held)) == ("superseded", "reserved")
    assert await _request(world) == ({"course_decision", "proposal_taken_back"}, True)
    assert await world.propose("p1") == []
    async with transaction(world.pool) as conn:
        outcome = await world.placements.override(conn, DecidedBy("jana", NOW, WHY), person(), course(), 1)
    assert refusal(outcome) == "course_closed"

    await _ruled(world, lambda o, conn: o.end_course_ruling(conn, DecidedBy("peter", LATER), course()))
    assert await _request(world) == ({"course_decision"}, False)  # it starts in four weeks
    assert len(await world.propose("p1")) == 1
    rows = await world.rows("SELECT decision, actor, lifted_by FROM course_decision")
    assert [tuple(row) for row in rows] == [("close", "jana", "peter")]


async def test_a_course_that_starts_soon_is_steered_at_once(world: World) -> None:
    await _ready(world)
    soon = NOW + timedelta(days=20)
    await _ruled(world, lambda o, conn: o.rule_course(conn, DecidedBy("jana", soon, WHY), course(), "start"))
    assert await _request(world) == ({"course_decision"}, True)
    running = NOW + timedelta(days=29)
    answer = await _rule(
        world, lambda o, conn: o.rule_course(conn, DecidedBy("jana", running, WHY), course(), "start")
    )
    assert _code(answer) == "course_runs"
    await world.must(PROVIDER, cancelled())
    answer = await _rule(
        world, lambda o, conn: o.rule_course(conn, DecidedBy("jana", NOW, WHY), course(), "start")
    )
    assert _code(answer) == "course_over"


async def test_only_known_people_courses_and_providers(world: World) -> None:
    await _ready(world)
    for work, code in (
        (lambda o, conn: o.hold(conn, DecidedBy("jana", NOW, WHY), uuid4(), None), "participant_unknown"),
        (
            lambda o, conn: o.exclude(conn, DecidedBy("jana", NOW, WHY), person(), ExcludeCourse(uuid4())),
            "course_unknown",
        ),
        (
            lambda o, conn: o.exclude(conn, DecidedBy("jana", NOW, WHY), person(), ExcludeProvider("nobody")),
            "provider_unknown",
        ),
        (
            lambda o, conn: o.rule_course(conn, DecidedBy("jana", NOW, WHY), uuid4(), "start"),
            "course_unknown",
        ),
    ):
        assert _code(await _rule(world, work)) == code
    await _hold(world)
    await world.must(OFFICE, withdrawn())
    assert _code(await _hold(world)) == "participant_not_waiting"
    ended = await _rule(world, lambda o, conn: o.end_hold(conn, DecidedBy("jana", LATER), person()))
    assert isinstance(ended, Ruled)  # whoever comes back is steered again


async def test_rulings_follow_whom_somebody_was_merged_into(world: World) -> None:
    await _ready(world)
    await world.must(OTHER_OFFICE, registered("x1"))
    other = person("x1", OTHER_OFFICE)
    await _hold(world)
    what = ExcludeCourse(course())
    await _ruled(world, lambda o, conn: o.exclude(conn, DecidedBy("jana", NOW, WHY), person(), what))
    await _ruled(
        world, lambda o, conn: o.deviate(conn, DecidedBy("jana", NOW, WHY), person(), Deviate(2, None))
    )
    async with transaction(world.pool) as conn:
        assert await world.placements.merge(conn, DecidedBy("peter", LATER), person(), other) is None
    for table in ("steering_hold", "steering_exclusion", "level_deviation"):
        rows = await world.rows(
            f"SELECT participant, actor, decided_at, lifted_by FROM {table} ORDER BY lifted_by NULLS LAST"
        )
        assert [tuple(row) for row in rows] == [
            (person(), "jana", NOW, "peter"),
            (other, "jana", NOW, None),
        ], table
    ended = await _ruled(world, lambda o, conn: o.end_hold(conn, DecidedBy("peter", LATER), person()))
    assert ended == Ruled()


@pytest.mark.parametrize(
    "change",
    [
        "reason = 'something else altogether'",
        "actor = 'peter'",
        "participant = gen_random_uuid()",
        "until = '2027-01-01'",
        "lifted_by = 'somebody'",
        "lifted_at = NULL, lifted_by = NULL",
    ],
)
async def test_a_decision_is_never_changed(world: World, change: str) -> None:
    await _ready(world)
    await _hold(world)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await world.rows(f"UPDATE steering_hold SET {change}")


async def test_a_lifted_decision_stays_lifted(world: World) -> None:
    await _ready(world)
    await _hold(world)
    await _ruled(world, lambda o, conn: o.end_hold(conn, DecidedBy("peter", LATER), person()))
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await world.rows("UPDATE steering_hold SET lifted_by = 'jana'")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await world.rows("DELETE FROM steering_hold")


@pytest.mark.parametrize(
    "values",
    [
        "steering_exclusion VALUES ($1, '99001', $2, NULL, NULL, $3, 'jana', now())",
        "level_deviation VALUES ($1, '99001', $2, NULL, NULL, $3, 'jana', now())",
        "steering_hold VALUES ($1, '99001', $2, NULL, left($3, 9), 'jana', now())",
    ],
    ids=["excludes nothing", "nothing counts instead", "no reason"],
)
async def test_the_tables_refuse_half_a_decision(world: World, values: str) -> None:
    await _ready(world)
    with pytest.raises(asyncpg.CheckViolationError):
        await world.rows(f"INSERT INTO {values}", uuid4(), person(), WHY)


async def test_taking_a_proposal_back_excludes_the_course_unless_it_may_come_again(world: World) -> None:
    await _ready(world)
    for again, left in ((True, 1), (False, 0)):
        (placement,) = await world.propose("p1")
        await world.rows("DELETE FROM steering_request")
        async with transaction(world.pool) as conn:
            await world.placements.withdraw_proposal(
                conn, DecidedBy("jana", NOW, WHY), placement, again=again
            )
        assert await _request(world) == ({"proposal_taken_back"}, True)
        assert len(await world.propose("p1")) == left
    rows: list[UUID] = [row["course"] for row in await world.rows("SELECT course FROM steering_exclusion")]
    assert rows == [course()]
