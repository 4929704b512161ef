"""Who is told of what: one alert for each enrolment and risk, one office, until somebody answers."""

import asyncio
from datetime import date, timedelta
from uuid import UUID

import asyncpg
import pytest

from schemas.placements import EnrolmentEnded
from schemas.support import ConsentGranted
from services.notifications.alerts import handlers as alerts
from services.notifications.alerts import store
from services.notifications.alerts.domain import AlertCommand, AlertState
from services.notifications.people.domain import Contact
from services.runtime.data.db import transaction
from services.runtime.events.subscription import Applied, Problem
from tests.notifications.world import (
    DESK,
    JMD,
    MBE,
    OTHER,
    PUBLISHERS,
    TODAY,
    World,
    enrolment,
    office,
    school_days,
    step,
)

DROPOUT, ENROLMENT = "dropout_support", "enrolment_notice"


async def answer(
    world: World, alert: UUID, command: AlertCommand, by: str = MBE, to: str | None = None
) -> object:
    async with world.visiting(PUBLISHERS[by][0], by) as conn:
        return await alerts.answer(conn, alert, command, world.now, to=to)


async def only_alert(world: World) -> asyncpg.Record:
    rows = await world.rows("SELECT * FROM alert")
    assert len(rows) == 1
    return rows[0]


async def enrolled_with_consent(world: World, *purposes: str) -> UUID:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", *(purposes or (ENROLMENT,)))
    await world.enrol(person)
    await world.settle()
    return person


async def test_an_enrolment_without_consent_tells_nobody_until_it_comes(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.enrol(person)
    await world.settle()
    assert await world.value("SELECT count(*) FROM alert") == 0

    await world.consent("a-1", ENROLMENT)
    await world.settle()

    alert = await only_alert(world)
    assert (alert["office"], alert["state"], alert["reason"]["code"]) == (MBE, "new", "enrolment")
    assert await world.value("SELECT count(*) FROM delivery WHERE step = 'notice-1'") == 1


async def test_consent_for_one_purpose_is_no_consent_for_another(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", DROPOUT)
    await world.enrol(person)
    await world.settle()
    assert await world.value("SELECT count(*) FROM alert") == 0


async def test_reconciling_again_changes_nothing(world: World) -> None:
    person = await enrolled_with_consent(world)
    for version in (1, 2, 3, 3):
        await world.say(None, enrolment(person, version=version))
        await world.settle()
    await only_alert(world)
    assert await world.value("SELECT count(*) FROM delivery") == 1
    assert await world.value("SELECT count(*) FROM alert_step") == 1


async def test_loading_the_directory_late_raises_alerts_of_open_enrolments(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    async with transaction(world.worker) as conn:
        await conn.execute("DELETE FROM office")
    granted = ConsentGranted(reference="a-1", office=MBE, purposes=(ENROLMENT,), given_on=TODAY)
    assert await world.say(DESK, granted) == [Applied((Problem("office_unknown", field="office"),))]
    await world.enrol(person)
    await world.settle()
    assert await world.value("SELECT count(*) FROM alert") == 0

    await world.load_offices(office(MBE))
    await world.settle()
    assert (await only_alert(world))["office"] == MBE


async def test_birth_date_beats_month_and_is_logged(world: World) -> None:
    await world.announce()
    person = await world.register("a-1", youth_until="2026-12")
    await world.keep("a-1", Contact(family_name="Muster", birth_date=date(1990, 1, 1)))
    await world.consent("a-1", ENROLMENT, office_=MBE)
    await world.consent("a-1", ENROLMENT, office_=JMD)
    await world.enrol(person)
    await world.settle()
    alert = await only_alert(world)
    assert alert["office"] == MBE
    assert alert["routing"]["decided_by"] == "age"
    assert [c["criteria"]["age"] for c in alert["routing"]["ranking"]] == ["fits", "other"]
    looks = await world.rows("SELECT actor, fields FROM disclosure_log")
    assert [(row["actor"], row["fields"]) for row in looks] == [("service:routing", ["birth_date"])]


async def test_declined_goes_to_the_next_consented_office_and_no_further(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.keep("a-1", Contact(family_name="Muster"))
    for slug in (MBE, JMD):
        await world.consent("a-1", ENROLMENT, office_=slug)
    await world.enrol(person)
    await world.settle()
    alert = await only_alert(world)
    assert (alert["office"], alert["chain"]) == (MBE, [JMD])

    assert await answer(world, alert["alert_id"], AlertCommand.DECLINE) == alerts.Answered(
        AlertState.DECLINED
    )
    await world.settle()

    alert = await only_alert(world)
    assert (alert["office"], alert["state"], alert["chain"]) == (JMD, "new", [])
    assert {r["organisation"] for r in await world.rows("SELECT organisation FROM person_key")} == {
        "treff",
        "vhs",
        "jugend",
    }
    assert await answer(world, alert["alert_id"], AlertCommand.ACCEPT, by=MBE) == alerts.NotPossible(None)
    await answer(world, alert["alert_id"], AlertCommand.DECLINE, by=JMD)
    await world.settle()
    assert (await only_alert(world))["state"] == "declined"

    await world.consent("a-1", ENROLMENT, office_=OTHER)
    await world.settle()
    alert = await only_alert(world)
    assert (alert["office"], alert["state"]) == (OTHER, "new")


async def test_the_lead_hears_once_that_the_last_office_declined(world: World) -> None:
    await world.announce()
    people = []
    for reference in ("a-1", "b-1"):
        people.append(await world.register(reference))
        for asked in (MBE, JMD):
            await world.consent(reference, ENROLMENT, office_=asked)
        await world.enrol(people[-1])
    await world.settle()
    alerts_ = [row["alert_id"] for row in await world.rows("SELECT alert_id FROM alert ORDER BY 1")]
    for alert in alerts_:
        await answer(world, alert, AlertCommand.DECLINE)
    await world.settle()
    told = (
        "SELECT recipient, step, state FROM delivery WHERE step LIKE 'declined%' ORDER BY alert_id, recipient"
    )
    assert await world.rows(told) == []  # another office is asked
    for alert in alerts_:
        await answer(world, alert, AlertCommand.DECLINE, by=JMD)
    await world.settle()
    while await world.deliver():
        pass
    to_lead = [mail for mail in world.server.mails if mail["To"] == "leitung@jugend.kurslotse.invalid"]
    assert [str(mail["Subject"]) for mail in to_lead] == ["Um 2 Hinweise kümmert sich niemand"]
    for _ in range(3):  # whoever is looked at again
        await world.rows(
            "INSERT INTO reconsider (participant_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING", people
        )
        await world.settle()
    assert [tuple(row)[:2] for row in await world.rows(told)] == [(f"lead:{JMD}", "declined-1")] * 2
    async with transaction(world.worker) as conn:
        assert await store.load(conn) == {}

    # A further consent has the alert asked again; if that office declines, too, its lead hears.
    await world.consent("a-1", ENROLMENT, office_=OTHER)
    await world.settle()
    (asked_again,) = await world.rows("SELECT alert_id FROM alert WHERE office = $1 AND state = 'new'", OTHER)
    async with transaction(world.worker) as conn:
        assert await store.load(conn) == {OTHER: 1}
    await answer(world, asked_again["alert_id"], AlertCommand.DECLINE, by=OTHER)
    await world.settle()
    assert f"lead:{OTHER}" in {row["recipient"] for row in await world.rows(told)}


async def test_what_the_lead_would_hear_is_needless_once_another_office_is_asked(world: World) -> None:
    await enrolled_with_consent(world)
    alert = (await only_alert(world))["alert_id"]
    await world.deliver()
    await world.rows(
        "INSERT INTO office_telling (office, organisation, enrolments, digest_at, hold, quiet_from, quiet_to,"
        " by_mail) VALUES ($1, 'wohlfahrt', 'at_once', '08:00', 'quiet_hours', '06:00', '22:00', true)",
        MBE,
    )
    await answer(world, alert, AlertCommand.DECLINE)
    await world.settle()
    told = "SELECT state, problem FROM delivery WHERE step = 'declined-1'"
    assert tuple((await world.rows(told))[0]) == ("held", None)
    await world.consent("a-1", ENROLMENT, office_=JMD)
    await world.settle()
    world.now += timedelta(hours=14)
    await world.deliver()
    assert tuple((await world.rows(told))[0]) == ("cancelled", "outdated")


async def test_nobody_hears_that_an_alert_was_declined_whose_reason_is_gone(world: World) -> None:
    person = await enrolled_with_consent(world)
    await answer(world, (await only_alert(world))["alert_id"], AlertCommand.DECLINE)
    ended = step(EnrolmentEnded, person, version=9, from_state="confirmed", to_state="left", ended_on=TODAY)
    await world.say(None, ended)
    await world.settle()
    assert (await only_alert(world))["state"] == "withdrawn"
    assert await world.value("SELECT count(*) FROM delivery WHERE step LIKE 'declined%'") == 0


async def test_the_next_office_hears_of_no_mail_to_the_office_before(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    for asked in (MBE, JMD):
        await world.consent("a-1", ENROLMENT, office_=asked)
    await world.enrol(person)
    await world.settle()
    await world.deliver()
    await answer(world, (await only_alert(world))["alert_id"], AlertCommand.DECLINE)
    await world.settle()
    await world.deliver()
    world.now += timedelta(days=30)
    await world.escalate()
    while await world.deliver():
        pass
    first, to_next, *further = world.server.mails
    assert [str(mail["To"]).startswith(f"post@{slug}") for mail, slug in ((first, MBE), (to_next, JMD))] == [
        True,
        True,
    ]
    own = str(to_next["Message-ID"])
    assert further
    assert all(str(mail["References"]).split()[0] == own for mail in further)
    told = [str(mail) for mail in (to_next, *further)]
    assert not any(str(first["Message-ID"]) in mail for mail in told)


async def test_handing_over_to_a_consented_office_asks_that_one(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    for slug in (MBE, JMD, OTHER):
        await world.consent("a-1", ENROLMENT, office_=slug)
    await world.enrol(person)
    await world.settle()
    alert = await only_alert(world)
    last = alert["chain"][-1]
    await answer(world, alert["alert_id"], AlertCommand.HAND_OVER, to=last)
    await world.settle()
    assert (await only_alert(world))["office"] == last


async def test_an_alert_goes_through_its_states(world: World) -> None:
    await enrolled_with_consent(world)
    alert = (await only_alert(world))["alert_id"]
    for command, state in (
        (AlertCommand.SEE, AlertState.SEEN),
        (AlertCommand.ACCEPT, AlertState.ACCEPTED),
        (AlertCommand.DONE, AlertState.DONE),
    ):
        assert await answer(world, alert, command) == alerts.Answered(state)
    assert await answer(world, alert, AlertCommand.ACCEPT) == alerts.NotPossible(AlertState.DONE)
    steps = await world.rows("SELECT organisation, to_state FROM alert_step ORDER BY version")
    assert [row["to_state"] for row in steps] == ["new", "seen", "accepted", "done"]


async def test_consent_given_late_makes_nobody_a_no_show(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.enrol(person)
    days = school_days(TODAY, 5)
    for day in days[:3]:
        await world.attend("k-1", day, {person: "X"})
    await world.consent("a-1", DROPOUT)
    await world.attend("k-1", days[3], {person: "U"})
    await world.settle()
    assert await world.value("SELECT count(*) FROM alert") == 0
    await world.attend("k-1", days[4], {person: "U"})
    await world.settle()
    assert (await only_alert(world))["reason"]["code"] == "own_pattern"


async def test_a_correction_withdraws_the_risk_and_the_office_is_notified(world: World) -> None:
    person = await enrolled_with_consent(world, DROPOUT)
    days = school_days(TODAY, 6)
    await world.attend("k-1", days[0], {person: "X"})
    for number, day in enumerate(days[1:4]):
        await world.attend("k-1", day, {person: "U"}, id_=f"day-{number}")
    await world.settle()
    alert = await only_alert(world)
    assert alert["reason"]["code"] == "consecutive_unexcused"
    assert alert["reason"]["params"]["days"] == 3
    assert alert["reason"]["params"]["reported_until"] == days[3].isoformat()
    await world.deliver()

    for number, day in enumerate(days[1:3]):
        await world.attend("k-1", day, {person: "X"}, corrects=f"day-{number}")
    await world.settle()

    alert = await only_alert(world)
    assert (alert["state"], alert["withdrawn_for"]) == ("withdrawn", "corrected")
    steps = {row["step"] for row in await world.rows("SELECT step FROM delivery")}
    assert steps == {"notice-1", "withdrawn-1"}


async def test_a_retracted_day_counts_no_more(world: World) -> None:
    person = await enrolled_with_consent(world, DROPOUT)
    days = school_days(TODAY, 2)
    for day in days:
        await world.attend("k-1", day, {person: "U"}, id_=f"day-{day}")
    await world.settle()
    assert (await only_alert(world))["reason"]["code"] == "no_show"

    for day in days:
        await world.attend("k-1", day, {person: "U"}, id_=f"back-{day}", retracts=f"day-{day}")
    await world.settle()

    assert (await only_alert(world))["state"] == "withdrawn"
    assert await world.value("SELECT count(*) FROM attendance") == 0


async def test_a_correction_may_be_about_another_day(world: World) -> None:
    person = await enrolled_with_consent(world, DROPOUT)
    days = school_days(TODAY, 2)
    await world.attend("k-1", days[0], {person: "U"}, id_="wrong-day")
    await world.attend("k-1", days[1], {person: "U"}, corrects="wrong-day")
    rows = await world.rows("SELECT day FROM attendance")
    assert [row["day"] for row in rows] == [days[1]]


async def test_whoever_returns_needs_no_alert_unless_somebody_works_on_it(world: World) -> None:
    person = await enrolled_with_consent(world, DROPOUT)
    days = school_days(TODAY, 14)
    for day in days[:2]:
        await world.attend("k-1", day, {person: "U"})
    await world.settle()
    first = (await only_alert(world))["alert_id"]
    await answer(world, first, AlertCommand.ACCEPT)
    await world.attend("k-1", days[2], {person: "X"})
    await world.settle()
    assert (await only_alert(world))["state"] == "accepted"

    for day in days[3:6]:
        await world.attend("k-1", day, {person: "U"})
    await world.settle()
    second = (await world.rows("SELECT alert_id FROM alert WHERE alert_id <> $1", first))[0]["alert_id"]
    for day in days[6:]:
        await world.attend("k-1", day, {person: "X"})
    await world.settle()
    row = (await world.rows("SELECT state, withdrawn_for FROM alert WHERE alert_id = $1", second))[0]
    assert tuple(row) == ("withdrawn", "returned")


async def test_a_cancelled_course_ends_its_open_risks(world: World) -> None:
    person = await enrolled_with_consent(world, DROPOUT)
    for day in school_days(TODAY, 2):
        await world.attend("k-1", day, {person: "U"})
    await world.settle()
    await world.stated("k-1", cancelled_on=TODAY)
    await world.settle()
    alert = await only_alert(world)
    assert (alert["state"], alert["withdrawn_for"]) == ("withdrawn", "course_cancelled")


async def test_nobody_who_left_is_at_risk(world: World) -> None:
    person = await enrolled_with_consent(world, DROPOUT)
    ended = step(EnrolmentEnded, person, version=9, from_state="confirmed", to_state="left", ended_on=TODAY)
    await world.say(None, ended)
    for day in school_days(TODAY, 4):
        await world.attend("k-1", day, {person: "U"})
    await world.settle()
    assert await world.value("SELECT count(*) FROM alert") == 0


@pytest.mark.parametrize(
    ("state", "risk", "alert"),
    [
        ("transferred", "cleared", ("withdrawn", "returned")),
        ("completed", "cleared", ("withdrawn", "returned")),
        ("left", "open", ("new", None)),
    ],
)
async def test_who_goes_on_elsewhere_is_missed_no_more_and_who_left_is_to_be_called(
    world: World, state: str, risk: str, alert: tuple[str, str | None]
) -> None:
    person = await enrolled_with_consent(world, DROPOUT)
    days = school_days(TODAY, 4)
    for day in days[:2]:
        await world.attend("k-1", day, {person: "U"})
    await world.settle()
    ended = step(EnrolmentEnded, person, version=9, from_state="confirmed", to_state=state, ended_on=days[1])
    await world.say(None, ended)
    await world.settle()
    for day in days[2:]:  # the teacher's list still names the person
        await world.attend("k-1", day, {person: "U"})
    await world.settle()
    assert [row["state"] for row in await world.rows("SELECT state FROM risk")] == [risk]
    found = await only_alert(world)
    assert (found["state"], found["withdrawn_for"]) == alert


async def test_who_comes_back_to_the_course_is_missed_again(world: World) -> None:
    person = await enrolled_with_consent(world, DROPOUT)
    days = school_days(TODAY, 5)
    for day in days[:2]:
        await world.attend("k-1", day, {person: "U"})
    ended = step(
        EnrolmentEnded, person, version=9, from_state="confirmed", to_state="transferred", ended_on=days[1]
    )
    await world.say(None, ended)
    await world.settle()
    assert await world.value("SELECT count(*) FROM risk WHERE state = 'open'") == 0
    await world.say(None, enrolment(person, version=10))  # it was entered by mistake
    await world.settle()
    assert await world.value("SELECT count(*) FROM risk WHERE state = 'open'") == 1


async def test_an_ended_enrolment_withdraws_what_nobody_took_up(world: World) -> None:
    person = await enrolled_with_consent(world)
    ended = step(EnrolmentEnded, person, version=9, from_state="confirmed", to_state="left", ended_on=TODAY)
    await world.say(None, ended)
    await world.settle()
    assert (await only_alert(world))["withdrawn_for"] == "enrolment_over"


async def test_an_unanswered_alert_escalates_to_the_offices_lead_after_office_hours(world: World) -> None:
    await enrolled_with_consent(world)
    due = [row["due_at"] for row in await world.rows("SELECT due_at FROM escalation ORDER BY step")]
    assert [at.isoformat() for at in due] == ["2026-03-03T10:00:00+00:00", "2026-03-05T12:00:00+00:00"]
    assert await world.escalate() == 0

    world.now = due[0]
    assert await world.escalate() == 1
    assert await world.escalate() == 0
    await world.deliver()

    recipients = [str(mail["To"]) for mail in world.server.mails]
    assert recipients == ["post@mbe-probe.kurslotse.invalid", "leitung@wohlfahrt.kurslotse.invalid"]
    assert isinstance(
        await answer(world, (await only_alert(world))["alert_id"], AlertCommand.ACCEPT), alerts.Answered
    )


async def test_answered_never_escalates(world: World) -> None:
    await enrolled_with_consent(world)
    await answer(world, (await only_alert(world))["alert_id"], AlertCommand.ACCEPT)
    world.now += timedelta(days=30)
    assert await world.escalate() == 2
    outcomes = {row["outcome"] for row in await world.rows("SELECT outcome FROM escalation")}
    assert outcomes == {"answered_before"}
    assert (await only_alert(world))["escalated_at"] is None


@pytest.mark.parametrize("round_", range(5))
async def test_answer_and_escalation_race_and_one_wins(world: World, round_: int) -> None:
    await enrolled_with_consent(world)
    alert = (await only_alert(world))["alert_id"]
    world.now += timedelta(days=1, hours=2)
    first = world.escalate() if round_ % 2 else answer(world, alert, AlertCommand.ACCEPT)
    second = answer(world, alert, AlertCommand.ACCEPT) if round_ % 2 else world.escalate()

    await asyncio.gather(first, second)

    row = await only_alert(world)
    assert row["state"] == "accepted"
    mails = await world.value("SELECT count(*) FROM delivery WHERE recipient LIKE 'lead:%'")
    assert mails == (0 if row["escalated_at"] is None else 1)
    assert row["escalated_at"] is None or row["escalated_at"] <= row["answered_at"]
