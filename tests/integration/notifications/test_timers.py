"""What happens by the calendar: published figures, retention; and the command that loads the directory."""

import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from subprocess import run

import asyncpg
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from schemas.identity import participant_id
from schemas.placements import PlacementAdvanced
from services.notifications.counts.handlers import publisher
from services.notifications.delivery.domain import Attempted, Outcome
from services.notifications.metrics import SCRAPED, DeliveryMetrics, OverdueMetrics
from services.notifications.people import handlers as people
from services.notifications.people.domain import Contact, Purpose
from services.notifications.retention import Retention
from services.notifications.status import own_status
from services.runtime.bookkeeping.publications import published
from services.runtime.bookkeeping.work import list_failing, release
from services.runtime.data.db import Connection, connect, transaction
from services.runtime.disclosure.bands import UNTOLD, Band
from services.runtime.disclosure.figures import Publication, Value
from services.runtime.disclosure.quarters import Quarter, quarter_of
from services.runtime.serve.discreet import coarse
from services.runtime.serve.published import PublishedMetrics
from services.runtime.serve.status import OwnStatus
from services.texts.figures import COUNSELLING, COURSE_SIGNALS, SUPPORT
from tests.notifications.world import DESK, TODAY, World, enrolment, school_days, step
from tests.serving import REPOSITORY


async def beginners(world: World, *, consenting: int, at_risk: int = 0, others: int = 0) -> None:
    """Let people begin their first course today; some consent, of some of them a risk is seen."""
    await world.announce()
    for number in range(consenting + others):
        person = await world.register(f"ref-{number}")
        if number < consenting:
            await world.consent(f"ref-{number}", "enrolment_notice", "dropout_support")
        await world.say(None, enrolment(person))
        await world.say(None, step(PlacementAdvanced, person, version=4, to_state="started"))
    for day in school_days(TODAY, 3):
        marks = {participant_id(DESK, f"ref-{n}"): "U" if n < at_risk else "X" for n in range(consenting)}
        await world.attend("k-1", day, marks)
    await world.settle()


def counselling(told: Sequence[Publication]) -> Mapping[str, Band]:
    (found,) = [one for one in told if one.figure == COUNSELLING.name]
    return found.bands


async def kept(world: World) -> list[Publication]:
    async with transaction(world.worker) as conn:
        return await published(conn)


async def raises(_conn: Connection, _kreis: str) -> None:
    raise ValueError


async def divides_by_zero(conn: Connection, _kreis: str) -> None:
    await conn.fetchval("SELECT 1 / 0")


@pytest.mark.parametrize("fault", [raises, divides_by_zero])
async def test_a_figure_that_cannot_be_counted_keeps_no_other_from_being_published(
    world: World, fault: Callable[[Connection, str], Awaitable[None]]
) -> None:
    await world.announce("k-1")
    await world.stated("k-2", kreis="99002")
    whole = publisher(world.worker, "", 5)
    broken = {COUNSELLING.name}

    async def counted(conn: Connection, kreis: str, quarter: Quarter, today: date) -> Mapping[str, Value]:
        if kreis == "99001" and broken:
            await fault(conn, kreis)
        return await whole.counted_by[COUNSELLING.name](conn, kreis, quarter, today)

    figures = replace(whole, counted_by={**whole.counted_by, COUNSELLING.name: counted})
    assert await figures.publish(world.now) == 5
    assert {(one.kreis, one.figure) for one in await kept(world)} == {
        (kreis, figure.name) for kreis in ("99001", "99002") for figure in SUPPORT
    } - {("99001", COUNSELLING.name)}
    told = await world.value("SELECT count(*) FROM runtime.outbox")
    assert await figures.publish(world.now) == 0, "it is tried again after a pause"
    async with transaction(world.worker) as conn:
        (failing,) = await list_failing(conn)
        assert (failing["task"], failing["item"].split("/")[:2]) == ("figures", ["99001", COUNSELLING.name])
        broken.clear()
        await release(conn, "figures", None)
    assert await figures.publish(world.now) == 1
    assert await world.value("SELECT count(*) FROM runtime.outbox") == told + 1
    assert len(await kept(world)) == 6
    async with transaction(world.worker) as conn:
        assert await list_failing(conn) == []


async def test_a_figure_that_failed_is_forgotten_with_its_quarter(world: World) -> None:
    await world.announce("k-1")
    whole = publisher(world.worker, "", 5)

    async def never(*_of: object) -> Mapping[str, Value]:
        raise ValueError

    figures = replace(whole, counted_by={**whole.counted_by, COUNSELLING.name: never})
    assert await figures.publish(world.now) == 2
    assert await whole.publish(world.now + timedelta(days=100)) == 3
    async with transaction(world.worker) as conn:
        assert await list_failing(conn) == []


async def test_a_quarter_is_published_once_it_is_closed_and_never_again(world: World) -> None:
    await beginners(world, consenting=12, at_risk=7, others=3)
    figures = publisher(world.worker, "", 5)
    quarter = quarter_of(TODAY)
    world.now = datetime.combine(quarter.closes_on, time(9), UTC)

    assert await figures.publish(world.now - timedelta(days=1)) == 3  # the quarter before, of nobody
    assert await figures.publish(world.now) == 3
    told = [one for one in await kept(world) if one.quarter == quarter]
    assert counselling(told) == {
        "began": Band(15, 19),
        "consented": Band(10),
        "announced": Band(5),
        "unsuited": UNTOLD,
        "at_risk": Band(5),
        "taken_up": UNTOLD,
    }
    await world.revoke("ref-0")
    await world.settle()
    assert await figures.publish(world.now) == 0
    assert await figures.publish(world.now + timedelta(days=30)) == 0
    assert [one for one in await kept(world) if one.quarter == quarter] == told
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await world.rows("UPDATE published_figure SET low = 0")

    rows = await world.rows(
        "SELECT payload FROM runtime.outbox WHERE aggregatetype = 'kurslotse.counts' ORDER BY position"
    )
    said = [json.loads(row["payload"]) for row in rows]
    assert [(one["figure"], one["quarter"], one["k"]) for one in said[-3:]] == [
        ("counselling", "2026-01-01", 5),
        ("course_signals", "2026-01-01", 5),
        ("needs", "2026-01-01", 5),
    ]
    assert {"name": "began", "low": 15, "high": 19} in said[-3]["parts"]
    assert "ref-1" not in json.dumps(said)


@pytest.mark.parametrize("consenting", [0, 4])
async def test_all_and_none_of_a_few_are_told_alike(world: World, consenting: int) -> None:
    await beginners(world, consenting=consenting, others=4 - consenting)
    closed = datetime.combine(quarter_of(TODAY).closes_on, time(9), UTC)
    await publisher(world.worker, "", 5).publish(closed)
    bands = dict(counselling(await kept(world)))
    assert bands.pop("began") == Band(0, 4)
    assert set(bands.values()) == {UNTOLD}


async def test_who_begins_a_second_course_is_counted_with_the_first(world: World) -> None:
    await beginners(world, consenting=11)
    for number in range(11):
        person = participant_id(DESK, f"ref-{number}")
        later = TODAY + timedelta(days=100)
        await world.say(
            None, step(PlacementAdvanced, person, "k-2", to_state="started", starts_on=later, ends_on=later)
        )
    closed = quarter_of(TODAY + timedelta(days=100)).closes_on
    await publisher(world.worker, "", 5).publish(datetime.combine(closed, time(9), UTC))
    assert counselling(await kept(world))["began"] == Band(0, 4)


async def test_a_correction_of_old_days_counts_no_course_twice(world: World) -> None:
    await world.announce()
    people_ = [participant_id(DESK, f"ref-{number}") for number in range(10)]
    days = school_days(TODAY, 20)
    for number, day in enumerate(days):
        await world.attend("k-1", day, dict.fromkeys(people_, "X" if number < 15 else "U"))
    first, second = quarter_of(TODAY), quarter_of(TODAY + timedelta(days=91))
    figures = publisher(world.worker, "", 5)
    world.now = datetime.combine(first.closes_on, time(9), UTC)
    assert await figures.publish(world.now) == 3
    for day in days[15:]:  # the marks were wrong, and attendance collapsed later
        await world.attend("k-1", day, dict.fromkeys(people_, "X"))
    for day in school_days(world.now.date(), 10):
        await world.attend("k-1", day, dict.fromkeys(people_, "U"))
    world.now = datetime.combine(second.closes_on, time(9), UTC)
    assert await figures.publish(world.now) == 3
    told = {one.quarter: one.bands for one in await kept(world) if one.figure == COURSE_SIGNALS.name}
    assert {quarter: bands["courses_collapsed"] for quarter, bands in told.items()} == {
        first: Band(1, 1),
        second: Band(0, 0),
    }


@pytest.mark.parametrize(("listed", "collapsed"), [(9, 0), (10, 1)])
async def test_a_course_is_counted_in_the_quarter_in_which_it_first_tells_something(
    world: World, listed: int, collapsed: int
) -> None:
    await world.announce()
    people_ = [participant_id(DESK, f"ref-{number}") for number in range(listed)]
    for number, day in enumerate(school_days(TODAY, 20)):
        await world.attend("k-1", day, dict.fromkeys(people_, "X" if number < 15 else "U"))
    found = []
    for quarter in (quarter_of(TODAY), quarter_of(TODAY + timedelta(days=91))):
        closed = datetime.combine(quarter.closes_on, time(9), UTC)
        await publisher(world.worker, "", 5).publish(closed)
        (told,) = [
            one for one in await kept(world) if one.figure == COURSE_SIGNALS.name and one.quarter == quarter
        ]
        found.append({name: (band.low, band.high) for name, band in told.bands.items()})
    many = collapsed  # a course of fewer than twice k people tells nothing
    assert found == [
        {"courses_silent": (0, 0), "courses_collapsed": (many, many)},
        {"courses_silent": (many, many), "courses_collapsed": (0, 0)},
    ]


async def test_what_is_too_old_is_erased(world: World) -> None:
    await world.announce()
    person = await world.register("ref-1")
    await world.keep("ref-1", Contact(family_name="Muster"))
    await world.keep("ref-2", Contact(family_name="Waise"))
    await world.consent("ref-1", "dropout_support")
    await world.attend("k-1", TODAY, {person: "X"})
    async with transaction(world.worker) as conn:
        reader = people.Reader("treff", "ole", Purpose.REGISTRATION)
        await people.read(conn, world.secrets, reader, [person], world.now)
    retention = Retention(world.worker, world.policy, world.secrets)

    world.now += timedelta(days=8)
    assert await retention.clean(world.now) == 1  # the orphan
    assert await retention.clean(world.now) == 0  # once a day
    world.now += timedelta(days=180)
    assert await retention.clean(world.now) == 1  # the log
    world.now += timedelta(days=180)
    assert await retention.lapse(world.now) > 0
    assert await retention.lapse(world.now) == 0
    for table in ("disclosure_log", "attendance"):
        assert await world.value(f"SELECT count(*) FROM {table}") == 0, table
    assert await world.value("SELECT reference FROM person") == "ref-1"


async def test_status_and_metrics_do_not_move_with_one_persons_choice(world: World) -> None:
    registry = CollectorRegistry()
    figures, overdue = PublishedMetrics(registry, world.worker), OverdueMetrics(registry, world.worker, 5)
    shown = coarse(registry, SCRAPED)
    await world.announce()
    person, delivered = await world.register("ref-1"), DeliveryMetrics.on(registry)
    await publisher(world.worker, "", 5).publish(world.now)
    conn = await connect(world.database.status, name="test status")

    async def looked() -> tuple[OwnStatus, bytes]:
        await figures.refresh(world.now)
        await overdue.refresh(world.now)
        said = await own_status(conn, world.now)
        quiet = replace(said, invariants=tuple(replace(one, checked=1, detail="") for one in said.invariants))
        return replace(quiet, due=min(quiet.due, 1)), generate_latest(shown)

    await world.settle()
    try:
        before = await looked()
        await world.consent("ref-1", "enrolment_notice", "dropout_support")
        await world.enrol(person)
        assert (await own_status(conn, world.now)).due > 0
        await world.settle()
        assert await world.deliver() > 0
        delivered.count(Attempted(Outcome.SENT))
        await world.attend("k-1", TODAY, {person: "U"})
        await world.settle()
        await world.deliver()
        assert await world.value("SELECT count(*) FROM alert") > 0
        same = replace(before[0], figures={**before[0].figures, "course_days": 1})
        assert await looked() == (same, before[1])
        closed = datetime.combine(quarter_of(TODAY).closes_on, time(9), UTC)
        later = await own_status(conn, closed)
    finally:
        await conn.close()
    assert all(invariant.ok for invariant in before[0].invariants)
    assert later.due > 0


async def test_the_directory_is_loaded_by_command(world: World, tmp_path: Path, prefix: str) -> None:
    file = tmp_path / "offices.yaml"
    file.write_text(
        "offices:\n- {slug: mbe-neu, name: Neue Stelle, organisation: neu, kind: mbe, catchment: ['99001'],"
        " mail: a@neu.invalid, lead_mail: b@neu.invalid, hours: {mon: [['09:00', '12:00']]},"
        " closed_days: [2026-12-24]}\n"
    )
    admin = world.database.admin.rpartition("/")[0] + "/postgres"
    env = {"PATH": os.environ["PATH"], "KURSLOTSE_DATABASE_URL": admin, "KURSLOTSE_PREFIX": prefix}
    code = "from services.notifications.commands import app; app()"
    unknown = file.read_text().replace("mbe-neu", "mbe-b") + file.read_text().partition("\n")[2].replace(
        "name: Neue Stelle", "name: Z, stand_in: nirgends"
    ).replace("mbe-neu", "mbe-z")
    for content, status, said in (
        (None, 0, ""),
        ("- {slug: x}", 2, "offices.yaml, line 1, entry 1 (x), field mail: is missing"),
        (unknown, 2, "nirgends is no office of the file or of the stored directory"),
        ("- [", 2, "offices.yaml, line 1: "),
    ):
        if content is not None:
            file.write_text(content)
        done = run(  # noqa: ASYNC221 - a short command
            [sys.executable, "-c", code, "offices", "load", str(file)],
            cwd=REPOSITORY,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == status, done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert await world.value("SELECT count(*) FROM office WHERE slug IN ('mbe-b', 'mbe-z', 'x')") == 0
    row = (await world.rows("SELECT hours, closed_days FROM office WHERE slug = 'mbe-neu'"))[0]
    assert row["hours"] == {"mon": [["09:00", "12:00"]]}
    assert len(row["closed_days"]) == 1
