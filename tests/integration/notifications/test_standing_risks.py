"""Risks before, during and after a course: raised by events and the calendar, told under consent."""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from schemas.base import Payload
from schemas.codes import ConsentPurpose
from schemas.days import local_day
from schemas.placements import EnrolmentEnded, ParticipantsMerged, PlacementAdvanced, PlaceReserved
from schemas.support import ExamResultRecorded, SectionResultRecorded
from services.notifications.people import store as people
from services.notifications.risk.rounds import DailyRound
from services.runtime.data.db import transaction
from tests.notifications.world import MBE, PROVIDER, TODAY, World, enrolment, step

DROPOUT, AFTER = ConsentPurpose.DROPOUT_SUPPORT, ConsentPurpose.AFTER_COURSE


async def risks(world: World) -> list[asyncpg.Record]:
    return await world.rows(
        "SELECT rule, matter, purpose, severity, state, also, course_id FROM risk ORDER BY rule"
    )


async def open_rules(world: World) -> list[str]:
    return [row["rule"] for row in await risks(world) if row["state"] == "open"]


async def days_later(world: World, days: int) -> None:
    world.now += timedelta(days=days)
    await DailyRound(world.worker).begin(world.now)
    await world.settle()


async def section_test(world: World, person: Any, grade: str, section: int = 1, **more: Any) -> None:  # noqa: ANN401
    result = SectionResultRecorded(
        course="k-1",
        participant=person,
        section=section,
        grade=grade,
        tested_on=TODAY + timedelta(days=section - 1),
    )
    await world.read(world.incoming(PROVIDER, result, **more))
    await world.settle()


async def examined(world: World, person: Any, result: str, exam: str = "dtz") -> None:  # noqa: ANN401
    said = ExamResultRecorded(course="k-1", participant=person, exam=exam, result=result, taken_on=TODAY)
    await world.say(PROVIDER, said)
    await world.settle()


async def test_a_section_below_is_told_settled_corrected_and_taken_back(world: World) -> None:
    await world.stated(course_type="integration_general")
    person = await world.register("a-1")
    await world.consent("a-1", DROPOUT)
    await world.enrol(person)
    await section_test(world, person, "below", id_="first")
    assert await open_rules(world) == ["section_below"]
    (alert,) = await world.rows("SELECT kind, purpose, state FROM alert")
    assert tuple(alert) == ("risk", DROPOUT, "new")

    await section_test(world, person, "as_expected", section=2, id_="second")
    assert await open_rules(world) == []
    (alert,) = await world.rows("SELECT state, withdrawn_for FROM alert")
    assert tuple(alert) == ("withdrawn", "returned")

    await section_test(world, person, "as_expected", section=2, id_="back", retracts="second")
    assert await open_rules(world) == ["section_below"], "the better result was a mistake"
    await section_test(world, person, "as_expected", id_="mended", corrects="first")
    assert await open_rules(world) == []
    (kept,) = await world.rows("SELECT grade FROM section_result")
    assert kept["grade"] == "as_expected"


SECTIONS = ((1, "below", 0), (2, "as_expected", 1), (2, "below", 2), (3, "above", 3))
EXAMS = (
    ("dtz", "A2", 0),
    ("vocational", "B2", 1),
    ("lid", "failed", 1),
    ("lid", "passed", 2),
    ("dtz", "B1", 3),
)
MORE_EXAMS = (("dtz", "B1", 0), ("dtz", "absent", 2), ("lid", "passed", 1))


def results(person: UUID, told: Sequence[tuple[Any, str, int]]) -> list[Payload]:
    """Make the results that are told: section or examination, grade or result, and day."""
    course = {"course": "k-1", "participant": person}
    return [
        SectionResultRecorded(**course, section=what, grade=grade, tested_on=TODAY + timedelta(days=day))
        if isinstance(what, int)
        else ExamResultRecorded(**course, exam=what, result=grade, taken_on=TODAY + timedelta(days=day))
        for what, grade, day in told
    ]


@pytest.mark.parametrize(
    ("told", "rules"),
    [
        (SECTIONS, []),
        (SECTIONS[:3], ["section_below"]),
        (EXAMS, []),
        (EXAMS[:3], ["exam_failed"]),
        (MORE_EXAMS, ["exam_not_sat"]),
        ((*SECTIONS, *EXAMS), []),
    ],
)
async def test_results_are_judged_the_same_in_whatever_order_they_are_read(
    world: World, told: Sequence[tuple[Any, str, int]], rules: list[str]
) -> None:
    await world.stated(course_type="integration_general")
    world.now += timedelta(days=3)
    orders = [told, told[::-1], sorted(told, key=str), random.Random(5).sample(told, len(told))]
    for number, order in enumerate(orders):
        person = await world.register(f"a-{number}")
        await world.consent(f"a-{number}", DROPOUT)
        await world.enrol(person)
        for said in results(person, order):
            await world.say(PROVIDER, said)
            await world.settle()
    found = await world.rows("SELECT participant_id, rule FROM risk WHERE state = 'open'")
    assert sorted(row["rule"] for row in found) == rules * len(orders)


async def test_of_results_that_reached_the_aim_only_the_latest_is_kept(world: World) -> None:
    await world.stated(course_type="integration_general")
    world.now += timedelta(days=5)
    person = await world.register("a-1")
    await world.consent("a-1", DROPOUT)
    await world.enrol(person)
    reached = ((1, "as_expected", 0), (3, "above", 2), (2, "as_expected", 1), ("dtz", "B1", 1))
    more = (("vocational", "B2", 4), ("lid", "passed", 0), ("lid", "passed", 3))
    await world.say(PROVIDER, *results(person, reached + more))
    assert [row["section"] for row in await world.rows("SELECT section FROM section_result")] == [3]
    finals = await world.rows("SELECT exam, taken_on FROM exam_result ORDER BY exam")
    assert [tuple(row) for row in finals] == [
        ("lid", TODAY + timedelta(days=3)),
        ("vocational", TODAY + timedelta(days=4)),
    ]


async def test_results_that_settled_one_go_when_it_is_taken_back(world: World) -> None:
    await world.stated(course_type="integration_general")
    world.now += timedelta(days=5)
    person = await world.register("a-1")
    await world.consent("a-1", DROPOUT)
    await world.enrol(person)
    below, first, second = results(person, ((1, "below", 0), (2, "as_expected", 1), (3, "as_expected", 2)))
    await world.read(world.incoming(PROVIDER, below, id_="below"))
    await world.read(world.incoming(PROVIDER, first))
    await world.read(world.incoming(PROVIDER, second, id_="second"))
    await world.read(world.incoming(PROVIDER, second, retracts="second"))
    await world.settle()
    assert await open_rules(world) == [], "the one before settles it too"
    await world.read(world.incoming(PROVIDER, second))
    await world.read(world.incoming(PROVIDER, below, retracts="below"))
    assert [row["section"] for row in await world.rows("SELECT section FROM section_result")] == [3]


async def test_without_consent_no_result_is_kept_and_the_end_of_a_consent_erases_it(world: World) -> None:
    await world.stated(course_type="integration_general")
    person = await world.register("a-1")
    await world.enrol(person)
    await section_test(world, person, "below")
    await examined(world, person, "A2")
    assert await world.value("SELECT count(*) FROM section_result") == 0
    assert await world.value("SELECT count(*) FROM exam_result") == 0

    await world.consent("a-1", DROPOUT, AFTER)
    await section_test(world, person, "below")
    await examined(world, person, "A2")
    assert await open_rules(world) == ["exam_failed"]
    (risk,) = await risks(world)
    assert (risk["severity"], risk["also"]) == ("medium", ["section_below"])
    await world.revoke("a-1")
    assert await risks(world) == []
    assert await world.value("SELECT count(*) FROM section_result") == 0
    assert await world.value("SELECT count(*) FROM exam_result") == 0


async def test_what_follows_a_course_is_told_under_its_own_consent_only(world: World) -> None:
    await world.stated(course_type="integration_general")
    person = await world.register("a-1")
    await world.consent("a-1", DROPOUT)
    await world.enrol(person)
    await examined(world, person, "A2")
    await world.say(None, step(EnrolmentEnded, person, to_state="completed", version=9, ended_on=TODAY))
    await world.settle()
    assert await open_rules(world) == []

    await world.consent("a-1", AFTER)
    await world.settle()
    assert await open_rules(world) == ["completed_without_b1"]
    alerts = await world.rows("SELECT purpose, state FROM alert WHERE ended_at IS NULL")
    assert [tuple(row) for row in alerts] == [(AFTER, "new")]
    await examined(world, person, "B1")
    assert await open_rules(world) == []


async def test_the_calendar_alone_brings_a_matter_about_once_a_day(world: World) -> None:
    await world.stated(course_type="integration_general")
    await world.register("a-1")
    await world.consent("a-1", DROPOUT)
    await days_later(world, 0)
    assert await open_rules(world) == []
    assert await DailyRound(world.worker).begin(world.now) == 0, "one round a day"
    await days_later(world, 200)
    assert await open_rules(world) == ["waits_long"]
    (alert,) = await world.rows("SELECT course_id, reason FROM alert WHERE kind = 'risk'")
    assert alert["course_id"] is None
    assert alert["reason"]["code"] == "waits_long"
    assert "reported_until" not in alert["reason"]["params"]  # no provider has reported anything
    await days_later(world, 1)
    assert len(await risks(world)) == 1


async def test_an_offer_about_to_expire_is_told_and_settled_by_the_answer(world: World) -> None:
    await world.stated(course_type="integration_general")
    person = await world.register("a-1")
    await world.consent("a-1", DROPOUT)
    offered = step(
        PlaceReserved, person, to_state="reserved", version=2, expires_at=world.now + timedelta(days=9)
    )
    await world.say(None, offered)
    await world.settle()
    assert await open_rules(world) == []
    await days_later(world, 7)
    (risk,) = await risks(world)
    assert (risk["rule"], risk["matter"], risk["severity"]) == ("offer_unanswered", "offer", "high")
    await world.say(None, step(PlacementAdvanced, person, to_state="accepted", version=3))
    await world.settle()
    assert await open_rules(world) == []


async def test_nobody_is_judged_by_who_they_are(world: World) -> None:
    """Age, town, asylum phase and language change; the risks stay the same."""
    await world.stated(course_type="integration_general")
    person = await world.register("a-1")
    await world.consent("a-1", DROPOUT)
    await world.enrol(person)
    for number in range(3):
        day: date = TODAY + timedelta(days=number)
        await world.attend("k-1", day, {person: "U"})
    await world.settle()
    before = [tuple(row) for row in await risks(world)]
    assert before
    for facts in ({"youth_until": "2031-01"}, {"asylum_phase": "procedure"}, {"town": "99001007"}):
        await world.registered("a-1", **facts)
        await world.rows("UPDATE course_day SET assessed = false RETURNING day")
        await world.settle()
        assert [tuple(row) for row in await risks(world)] == before, facts


async def test_whom_an_event_concerns_waits_for_no_daily_round(world: World) -> None:
    """A round queues everybody; whoever is enrolled meanwhile is told of with the next batch."""
    await world.rows(
        "INSERT INTO reconsider (participant_id, asked_at) SELECT gen_random_uuid(), NULL"
        " FROM generate_series(1, 300)"
    )
    person = await world.register("a-1")
    await world.consent("a-1", ConsentPurpose.ENROLMENT_NOTICE)
    await world.enrol(person)
    assert await world.reconciler.drain(world.now) == 1
    assert await world.value("SELECT count(*) FROM alert WHERE participant_id = $1", person) == 1
    left = "SELECT count(*) FROM reconsider"
    first, before = await world.reconciler.drain(world.now), 300
    assert first == before - await world.value(left)
    assert 0 < first <= 50
    # Who is queued by a round and then by an event moves to the front; a round moves nobody back.
    await world.rows("INSERT INTO reconsider (participant_id, asked_at) VALUES ($1, NULL)", person)
    async with transaction(world.worker) as conn:
        await people.request_reconciliation(conn, [person])
    await DailyRound(world.worker).begin(world.now)
    assert await world.reconciler.drain(world.now) == 1
    while await world.reconciler.drain(world.now):
        pass
    assert await world.value(left) == 0


async def test_who_waits_and_who_sits_in_a_course_are_told_of_together(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """What somebody waits for has no course: that stops nobody in the same batch."""
    await world.stated(course_type="integration_general")
    await world.register("a-1")
    await world.consent("a-1", DROPOUT)
    seated = await world.register("b-1")
    await world.consent("b-1", ConsentPurpose.ENROLMENT_NOTICE)
    await world.enrol(seated)
    await days_later(world, 200)
    assert {row["kind"] for row in await world.rows("SELECT kind FROM alert")} == {"risk", "enrolment"}
    assert "one by one" not in caplog.text


async def registered_twice(world: World, *consenting: str) -> tuple[UUID, UUID]:
    """Somebody who was registered twice, and who consents under these references."""
    await world.stated(course_type="integration_general")
    old, new = await world.register("a-1"), await world.register("a-2")
    for reference in consenting:
        await world.consent(reference, DROPOUT, AFTER, office_=MBE)
    return old, new


async def merge(world: World, old: UUID, new: UUID) -> None:
    await world.say(None, ParticipantsMerged(merged=old, into=new, kreis="99001", decided_at=world.now))
    await world.settle()


@pytest.mark.parametrize("consenting", [("a-1",), ("a-2",), ("a-1", "a-2")])
@pytest.mark.parametrize("merged_first", [True, False])
async def test_who_sits_in_class_waits_under_no_other_id(
    world: World, consenting: tuple[str, ...], merged_first: bool
) -> None:
    old, new = await registered_twice(world, *consenting)
    if merged_first:
        await merge(world, old, new)
    await world.enrol(new)
    if not merged_first:
        await merge(world, old, new)
    await days_later(world, 200)
    assert "waits_long" not in await open_rules(world)
    await world.registered("a-1", right_until=local_day(world.now) + timedelta(days=10))
    await world.settle()
    assert await open_rules(world) == []


@pytest.mark.parametrize("consenting", [("a-1",), ("a-2",), ("a-1", "a-2")])
@pytest.mark.parametrize("merged_first", [True, False])
async def test_who_was_registered_twice_and_waits_is_told_of_once(
    world: World, consenting: tuple[str, ...], merged_first: bool
) -> None:
    old, new = await registered_twice(world, *consenting)
    if merged_first:
        await merge(world, old, new)
    await days_later(world, 200)
    if not merged_first:
        assert await open_rules(world) == ["waits_long"] * len(consenting)
        await merge(world, old, new)
    assert await open_rules(world) == ["waits_long"]
    assert await world.value("SELECT count(*) FROM alert WHERE ended_at IS NULL") == 1
    await days_later(world, 1)
    assert await open_rules(world) == ["waits_long"]
    await world.enrol(new)
    await world.settle()
    assert await open_rules(world) == [], "the place of one id settles what was told under the other"


async def test_a_place_that_goes_on_under_the_other_id_keeps_its_risk_and_raises_no_second(
    world: World,
) -> None:
    old, new = await registered_twice(world, "a-1", "a-2")
    placement = await world.enrol(old)
    await section_test(world, old, "below")
    assert await open_rules(world) == ["section_below"]
    await merge(world, old, new)
    await world.say(None, enrolment(new, version=5, placement=placement))
    await world.settle()
    assert await open_rules(world) == ["section_below"]
    assert await world.value("SELECT count(*) FROM alert WHERE state = 'withdrawn' AND kind = 'risk'") == 0
    await section_test(world, new, "as_expected", section=2)
    assert await open_rules(world) == [], "a better result under the other id settles it"


async def test_what_is_known_under_one_id_is_not_told_under_the_consent_of_another(world: World) -> None:
    old, new = await registered_twice(world, "a-1")
    await merge(world, old, new)
    await world.enrol(new)
    await world.say(None, step(PlacementAdvanced, new, to_state="interrupted", version=7))
    await days_later(world, 300)
    assert await open_rules(world) == []
