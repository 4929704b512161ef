"""Corrections and retractions of attendance: the set of reports decides, however they are batched."""

import random
from collections.abc import Sequence
from datetime import date, timedelta

import asyncpg
import pytest

from schemas.days import local_day
from schemas.identity import course_id, event_uuid
from schemas.support import AttendanceRecorded, ExamResultRecorded, NeedReported, SectionResultRecorded
from schemas.topics import Family
from services.runtime.events.subscription import Applied, Parked, Problem, Rejected
from tests.erasure.search import Needles, in_database
from tests.notifications.topics import Said, Topics, allow_everything, cut
from tests.notifications.world import (
    DESK,
    MBE,
    PROVIDER,
    TODAY,
    World,
    announcement,
    attendance,
    enrolment,
    school_days,
)
from tests.serving import REPOSITORY

MIGRATIONS = REPOSITORY / "services" / "notifications" / "migrations"
DAYS = school_days(TODAY, 3)
MARKS = "XEU"
BOOKKEEPING = ("runtime.inbox", "runtime.parked", "runtime.stored_offset", "runtime.outbox")


def report(
    world: World, id_: str, day: date, mark: str, *, corrects: str | None = None, retracts: str | None = None
) -> Said:
    marks = dict(zip(world.people, (mark, "X", "E"), strict=True))
    return Said(PROVIDER, attendance("k-1", day, marks), id_, corrects, retracts)


@pytest.fixture
async def class_of_three(world: World) -> World:
    """A course with three people who sit in it and consent."""
    await allow_everything(world)
    await world.announce()
    for reference in ("a-1", "a-2", "a-3"):
        world.people.append(await world.register(reference))
        await world.consent(reference, "dropout_support")
        await world.enrol(world.people[-1])
    world.now += DAYS[-1] - TODAY
    return world


async def shown(world: World) -> dict[date, str]:
    """Return the mark of the first person by day."""
    rows = await world.rows(
        "SELECT day, mark FROM attendance WHERE participant_id = $1",
        world.people[0],
    )
    return {row["day"]: row["mark"] for row in rows}


async def test_retracting_a_replaced_report_leaves_the_newer_one(class_of_three: World) -> None:
    world, topics = class_of_three, Topics(class_of_three)
    await topics.write(report(world, "old", DAYS[0], "U"))
    await topics.write(report(world, "new", DAYS[0], "X"))
    await topics.write(report(world, "back", DAYS[0], "U", retracts="old"))
    assert await shown(world) == {DAYS[0]: "X"}
    assert ("warning", "event_superseded") in await topics.findings()


async def test_retracting_a_corrected_report_leaves_the_correction(class_of_three: World) -> None:
    world, topics = class_of_three, Topics(class_of_three)
    await topics.write(report(world, "first", DAYS[0], "U"))
    await topics.write(report(world, "right", DAYS[0], "X", corrects="first"))
    await topics.write(report(world, "back", DAYS[0], "U", retracts="first"))
    assert await shown(world) == {DAYS[0]: "X"}


async def test_a_late_original_does_not_overwrite_its_correction(class_of_three: World) -> None:
    world, topics = class_of_three, Topics(class_of_three)
    await topics.write(report(world, "right", DAYS[0], "X", corrects="first"))
    assert await shown(world) == {}
    assert ("parked", "event_unknown") in await topics.findings()
    await topics.write(report(world, "first", DAYS[0], "U"))
    assert await shown(world) == {DAYS[0]: "X"}
    assert await world.value("SELECT count(*) FROM runtime.parked") == 0


async def test_a_late_original_does_not_come_back_after_its_retraction(class_of_three: World) -> None:
    world, topics = class_of_three, Topics(class_of_three)
    await topics.write(report(world, "back", DAYS[0], "U", retracts="first"))
    await topics.write(report(world, "first", DAYS[0], "U"))
    assert await shown(world) == {}
    assert await world.value("SELECT listed FROM course_day") == 0


async def test_what_waits_for_an_unknown_report_holds_up_no_other(class_of_three: World) -> None:
    world, topics = class_of_three, Topics(class_of_three)
    await topics.write(report(world, "right", DAYS[0], "X", corrects="nobody-sent-this"))
    await topics.write(report(world, "next-day", DAYS[1], "U"))
    assert await shown(world) == {DAYS[1]: "U"}


async def test_a_correction_that_waits_names_nobody_without_consent(class_of_three: World) -> None:
    world = class_of_three
    stranger = await world.register("a-9")
    await world.enrol(stranger)
    marks = {stranger: "U", world.people[0]: "X"}
    (verdict,) = await world.attend("k-1", DAYS[0], marks, corrects="unknown")
    assert isinstance(verdict, Parked)
    assert verdict.keep is not None
    assert str(stranger).encode() not in verdict.keep


def story(world: World, seed: int) -> list[Said]:
    """Tell reports of a few days in the order of a topic: anew, corrected, retracted, early, twice."""
    chance = random.Random(seed)
    told: list[Said] = []
    for number in range(chance.randint(4, 12)):
        day, mark = chance.choice(DAYS), chance.choice(MARKS)
        named = chance.choice(told).id if told and chance.random() < 0.6 else None
        if named is None:
            told.append(report(world, f"e{number}", day, mark))
        elif chance.random() < 0.6:
            told.append(report(world, f"e{number}", day, mark, corrects=named))
        else:
            told.append(report(world, f"e{number}", day, mark, retracts=named))
    for _ in range(chance.randint(0, 4)):  # out of order: a correction comes before what it corrects
        one = told.pop(chance.randrange(len(told)))
        told.insert(chance.randrange(len(told) + 1), one)
    for _ in range(chance.randint(0, 3)):
        told.insert(chance.randrange(len(told) + 1), chance.choice(told))
    return told


def data_of(said: Said) -> AttendanceRecorded:
    assert isinstance(said.payload, AttendanceRecorded)
    return said.payload


def day_of(said: Said) -> date:
    return data_of(said).day


def last_word(told: Sequence[Said]) -> dict[date, str]:
    """Return what each day shows by the rule of participation/reports.py, told in other words.

    Whatever refers to a report that was not told yet waits; the report, then those, take their turn.
    """
    first: dict[str, int] = {}
    for place, said in enumerate(told):
        first.setdefault(said.id, place)
    by_id = {said.id: said for said in told}

    def turn(said: Said) -> tuple[int, int, int] | None:
        named, place = said.corrects or said.retracts, first[said.id]
        if named is None:
            return place, 0, place
        if named not in by_id or by_id[named].retracts:
            return None
        after = turn(by_id[named])
        if after is None:
            return None
        return (place, 0, place) if place > after[0] else (after[0], after[1] + 1, place)

    turns = sorted((when, id_) for id_, said in by_id.items() if (when := turn(said)) is not None)
    days: dict[date, str | None] = {}
    for _, id_ in turns:
        said = by_id[id_]
        named = said.corrects or said.retracts
        if named is not None:
            old = day_of(by_id[named])
            days[old] = None if days.get(old) == named else days.get(old)
        if said.retracts is None:
            days[day_of(said)] = id_
    return {day: data_of(by_id[id_]).entries[0].mark for day, id_ in sorted(days.items()) if id_ is not None}


@pytest.mark.parametrize("seed", range(40))
async def test_the_last_word_of_the_topic_counts_in_any_batches(class_of_three: World, seed: int) -> None:
    world, chance = class_of_three, random.Random(seed)
    told = story(world, seed)
    wanted = last_word(told)
    sizes = [[1] * len(told), [], [chance.randint(1, 4) for _ in told]]
    for cuts in sizes:
        await world.forget("course_day", "course_report", "attendance", *BOOKKEEPING)
        topics = Topics(world)
        for part in cut(told, cuts):
            await topics.write(*part)
        assert await shown(world) == wanted, (cuts, [(s.id, s.corrects, s.retracts) for s in told])


async def test_a_class_of_an_unknown_course_is_read_in_order_later(class_of_three: World) -> None:
    world, topics = class_of_three, Topics(class_of_three)
    await world.rows("DELETE FROM course")
    await topics.write(
        report(world, "right", DAYS[0], "X", corrects="first"),
        report(world, "first", DAYS[0], "U"),
        report(world, "second", DAYS[1], "E"),
    )
    assert await shown(world) == {}
    await topics.write(Said(None, announcement("k-1", version=99)))
    assert await shown(world) == {DAYS[0]: "X", DAYS[1]: "E"}
    assert await world.value("SELECT count(*) FROM runtime.parked") == 0


async def test_needs_are_corrected_in_any_order(class_of_three: World) -> None:
    world, topics = class_of_three, Topics(class_of_three)
    need = {"need": "bus", "town": "99001001", "month": "2026-03"}
    right = NeedReported(**(need | {"need": "childcare"}))
    await topics.write(Said(DESK, right, "right", corrects="first"))
    await topics.write(Said(DESK, NeedReported(**need), "other"))
    await topics.write(Said(DESK, NeedReported(**need), "first"))
    rows = await world.rows("SELECT need, cause FROM need_report ORDER BY need")
    causes = [event_uuid(DESK, Family.SUPPORT, id_) for id_ in ("other", "right")]
    assert [tuple(row) for row in rows] == list(zip(("bus", "childcare"), causes, strict=True))


async def test_two_providers_may_use_the_same_event_id(class_of_three: World) -> None:
    world = class_of_three
    other = announcement("k-7").model_copy(update={"course": course_id(MBE, "k-7"), "provider": MBE})
    await world.say(None, other)
    mine = world.incoming(PROVIDER, attendance("k-1", DAYS[0], {world.people[0]: "U"}), id_="1")
    theirs = world.incoming(MBE, attendance("k-7", DAYS[1], {world.people[0]: "E"}), id_="1")
    await world.read(mine, theirs)
    rows = await world.rows("SELECT course_id, day, listed FROM course_day ORDER BY day")
    assert [(row["course_id"], row["day"]) for row in rows] == [
        (course_id(PROVIDER, "k-1"), DAYS[0]),
        (course_id(MBE, "k-7"), DAYS[1]),
    ]
    assert await shown(world) == {DAYS[0]: "U"}


async def test_what_a_publisher_calls_its_events_is_not_stored(class_of_three: World) -> None:
    """A `ce_id` is free text; corrections and retractions find what they mean without it."""
    world, topics, canary = class_of_three, Topics(class_of_three), "depression_of_1990"
    need = NeedReported(need="bus", town="99001001", month="2026-03")
    await topics.write(
        report(world, f"{canary}-1", DAYS[0], "U"),
        report(world, f"{canary}-2", DAYS[0], "X", corrects=f"{canary}-1"),
        report(world, f"{canary}-3", DAYS[1], "U"),
        report(world, f"{canary}-4", DAYS[1], "U", retracts=f"{canary}-3"),
        Said(DESK, need, f"{canary}-5"),
        Said(DESK, need, f"{canary}-6", corrects=f"{canary}-5"),
    )
    assert await shown(world) == {DAYS[0]: "X"}
    assert await world.value("SELECT count(*) FROM course_report") == 3
    assert await world.value("SELECT count(*) FROM need_report") == 1
    admin = await asyncpg.connect(world.database.admin)
    try:
        assert await in_database(admin, Needles({"id of an event": canary})) == []
    finally:
        await admin.close()


async def test_names_of_events_that_were_stored_once_are_replaced(class_of_three: World) -> None:
    world, topics = class_of_three, Topics(class_of_three)
    await topics.write(report(world, "old", DAYS[0], "U"), report(world, "other", DAYS[1], "U"))
    await topics.write(Said(DESK, NeedReported(need="bus", town="99001001", month="2026-03"), "need"))
    for table in ("course_report", "course_day"):
        for id_ in ("old", "other"):
            uuid = str(event_uuid(PROVIDER, Family.SUPPORT, id_))
            await world.rows(f"UPDATE {table} SET event_id = $1 WHERE event_id = $2", f"Maria {id_}", uuid)
    await world.rows("UPDATE need_report SET event_id = 'Maria braucht einen Bus'")
    admin = await asyncpg.connect(world.database.admin)
    try:
        async with admin.transaction():
            await admin.execute((MIGRATIONS / "0011_names_of_events.sql").read_text("utf-8"))
        assert await in_database(admin, Needles({"id of an event": "Maria"})) == []
    finally:
        await admin.close()
    await topics.write(report(world, "new", DAYS[0], "X"))
    await topics.write(Said(DESK, NeedReported(need="bus", town="99001001", month="2026-03"), "n2", "need"))
    assert await shown(world) == {DAYS[0]: "X", DAYS[1]: "U"}
    assert (
        await world.value("SELECT count(*) FROM course_day JOIN course_report USING (course_id, event_id)")
        == 2
    )
    assert await world.value("SELECT count(*) FROM need_report") == 1


@pytest.mark.parametrize("days", [2, 400, 3000])
async def test_a_day_that_is_still_to_come_is_refused_and_hides_no_other(
    class_of_three: World, days: int
) -> None:
    world, topics = class_of_three, Topics(class_of_three)
    typo = local_day(world.now) + timedelta(days=days)
    await topics.write(report(world, "typo", typo, "U"))
    assert ("rejected", "day_in_future") in await topics.findings()
    assert await world.value("SELECT count(*) FROM course_day") == 0
    for number, day in enumerate(DAYS):
        await topics.write(report(world, f"day-{number}", day, "U"))
    await world.settle()
    until = "SELECT reported_until FROM risk WHERE participant_id = $1"
    assert await world.value(until, world.people[0]) == DAYS[-1]


async def test_tomorrow_may_have_begun_where_a_report_comes_from(class_of_three: World) -> None:
    world, topics = class_of_three, Topics(class_of_three)
    tomorrow = local_day(world.now) + timedelta(days=1)
    await topics.write(report(world, "early", tomorrow, "U"))
    assert await shown(world) == {tomorrow: "U"}


@pytest.mark.parametrize("first", ["typo", "right"])
async def test_a_refused_day_is_corrected_and_a_correction_to_a_later_day_changes_nothing(
    class_of_three: World, first: str
) -> None:
    world, topics = class_of_three, Topics(class_of_three)
    ahead = local_day(world.now) + timedelta(days=90)
    told = {
        "typo": report(world, "typo", ahead, "U"),
        "right": report(world, "right", DAYS[0], "E", corrects="typo"),
    }
    await topics.write(told.pop(first))
    await topics.write(*told.values())
    await topics.write(report(world, "other", DAYS[1], "X"))
    assert await shown(world) == {DAYS[0]: "E", DAYS[1]: "X"}
    await topics.write(report(world, "worse", ahead, "U", corrects="right"))
    assert await shown(world) == {DAYS[0]: "E", DAYS[1]: "X"}
    assert await world.value("SELECT count(*) FROM runtime.parked") == 0


async def test_a_day_ahead_that_is_on_record_hides_no_absence_and_can_be_taken_back(
    class_of_three: World,
) -> None:
    world, topics = class_of_three, Topics(class_of_three)
    ahead = local_day(world.now) + timedelta(days=90)
    now, world.now = world.now, world.now + timedelta(days=90)
    await topics.write(report(world, "typo", ahead, "U"))
    world.now = now
    await world.settle()
    assert await world.value("SELECT count(*) FROM risk") == 0
    for number, day in enumerate(DAYS):
        await topics.write(report(world, f"day-{number}", day, "U"))
    await world.settle()
    until = "SELECT reported_until FROM risk WHERE participant_id = $1"
    assert await world.value(until, world.people[0]) == DAYS[-1]

    await world.rows("UPDATE course_day SET assessed = true RETURNING day")
    await world.say(None, enrolment(world.people[0], version=7))
    assert await world.value("SELECT count(*) FROM course_day WHERE NOT assessed AND day <= $1", DAYS[-1]) > 0

    await topics.write(report(world, "back", ahead, "U", retracts="typo"))
    assert ahead not in await shown(world)


async def test_results_and_needs_of_a_day_still_to_come_are_refused(class_of_three: World) -> None:
    world = class_of_three
    today = local_day(world.now)
    person, two_days = world.people[0], timedelta(days=2)
    section = SectionResultRecorded(
        course="k-1", participant=person, section=1, grade="below", tested_on=today + two_days
    )
    exam = ExamResultRecorded(
        course="k-1", participant=person, exam="dtz", result="A2", taken_on=today + two_days
    )
    need = NeedReported(need="childcare", town="99001001", month=f"{today + timedelta(days=40):%Y-%m}")
    verdicts = await world.say(PROVIDER, section, exam, need)
    assert verdicts == [
        Rejected(Problem("day_in_future", field=field)) for field in ("tested_on", "taken_on", "month")
    ]
    for table in ("section_result", "exam_result", "need_report"):
        assert await world.value(f"SELECT count(*) FROM {table}") == 0
    back = [world.incoming(PROVIDER, one, retracts=str(number)) for number, one in enumerate((section, exam))]
    assert all(isinstance(one, Applied) for one in await world.read(*back))
    this_month = need.model_copy(update={"month": f"{today:%Y-%m}"})
    taken = await world.say(
        PROVIDER,
        section.model_copy(update={"tested_on": today}),
        exam.model_copy(update={"taken_on": today}),
        this_month,
    )
    assert all(isinstance(one, Applied) for one in taken)
