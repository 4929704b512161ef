"""Somebody is erased on the steering side in any state; seats, figures and proofs stay true."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID

import asyncpg
import pytest

from schemas.offices import ParticipantWithdrawn
from schemas.providers import SectionCompleted, SectionStep
from schemas.topics import Family, topic
from services.allocation.acts.overrides import Overrides
from services.allocation.erasure.judgement import ReadErasures
from services.allocation.erasure.worker import ErasureWorker
from services.allocation.figures.counting import COUNTED_BY
from services.allocation.law.rulebook import load_rulebook
from services.allocation.placements.results import DecidedBy
from services.allocation.placements.rulings import Deviate, ExcludeProvider
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import load_policies
from services.allocation.rerun import request_rerun
from services.allocation.steering.explain import store as explanation_store
from services.allocation.steering.runs.audit import verify
from services.allocation.steering.runs.replay import Different, Same, replay
from services.allocation.steering.runs.service import Steering
from services.runtime.base import failpoints
from services.runtime.data.db import connect, transaction
from services.runtime.disclosure.figures import Value
from services.runtime.disclosure.quarters import quarter_of
from services.runtime.events.records import Readable, Reader
from services.runtime.events.subscription import (
    Applied,
    Incoming,
    Parked,
    Problem,
    RecordPosition,
    Rejected,
    Verdict,
)
from tests.allocation.builders import (
    KREIS,
    NOW,
    OFFICE,
    OTHER_OFFICE,
    OTHER_PROVIDER,
    PROVIDER,
    accepted,
    announced,
    confirmed,
    levelled,
    person,
    registered,
)
from tests.allocation.world import World
from tests.erasure.search import Needles, Trace, in_database
from tests.identity import IDENTITY_KEY
from tests.integration.allocation.runs.test_runs import Solver

LATER = datetime(2026, 2, 20, 9, tzinfo=UTC)
REF = "J-47110815"
ERASED = Rejected(Problem("participant_erased", field="reference"))
NOTE = "Sie hat es uns am Telefon gesagt."


def erased(reference: str = REF) -> ParticipantWithdrawn:
    return ParticipantWithdrawn(reference=reference, withdrawn_on=date(2026, 2, 20), reason="erased")


@dataclass
class Scene:
    """The steering side with three people, courses of two providers and a run."""

    world: World
    steering: Steering
    worker: ErasureWorker
    conn: asyncpg.Connection
    needles: dict[str, str] = field(default_factory=dict)

    async def steer(self) -> UUID:
        async with self.conn.transaction():
            await request_rerun(self.conn, KREIS, "a_test", True, NOW)  # noqa: FBT003 -- urgent
        assert await self.steering.run_due(NOW) == 1
        return list(await explanation_store.all_runs(self.conn))[-1]

    async def erase(self, reference: str = REF, office: str = OFFICE) -> Verdict:
        return await self.world.say(office, erased(reference), LATER)

    async def traces(self) -> Sequence[Trace]:
        return [one for one in await in_database(self.conn, Needles(self.needles)) if not _underway(one)]


def _underway(trace: Trace) -> bool:
    """Records on their way to Kafka; what is on a topic is named in the report."""
    return trace.place.startswith("runtime.outbox")


@pytest.fixture
async def scene(world: World) -> AsyncIterator[Scene]:
    policies = load_policies()
    steering = Steering(
        world.pool,
        Solver(),
        world.placements,
        CurrentPolicies(policies),
        load_rulebook(),
        world.prefix,
    )
    conn = await connect(world.database.admin, name="looking")
    for own, provider in (("k1", PROVIDER), ("k2", OTHER_PROVIDER)):
        await world.must(provider, announced(own, capacity=3))
    for reference in (REF, "p2", "p3"):
        await world.must(OFFICE, registered(reference))
        await world.must(OFFICE, levelled(reference))
    made = Scene(
        world, steering, ErasureWorker(world.pool, IDENTITY_KEY, world.prefix, world.terms_now), conn
    )
    made.needles = {"id": str(person(REF)), "reference": REF, "note": NOTE}
    yield made
    await conn.close()


async def test_somebody_with_everything_leaves_no_trace(scene: Scene) -> None:
    world = scene.world
    overrides = Overrides(world.placements)
    by = DecidedBy("jana", NOW, NOTE)
    async with transaction(world.pool) as conn:
        await overrides.exclude(conn, by, person(REF), ExcludeProvider(OTHER_PROVIDER))
        await overrides.deviate(conn, by, person(REF), Deviate(1, None))
    run = await scene.steer()
    (row,) = await world.rows("SELECT placement FROM placement WHERE participant = $1", person(REF))
    scene.needles["placement"] = str(row["placement"])
    async with transaction(world.pool) as conn:
        await overrides.hold(conn, by, person(REF), None)
        await conn.execute(
            "INSERT INTO analysis_task"
            " (id, kreis, kind, question, asked_by, asked_at, state, result, finished_at)"
            " VALUES (gen_random_uuid(), $1, 'what_if', $2, 'jana', $3, 'done', $2, $3)",
            KREIS,
            {"person": str(person(REF))},
            NOW,
        )
    assert {trace.what for trace in await scene.traces()} == set(scene.needles)
    assert await scene.erase() == Applied()
    assert await scene.worker.work_off(LATER) == 1
    assert await scene.traces() == []
    verified = await verify(scene.conn, run)
    assert (verified.findings, verified.certificates) == ((), 1)
    again = await replay(scene.conn, run)
    assert isinstance(again, Same) or (again.harmless and again.why == "erased")
    assert await scene.worker.work_off(LATER) == 0


@pytest.mark.parametrize(
    "state", ["proposed", "reserved", "accepted", "confirmed", "started", "left", "completed"]
)
async def test_a_place_of_any_state_stays_true_without_its_person(scene: Scene, state: str) -> None:
    world = scene.world
    placement = await _brought_to(world, state)
    scene.needles["placement"] = str(placement)
    before = await _figures(scene)
    taken = await world.taken()
    assert await scene.erase() == Applied()
    assert await scene.worker.work_off(LATER) == 1
    assert await scene.traces() == []
    await world.check()
    in_course = state in {"started", "left", "completed"}
    assert await world.taken() == (taken if in_course else [0, 0, 0])
    after = await _figures(scene)
    if in_course:
        assert after == before
    assert await world.rows("SELECT FROM participant WHERE stated = 0") == []  # nobody hears of who stands in
    (row,) = await world.rows(
        "SELECT p.state, q.reference, q.town FROM placement AS p JOIN participant AS q USING (participant)"
        " WHERE q.withdraw_reason = 'erased'"
    )
    assert (row["reference"], row["town"]) == ("erased", f"{KREIS}000")
    assert row["state"] == (state if in_course else "superseded" if state == "proposed" else "released")
    told = [data["reason"]["params"].get("reason") for _, data, _ in await world.told() if "reason" in data]
    assert ("erased" in told) == (state not in {"proposed", "left", "completed"})


async def _figures(scene: Scene) -> list[Mapping[str, Value]]:
    return [
        await count(scene.conn, KREIS, quarter_of(NOW.date()), LATER.date()) for count in COUNTED_BY.values()
    ]


async def _brought_to(world: World, state: str) -> UUID:
    if state == "proposed":
        (placement,) = await world.propose(REF)
        return placement
    placement = await world.reserved(REF)
    if state == "reserved":
        return placement
    await world.must(OFFICE, accepted(placement, REF))
    if state == "accepted":
        return placement
    await world.must(PROVIDER, confirmed(placement, person(REF)))
    if state in {"started", "left", "completed"}:
        start, end = {
            "started": (date(2026, 2, 2), None),
            "left": (date(2026, 2, 2), date(2026, 2, 9)),
            "completed": (date(2026, 2, 2), date(2026, 2, 9)),
        }[state]
        await world.pool.execute(
            "UPDATE placement SET state = $2, started_on = $3, ended_on = $4,"
            " exit_kind = CASE WHEN $2 = 'left' THEN 'moved' END WHERE placement = $1",
            placement,
            state,
            start,
            end,
        )
    return placement


async def test_whoever_is_not_known_is_erased_elsewhere(scene: Scene) -> None:
    assert await scene.erase("nobody-1") == Applied()
    (said,) = [data for type_, data, _ in await scene.world.told() if type_ == "participant-erased"]
    assert said["tombstones"] == [IDENTITY_KEY.tombstone(person("nobody-1")).hex()]
    assert str(person("nobody-1")) not in str(said)
    assert await scene.worker.work_off(LATER) == 1


async def test_both_ids_of_merged_registrations_are_erased_from_either(scene: Scene) -> None:
    world = scene.world
    for number, (gone, stays, asked) in enumerate((("a1", "b1", "a1"), ("a2", "b2", "b2"))):
        await world.must(OFFICE, registered(gone))
        await world.must(OTHER_OFFICE, registered(stays))
        both = person(gone), person(stays, OTHER_OFFICE)
        async with transaction(world.pool) as conn:
            assert await world.placements.merge(conn, DecidedBy("jana", NOW), *both) is None
        assert await scene.erase(asked, OFFICE if asked == gone else OTHER_OFFICE) == Applied()
        assert await scene.worker.work_off(LATER) == 1
        scene.needles = {"gone": str(both[0]), "stays": str(both[1])}
        assert await scene.traces() == []
        said = [data for type_, data, _ in await world.told() if type_ == "participant-erased"]
        assert len(said) == number + 1
        assert set(said[-1]["tombstones"]) == {IDENTITY_KEY.tombstone(one).hex() for one in both}


async def test_nothing_said_afterwards_brings_somebody_back(scene: Scene) -> None:
    world = scene.world
    placement = await world.reserved(REF)
    await scene.erase()
    await scene.worker.work_off(LATER)
    for slug, payload in (
        (OFFICE, registered(REF)),
        (OFFICE, levelled(REF)),
        (OFFICE, accepted(placement, REF)),
        (PROVIDER, confirmed(placement, person(REF))),
        (OFFICE, erased(REF)),
    ):
        assert await world.say(slug, payload, LATER) == ERASED
    steps = (SectionStep(participant=person(REF), decision="goes_on"),)
    said = SectionCompleted(course="k1", section=1, completed_on=date(2026, 4, 3), steps=steps)
    assert isinstance(await world.say(PROVIDER, said, LATER), Applied)
    assert await scene.traces() == []
    assert isinstance(await world.say(OFFICE, registered("p9"), LATER), Applied)


async def test_a_batch_that_erases_leaves_nothing_of_itself(scene: Scene) -> None:
    world = scene.world
    batch = [
        world.event(OFFICE, accepted(person("p2"), "n1")),  # waits for the registration of n1
        world.event(OFFICE, erased("n1")),
        world.event(OFFICE, registered("n1")),
        world.event(OFFICE, erased("n1")),
        world.event(OFFICE, registered("n2")),
    ]
    verdicts = await world.judged(*batch, now=LATER)
    assert [type(one) for one in verdicts] == [Rejected, Applied, Rejected, Applied, Applied]
    assert not [one for one in verdicts if isinstance(one, Parked)]
    said = [data for type_, data, _ in await world.told() if type_ == "participant-erased"]
    assert len(said) == 1


async def test_a_run_that_saw_somebody_who_was_erased_meanwhile_is_not_stored(scene: Scene) -> None:
    solver = Solver()

    async def meanwhile() -> None:
        await scene.erase()
        await scene.worker.work_off(LATER)

    solver.meanwhile = meanwhile
    object.__setattr__(scene.steering, "solver", solver)
    async with scene.conn.transaction():
        await request_rerun(scene.conn, KREIS, "a_test", True, NOW)  # noqa: FBT003 -- urgent
    assert await scene.steering.run_due(NOW) == 0
    assert await scene.traces() == []
    object.__setattr__(scene.steering, "solver", Solver())
    assert await scene.steering.run_due(NOW) == 1
    assert await scene.traces() == []


@pytest.mark.parametrize("point", ["erased_rows", "renamed_run", "erased_runs"])
async def test_a_crash_at_any_point_is_made_good(
    scene: Scene, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [await scene.steer()]
    await scene.world.must(OFFICE, registered("p4"))
    runs.append(await scene.steer())
    await scene.erase()

    async def crash(name: str, /) -> None:
        if name == point:
            raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(failpoints, "failpoint", crash)
        with pytest.raises(ConnectionResetError):
            await scene.worker.work_off(LATER)
    assert await scene.worker.work_off(LATER) == 1
    assert await scene.traces() == []
    for run in runs:
        assert (await verify(scene.conn, run)).findings == ()
        assert (
            not isinstance(await replay(scene.conn, run), Different)
            or (await verify(scene.conn, run)).findings == ()
        )
    reports = [data for type_, data, _ in await scene.world.told() if type_ == "erasure-acknowledged"]
    assert len(reports) == 1
    rows = {one["table"]: one["rows"] for one in reports[0]["erased"]}
    assert rows["participant"] == 1
    assert rows["steering_content"] == 2


async def test_a_restored_backup_is_erased_again_when_the_topic_is_read_again(scene: Scene) -> None:
    """The offset is a row of the database: a restored one reads what was erased since once more."""
    world = scene.world
    await world.reserved(REF)
    tables = ("participant", "placement_test", "placement", "placement_step")
    backup = {name: await world.rows(f"SELECT * FROM {name}") for name in tables}
    await scene.erase()
    await scene.worker.work_off(LATER)
    (said,) = await world.rows(
        "SELECT payload, headers FROM runtime.outbox WHERE type = 'de.kurslotse.participant-erased.v1'"
    )
    await _restore(scene.conn, backup)
    assert await scene.traces() != []
    event = _read_back(world, said)
    assert await world.taken() == [0, 0, 0]
    await scene.conn.execute("UPDATE course_section SET taken = 1")  # as the backup has it, too
    async with transaction(world.pool) as conn:
        await ReadErasures(world.prefix, world.terms_now, IDENTITY_KEY)(conn, [event], LATER)
    assert await scene.worker.work_off(LATER) == 1
    assert await scene.traces() == []
    assert await world.taken() == [0, 0, 0]


async def test_what_comes_back_without_the_topic_is_found_by_its_tombstone(scene: Scene) -> None:
    world = scene.world
    tables = ("participant", "placement_test", "placement", "placement_step")
    backup = {name: await world.rows(f"SELECT * FROM {name}") for name in tables}
    await scene.erase()
    await scene.worker.work_off(LATER)
    await _restore(scene.conn, backup, everything=False)
    assert await scene.worker.erase_again(LATER) == 1
    assert await scene.worker.work_off(LATER) == 1
    assert await scene.traces() == []


async def _restore(
    conn: asyncpg.Connection, backup: dict[str, list[asyncpg.Record]], *, everything: bool = True
) -> None:
    await conn.execute("TRUNCATE participant, placement_test, placement, placement_step CASCADE")
    if everything:
        await conn.execute("TRUNCATE runtime.erased, erasure_task")
    for name, rows in backup.items():
        if rows:
            columns = [one for one in rows[0].keys() if (name, one) != ("placement_test", "place")]  # noqa: SIM118
            await conn.copy_records_to_table(
                name, records=[tuple(row[one] for one in columns) for row in rows], columns=columns
            )


def _read_back(world: World, row: asyncpg.Record) -> Incoming:
    attributes = {k.removeprefix("ce_"): v for k, v in row["headers"].items() if k.startswith("ce_")}
    position = RecordPosition(topic(Family.ERASURES, prefix=world.prefix), 0, 0)
    read = Reader(world.prefix).read_attributes(position, attributes, row["payload"])
    assert isinstance(read, Readable)
    return read.incoming
