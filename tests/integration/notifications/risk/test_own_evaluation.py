"""The history of an installation: exported under running numbers, and evaluated for each office."""

import re
import stat
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess, run
from uuid import UUID

import asyncpg
import pytest

from schemas.codes import ConsentPurpose
from schemas.placements import EnrolmentEnded, Reason
from services.notifications.people.domain import Contact
from services.notifications.risk import parameters
from services.notifications.risk.evaluate import history, history_store, replay, report
from services.notifications.risk.evaluate.apart import Evaluator, TooMuchError
from services.notifications.risk.evaluate.daily import DailyEvaluation
from services.notifications.risk.evaluate.sweep import compare
from services.runtime.data.db import transaction
from services.simulator.history import invent
from tests.notifications.pages import Browser, further, pages_on
from tests.notifications.rules import PATH, fields_of
from tests.notifications.world import DESK, JMD, MBE, PROVIDER, TODAY, World, school_days, step
from tests.serving import REPOSITORY

DROPOUT = ConsentPurpose.DROPOUT_SUPPORT
LEAD, FOREIGN = "leitung", "jmd-leitung"
PEOPLE = further((LEAD, MBE, "team_lead"), (FOREIGN, JMD, "team_lead"))
USUAL = parameters.load().rules_on(TODAY).parameters
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}")


async def played(world: World, *lives: tuple[str, str], office: str = MBE) -> list[UUID]:
    """Let people attend as their marks say; `left` is what is told of them the day after the last mark."""
    await world.stated(course_type="integration_general")
    found = []
    for number, (_, left) in enumerate(lives):
        reference = f"{office}-{number}"
        person = await world.register(reference)
        await world.keep(reference, Contact(family_name="Beispiel", given_name=reference))
        if "0" not in left:
            await world.consent(reference, DROPOUT, office_=office)
        await world.enrol(person)
        found.append(person)
    for number, day in enumerate(school_days(TODAY, max(len(marks) for marks, _ in lives))):
        marked = zip(found, (marks for marks, _ in lives), strict=True)
        world.now = world.now.replace(month=day.month, day=day.day)
        await world.attend("k-1", day, {person: marks[number] for person, marks in marked})
        await world.settle()
    world.now += timedelta(days=1)
    for person, (_, left) in zip(found, lives, strict=True):
        if left in {"work", "other"}:
            ended = step(
                EnrolmentEnded,
                person,
                to_state="left",
                version=9,
                ended_on=world.now.date(),
                decided_at=world.now,
                reason=Reason(code="left", params={"kind": left}),
            )
            await world.say(None, ended)
    await world.settle()
    return found


LIVES = (("XXXXXXXXXX", ""), ("XXXXXXUUUU", "other"), ("XXXXXXXXXX", "work"), ("XXUXXXXXXX", ""))


def command(world: World, *arguments: str) -> CompletedProcess[str]:
    return run(
        [sys.executable, "-c", "from services.notifications.commands import app; app()", "risk", *arguments],
        cwd=REPOSITORY,
        env={"PATH": "/usr/bin:/bin", "KURSLOTSE_DB_WORKER": world.database.worker},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


async def test_an_export_evaluated_says_what_was_played(world: World, tmp_path: Path) -> None:
    await played(world, *LIVES, ("XXXXXXXXXX", "0"))
    folder = tmp_path / "export"
    done = command(world, "export", str(folder))
    assert done.returncode == 0, done.stderr
    assert f"4 enrolments, 40 marks and 2 exits are in {folder}." in done.stdout
    assert "personal data still" in done.stdout
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == ["enrolments.csv", "exits.csv", "marks.csv"]
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        text = file.read_text()
        assert not UUIDS.search(text)
        assert not {word for word in ("Beispiel", MBE, PROVIDER, DESK, "k-1") if word in text}
    read = history.read(folder)
    assert {one.participant for one in read.enrolments} == {"P-1", "P-2", "P-3", "P-4"}
    assert {one.exit.kind: one.exit.told_on for one in read.enrolments if one.exit} == {
        "other": world.now.date(),
        "work": world.now.date(),
    }
    assert all(item.reported_on == item.day.day for one in read.enrolments for item in one.days)
    scored = replay.score(read.enrolments, replay.of_rules(USUAL.attendance_rules()))
    assert (scored.enrolments, scored.alerts, scored.announced, scored.warned) == (4, 1, 1, 1)
    assert await world.value("SELECT count(*) FROM risk") == 1
    evaluated = command(world, "evaluate", str(folder))
    assert "enrolments 4, exits 2" in evaluated.stdout
    looks = await world.rows("SELECT organisation, actor, purpose, fields FROM disclosure_log")
    told = ("wohlfahrt", "service:operator", "evaluation", ["attendance"])
    assert [tuple(row) for row in looks if row["purpose"] == "evaluation"] == [told] * 4
    again = command(world, "export", str(folder))
    assert (again.returncode, "exists already" in again.stderr) == (2, True)


async def test_what_is_known_only_from_later_on_is_no_no_show(world: World) -> None:
    await world.stated(course_type="integration_general")
    person, late = await world.register("a-1"), await world.register("a-2")
    await world.consent("a-1", DROPOUT)
    for one in (person, late):
        await world.enrol(one)
    first, *others = school_days(TODAY, 3)
    await world.attend("k-1", first, {person: "X", late: "X"})
    await world.consent("a-2", DROPOUT)
    for day in others:
        await world.attend("k-1", day, {person: "X", late: "U"})
    async with transaction(world.worker) as conn:
        rows = await history_store.rows(conn, offices=None, since=TODAY, today=others[-1])
        assert await history_store.rows(conn, offices=[JMD], since=TODAY, today=others[-1]) == []
        assert len(await history_store.rows(conn, offices=[MBE], since=TODAY, today=first, most=9)) == 1
    found = history_store.enrolments(rows)
    assert sorted((one.known_from, len(one.days)) for one in found if one.known_from) == [(others[0], 2)]
    assert all(
        alert.rule != "no_show" for one in found for alert in replay.of_rules(USUAL.attendance_rules())(one)
    )


async def test_an_invented_history_is_read_back_as_it_was(world: World, tmp_path: Path) -> None:
    """What was invented is put into the tables, exported, and evaluated: the same comes out."""
    people = [one for one in invent(3, 40).enrolments if one.days][:60]
    await put(world, people)
    folder = tmp_path / "export"
    done = command(world, "export", str(folder))
    assert done.returncode == 0, done.stderr
    rules, read = USUAL.attendance_rules(), history.read(folder)
    assert list(report.lines(compare(read, rules))) == list(
        report.lines(compare(history.History(people), rules))
    )


async def put(world: World, people: Sequence[history.Enrolment]) -> None:
    """Put enrolments into the tables, as events would."""
    courses = {name: number for number, name in enumerate(dict.fromkeys(one.course for one in people), 1)}
    days: dict[tuple[str, object], tuple[float, object]] = {}
    async with transaction(world.worker) as conn:
        for number, one in enumerate(people, 1):
            ids = (UUID(int=number), UUID(int=courses[one.course]))
            state, told = ("started", one.joined_on) if one.exit is None else ("left", one.exit.told_on)
            await conn.execute(
                """
                INSERT INTO placement (placement_id, version, participant_id, course_id, provider, own_course,
                    office, kreis, entry_section, starts_on, ends_on, state, released, reason, ended_on,
                    decided_at)
                VALUES ($1, 1, $2, $3, $4, 'k', 'o', '99001', 1, $5, $6, $7, true, $8, $9,
                    $10::date + interval '9 hours')
                """,
                UUID(int=number),
                *ids,
                one.provider,
                one.joined_on,
                one.ends_on,
                state,
                {"code": "left", "params": {"kind": one.exit.kind if one.exit else "other"}},
                one.exit.left_on if one.exit else None,
                told,
            )
            await conn.execute(
                """
                INSERT INTO consent (participant_id, office, purpose, registrar, registrar_organisation,
                    registrar_authority, given_on, valid_until)
                VALUES ($1, $2, 'dropout_support', 'o', 'o', false, '2020-01-01', '2099-01-01')
                """,
                ids[0],
                MBE,
            )
            days |= {(one.course, item.day.day): (item.day.ue_held, item.reported_on) for item in one.days}
            await conn.executemany(
                "INSERT INTO attendance (participant_id, course_id, day, mark, ue)"
                " VALUES ($1, $2, $3, $4, $5)",
                [(*ids, item.day.day, item.day.mark, item.day.ue) for item in one.days],
            )
        await conn.executemany(
            """
            INSERT INTO course_day (course_id, day, event_id, ue_held, listed, assessed, reported_on)
            VALUES ($1, $2, 'e', $3, 9, true, $4)
            """,
            [(UUID(int=courses[course]), day, held, told) for (course, day), (held, told) in days.items()],
        )


async def test_the_head_sees_what_the_rules_were_worth_on_the_own_data(world: World) -> None:
    await played(world, *LIVES)
    alert = await world.value("SELECT alert_id FROM alert WHERE kind = 'risk'")
    await world.rows(
        "UPDATE alert SET state = 'done', ended_at = $2, verdict = 'useful' WHERE alert_id = $1",
        alert,
        world.now,
    )
    daily = DailyEvaluation(world.worker, world.books, rest_seconds=0.0)
    async with pages_on(world, LEAD, FOREIGN, people=PEOPLE) as pages:
        assert "noch nichts berechnet" in await pages[LEAD].page("/inbox/evaluation")
        assert await daily.next(world.now) == 1
        assert await daily.next(world.now) == 0, "once a day, and only offices to which somebody consents"
        page = await pages[LEAD].page("/inbox/evaluation")
        assert "4 Kurseintritte der letzten zwölf Monate" in page
        assert "Bei weniger als 20 Kurseintritten sagen Prozente nichts aus." in page
        assert "%" not in re.sub(r"<style.*?</style>", "", page.partition("<main")[2])
        assert "1 von 1" in page
        assert re.search(r"Die niemand kommen sehen konnte:\s+\S.* 1</p>", page)
        assert "fehlte mehrere Tage hintereinander" in page.partition('id="verdicts"')[2]
        other = await pages[FOREIGN].page("/inbox/evaluation")
        assert "noch nichts berechnet" in other
        values = {"standing-waiting_days": "30", "consecutive-early_days": "1"}
        tried = await try_values(pages[LEAD], **values)
        assert "Ausprobiert an 4 Kurseintritten" in tried
        assert re.search(r">Hinweise</th>\s*<td[^>]*>1</td>\s*<td[^>]*>2</td>", tried), (
            "2 days without excuse"
        )
        assert "Es gibt nichts, woran" in await try_values(pages[FOREIGN], **values)


async def try_values(browser: Browser, **changed: str) -> str:
    values = fields_of(await browser.page(PATH)) | {"reason": "Probe"} | changed
    return (await browser.post(PATH, **values, do="try")).text


async def test_a_page_reads_the_history_of_its_own_office_only(world: World) -> None:
    await played(world, *LIVES)
    day = world.now.date()
    async with pages_on(world), world.visiting("wohlfahrt", MBE) as conn:
        assert len(await history_store.own_rows(conn, since=TODAY, today=day, most=99)) == 4
        assert len(await history_store.own_rows(conn, since=TODAY, today=day, most=2)) == 2
    for organisation, office in (("jugend", JMD), ("treff", DESK), ("vhs", PROVIDER)):
        async with world.visiting(organisation, office) as conn:
            assert await history_store.own_rows(conn, since=TODAY, today=day, most=99) == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with world.visiting("wohlfahrt", MBE) as conn:
            await history_store.rows(conn, offices=None, since=TODAY, today=day)


async def test_what_takes_too_long_is_given_up_and_told(world: World) -> None:
    await played(world, *LIVES)
    slow = Evaluator(wall_seconds=0.0)
    with pytest.raises(TooMuchError):
        await slow.scores([], [USUAL])
    daily = DailyEvaluation(world.worker, world.books, slow, rest_seconds=0.0)
    assert await daily.next(world.now) == 1
    async with pages_on(world, LEAD, people=PEOPLE) as pages:
        assert "hat zu lange gedauert" in await pages[LEAD].page("/inbox/evaluation")
    assert await daily.next(world.now) == 0
    await world.revoke("mbe-probe-0")
    await daily.next(world.now + timedelta(days=1))
    await world.rows("UPDATE consent SET ended_at = now()")
    assert await daily.next(world.now + timedelta(days=40)) == 0
    assert await world.value("SELECT count(*) FROM risk_evaluation") == 0
