"""What happens by the calendar: weekly counts, retention; and the command that loads the directory."""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from subprocess import run

from prometheus_client import CollectorRegistry

from services.notifications.counts.handlers import CountsPublisher
from services.notifications.metrics import StateMetrics
from services.notifications.people import handlers as people
from services.notifications.people.domain import Contact, Purpose
from services.notifications.retention import Retention
from services.notifications.status import own_status
from services.runtime.data.db import connect, transaction
from tests.notifications.world import TODAY, World, school_days
from tests.serving import REPOSITORY


async def test_each_week_is_published_once_and_small_cells_are_suppressed(world: World) -> None:
    await world.announce()
    for number in range(4):
        person = await world.register(f"a-{number}")
        await world.consent(f"a-{number}", "enrolment_notice", "dropout_support")
        await world.enrol(person)
    for day in school_days(TODAY, 2):
        await world.attend("k-1", day, {person: "U"})
    await world.settle()
    world.now += timedelta(days=7)
    counting = CountsPublisher(world.worker, "", 3)

    assert await counting.publish(world.now) == 1
    assert await counting.publish(world.now) == 0

    told = await world.value("SELECT counts FROM counts_published")
    assert (told["alerts_enrolment"], told["alerts_risk"], told["alerts_total"]) == (None, None, 5)
    assert (told["risks_no_show"], told["risks_share_missed"], told["risks_total"]) == (None, 0, None)
    row = (await world.rows("SELECT aggregatetype, aggregateid, payload FROM runtime.outbox"))[0]
    assert (row["aggregatetype"], row["aggregateid"]) == ("kurslotse.counts", "99001")
    assert json.loads(row["payload"])["week"] == TODAY.isoformat()
    assert str(person) not in row["payload"].decode()


async def test_what_is_too_old_is_erased(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.keep("a-1", Contact(family_name="Muster"))
    await world.keep("a-2", Contact(family_name="Waise"))
    await world.consent("a-1", "dropout_support")
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
    assert await world.value("SELECT reference FROM person") == "a-1"


async def test_status_says_what_is_due_and_metrics_hold_no_person(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", "enrolment_notice")
    await world.enrol(person)
    conn = await connect(world.database.status, name="test status")
    try:
        before = await own_status(conn, world.now)
        assert before.due >= 2  # somebody to look at, counts to tell
        await world.settle()
        await world.deliver()
        await CountsPublisher(world.worker, "", 3).publish(world.now)
        after = await own_status(conn, world.now)
        later = await own_status(conn, world.now + timedelta(days=2))
    finally:
        await conn.close()
    assert (after.due, later.due) == (0, 1)
    assert all(invariant.ok for invariant in after.invariants)
    assert after.figures["alerts_enrolment_new"] == 1
    registry = CollectorRegistry()
    await StateMetrics.on(registry, world.worker).refresh(world.now)
    assert registry.get_sample_value("kurslotse_alerts", {"kind": "enrolment", "state": "new"}) == 1


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
