"""A person, course, alert or registration on which work fails stops no other, and is not tried for ever."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.notifications.alerts import escalation
from services.notifications.alerts.reconciler import AlertReconciler
from services.notifications.people import registrations
from services.notifications.risk import parameters
from services.notifications.risk.assessor import RiskAssessor
from services.notifications.risk.parameters_store import RiskBookshelf
from services.runtime.bookkeeping import work
from services.runtime.data.db import acquire, transaction
from services.runtime.http.gateway_client import GatewayAnswer, Taken
from tests.notifications.world import MBE, TODAY, World, school_days

NOTICE = "enrolment_notice"


class FaultError(Exception):
    """What our code might raise on one row."""


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> set[object]:
    """People, courses and alerts on which work fails."""
    found: set[object] = set()

    def fails(owner: Any, name: str, key: Callable[..., object]) -> None:  # noqa: ANN401 - a class or module
        real = getattr(owner, name)

        async def instead(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            if key(*args) in found:
                raise FaultError("quotes Gül, born 1999")
            return await real(*args, **kwargs)

        monkeypatch.setattr(owner, name, instead)

    fails(AlertReconciler, "_settle", lambda _self, _conn, cause, *_: cause.participant)
    fails(escalation, "_settle", lambda _conn, row, _now: row["alert_id"])
    real = RiskAssessor._assess_person  # noqa: SLF001 - one step of many is made to fail

    def assess(_self: RiskAssessor, changes: Any, key: tuple[UUID, UUID], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        if key[0] in found:
            raise FaultError
        real(changes, key, *args, **kwargs)

    monkeypatch.setattr(RiskAssessor, "_assess_person", assess)
    return found


async def again(world: World) -> None:
    """Let the pauses of those that are tried again be over."""
    await world.rows(
        "UPDATE runtime.work_failure SET not_before = clock_timestamp() WHERE not_before < 'infinity'"
    )


async def failing(world: World, task: str) -> list[tuple[str, int, str, bool]]:
    async with acquire(world.worker) as conn:
        rows = await work.list_failing(conn)
    return [(r["item"], r["attempts"], r["error"], r["aside"]) for r in rows if r["task"] == task]


async def test_a_person_on_whom_reconciling_fails_is_set_aside_and_the_others_are_told_of(
    world: World, broken: set[object]
) -> None:
    await world.announce()
    people = []
    for reference in ("a-1", "a-2", "a-3"):
        people.append(await world.register(reference))
        await world.consent(reference, NOTICE)
        await world.enrol(people[-1])
    broken.add(people[1])

    assert await world.reconciler.drain(world.now) == 2
    alerted = await world.rows("SELECT participant_id FROM alert")
    assert {row["participant_id"] for row in alerted} == {people[0], people[2]}
    assert await failing(world, "consider") == [(str(people[1]), 1, "FaultError", False)]
    assert await world.reconciler.drain(world.now) == 0  # no hot loop: the next attempt comes later
    assert await failing(world, "consider") == [(str(people[1]), 1, "FaultError", False)]

    for _ in range(work.ATTEMPTS):
        await again(world)
        await world.reconciler.drain(world.now)
    assert await failing(world, "consider") == [(str(people[1]), work.ATTEMPTS, "FaultError", True)]

    broken.clear()
    await again(world)
    assert await world.reconciler.drain(world.now) == 0  # set aside: nothing tries again by itself
    await world.consent("a-2", "dropout_support")  # another input
    assert await world.reconciler.drain(world.now) == 1
    assert await failing(world, "consider") == []
    assert await world.value("SELECT count(*) FROM alert WHERE participant_id = $1", people[1]) == 1


async def test_an_operator_releases_what_was_set_aside(world: World, broken: set[object]) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", NOTICE)
    await world.enrol(person)
    broken.add(person)
    for _ in range(work.ATTEMPTS):
        await world.reconciler.drain(world.now)
        await again(world)
    broken.clear()
    assert await world.reconciler.drain(world.now) == 0

    async with transaction(world.worker) as conn:
        assert await work.release(conn, "consider", str(person)) == 1
    assert await world.reconciler.drain(world.now) == 1
    assert await world.value("SELECT count(*) FROM alert") == 1


async def test_a_course_whose_assessment_fails_leaves_the_others_assessed(
    world: World, broken: set[object]
) -> None:
    for own in ("k-1", "k-2", "k-3"):
        course = await world.announce(own)
        person = await world.register(f"a-{own}")
        await world.consent(f"a-{own}", "dropout_support")
        await world.enrol(person, own)
        for day in school_days(TODAY, 3):
            await world.attend(own, day, {person: "U"})
        if own == "k-2":
            broken.add(course)

    assessor = RiskAssessor(world.worker, RiskBookshelf(parameters.load()))
    assert await assessor.drain(world.now) == 2
    assert await world.value("SELECT count(DISTINCT course_id) FROM course_day WHERE NOT assessed") == 1
    assert await assessor.drain(world.now) == 0
    ((item, attempts, error, _),) = await failing(world, "assess")
    assert ({UUID(item)}, attempts, error) == (broken, 1, "FaultError")

    person = await world.register("a-k-2")
    broken.clear()
    await world.attend("k-2", school_days(TODAY, 4)[-1], {person: "U"})
    assert await assessor.drain(world.now) == 1  # reported anew: tried at once
    assert await failing(world, "assess") == []


async def test_an_escalation_that_fails_leaves_the_others_escalated(
    world: World, broken: set[object]
) -> None:
    await world.announce()
    for reference in ("a-1", "a-2"):
        person = await world.register(reference)
        await world.consent(reference, NOTICE)
        await world.enrol(person)
    await world.settle()
    first, second = await world.rows("SELECT alert_id FROM alert ORDER BY alert_id")
    broken.add(first["alert_id"])
    world.now += timedelta(days=14)

    assert await world.escalate() == len(
        await world.rows("SELECT FROM escalation WHERE alert_id = $1", second["alert_id"])
    )
    assert await world.value("SELECT escalated_at IS NULL FROM alert WHERE alert_id = $1", first["alert_id"])
    assert await world.escalate() == 0
    names = {item.split("/")[0] for item, *_ in await failing(world, "escalate")}
    assert names == {str(first["alert_id"])}


async def test_no_failure_of_the_database_counts_against_anybody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", NOTICE)
    await world.enrol(person)

    async def gone(*_args: object) -> None:
        raise asyncpg.ConnectionDoesNotExistError

    monkeypatch.setattr(AlertReconciler, "_settle", gone)
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await world.reconciler.drain(world.now)
    assert await failing(world, "consider") == []
    assert await world.value("SELECT count(*) FROM reconsider") == 1


async def test_a_fault_of_all_sets_only_some_aside(world: World) -> None:
    """A mistake of ours must not set everybody aside."""
    people = [str(number) for number in range(work.MOST + 10)]

    async def fails(_conn: object, taking: work.Taking) -> int:
        taking.taken += [taking.only] if taking.only else people
        raise FaultError

    with pytest.raises(FaultError):
        await work.WorkQueue(world.worker, "probe", 100).work(fails)
    assert len(await failing(world, "probe")) == work.MOST


async def test_each_attempt_at_a_failing_item_comes_later_than_the_one_before(world: World) -> None:
    """After one, two, four, eight seconds; then it is set aside. The other item is done each time."""
    queue, done = work.WorkQueue(world.worker, "probe", 10), []

    async def some(_conn: object, taking: work.Taking) -> int:
        taking.taken += [item for item in ("bad", "good") if taking.may_take(item)]
        if "bad" in taking.taken:
            raise FaultError
        done.extend(taking.taken)
        return len(taking.taken)

    for pause in (1, 2, 4, 8):
        assert await queue.work(some) == 1
        (left,) = await world.rows(
            "SELECT extract(epoch FROM not_before - clock_timestamp())::float8 AS seconds"
            " FROM runtime.work_failure WHERE task = 'probe' AND item = 'bad'"
        )
        assert pause - 0.9 < left["seconds"] <= pause
        assert await queue.work(some) == 1  # only the other one is taken meanwhile
        await again(world)
    assert await queue.work(some) == 1
    assert await failing(world, "probe") == [("bad", work.ATTEMPTS, "FaultError", True)]
    assert done == ["good"] * 9


class Gateway:
    """A gateway client with a mistake about one registration."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def register(self, _office: str, _id: str, data: Mapping[str, Any]) -> GatewayAnswer:
        if data["reference"] == "a-2":
            raise FaultError("a-2")
        self.sent.append(data["reference"])
        return Taken()


async def test_a_registration_that_cannot_be_sent_leaves_the_others_sent(world: World) -> None:
    for reference in ("a-1", "a-2", "a-3"):
        await world.rows(
            "INSERT INTO registration (id, participant_id, organisation, office, data, begun_at)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), 'o', $1, $2, $3)",
            MBE,
            {"reference": reference},
            world.now,
        )
    gateway: Any = Gateway()
    assert await registrations.send_pending(world.worker, gateway, world.now) == 2
    assert sorted(gateway.sent) == ["a-1", "a-3"]
    (row,) = await world.rows(
        "SELECT problem, lease_token, next_at > clock_timestamp() AS later FROM registration"
        " WHERE state = 'pending'"
    )
    assert dict(row) == {"problem": "FaultError", "lease_token": None, "later": True}
