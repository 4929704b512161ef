"""Who gets an alert and why: closed offices, who stands in, neighbours, and everybody passed over."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas.identity import participant_id
from services.notifications.alerts import handlers as alerts
from services.notifications.alerts.domain import AlertCommand
from services.notifications.alerts.snoozing import Snoozed, snooze
from services.notifications.offices.entries import AgreementEntry
from services.notifications.people.domain import Contact
from services.notifications.risk.rounds import DailyRound
from tests.notifications.pages import pages_on
from tests.notifications.world import DESK, JMD, MBE, OTHER, PUBLISHERS, TODAY, World, office

ENROLMENT = "enrolment_notice"


async def enrolled(
    world: World,
    *offices: str,
    reference: str = "a-1",
    **kept: Any,  # noqa: ANN401 - fields of a contact
) -> UUID:
    await world.announce()
    person = await world.register(reference)
    await world.keep(reference, Contact(family_name="Muster", **kept))
    for slug in offices:
        await world.consent(reference, ENROLMENT, office_=slug)
    await world.enrol(person)
    await world.settle()
    return person


async def alert(world: World) -> dict[str, Any]:
    (row,) = await world.rows("SELECT * FROM alert")
    return dict(row)


async def test_an_office_closed_today_lets_who_stands_in_have_the_alert_and_says_so(world: World) -> None:
    await world.load_offices(
        office(MBE, languages=["ar"], closed_days=[TODAY], stand_in=JMD), office(JMD), office(OTHER)
    )
    await enrolled(world, MBE, JMD, OTHER, languages=["ar"])
    row = await alert(world)
    assert (row["office"], row["chain"]) == (JMD, [OTHER, MBE])
    assert row["routing"]["decided_by"] == "stand_in"
    assert row["routing"]["stands_in_for"] == {"office": MBE, "why": "closed_day"}
    assert {one["office"]: one["against"] for one in row["routing"]["ranking"]} == {
        JMD: "",
        OTHER: "language",
        MBE: "open",
    }
    readers = await world.rows(
        "SELECT organisation FROM disclosure WHERE purpose = $1 AND ended_at IS NULL", ENROLMENT
    )
    assert [tuple(one) for one in readers] == [(PUBLISHERS[JMD][0],)]


async def test_who_stands_in_without_consent_hears_nothing(world: World) -> None:
    await world.load_offices(office(MBE, closed_days=[TODAY], stand_in=JMD), office(JMD))
    await enrolled(world, MBE)
    row = await alert(world)
    assert row["office"] == MBE  # held: its escalation counts in its own hours
    due = await world.value("SELECT min(due_at) FROM escalation")
    assert due.date() > TODAY


async def test_an_office_that_closes_hands_its_unanswered_alerts_to_who_stands_in(world: World) -> None:
    await enrolled(world, MBE, OTHER)
    before = await alert(world)
    assert before["office"] == MBE
    await world.load_offices(office(MBE, closed_days=[TODAY], stand_in=OTHER))
    await world.settle()
    row = await alert(world)
    assert (row["office"], row["state"], row["routing"]["decided_by"]) == (OTHER, "new", "office_closed")
    assert row["routing"]["asked"] == []
    open_ = await world.rows("SELECT office FROM escalation WHERE done_at IS NULL")
    assert {one["office"] for one in open_} == {OTHER}
    mails = await world.rows("SELECT recipient, state FROM delivery ORDER BY recipient")
    assert {tuple(one) for one in mails} == {
        (f"office:{OTHER}", "pending"),
        (f"office:{MBE}", "cancelled"),
    }
    ended = await world.rows("SELECT office FROM disclosure WHERE ended_at IS NOT NULL")
    assert [one["office"] for one in ended] == [MBE]
    # Nothing goes back and forth: reconciling again leaves it where it is.
    world.now += timedelta(days=1)
    await world.load_offices(office(MBE, stand_in=OTHER, capacity=51))
    await world.settle()
    assert (await alert(world))["version"] == row["version"]


async def test_on_the_morning_of_a_closed_day_unanswered_alerts_go_to_who_stands_in(world: World) -> None:
    await world.load_offices(office(MBE, closed_days=[TODAY + timedelta(days=2)], stand_in=OTHER))
    await enrolled(world, MBE, OTHER)
    at_work = await enrolled(world, MBE, OTHER, reference="a-2")
    async with world.visiting(PUBLISHERS[MBE][0], MBE) as conn:
        taken = await world.value("SELECT alert_id FROM alert WHERE participant_id = $1", at_work)
        await alerts.answer(conn, taken, AlertCommand.ACCEPT, world.now, person="x")
    await world.settle()
    assert await world.value("SELECT count(*) FROM reconsider") == 0
    world.now += timedelta(days=1)  # it is open
    await morning(world)
    assert await whose(world) == {"a-1": MBE, "a-2": MBE}

    # Midnight in Germany is 23:00 in UTC; no event has come.
    world.now = datetime.combine(TODAY + timedelta(days=1), time(23, 5), UTC)
    await morning(world)
    assert await whose(world) == {"a-1": OTHER, "a-2": MBE}
    row = (await world.rows("SELECT alert_id, state, routing FROM alert WHERE office = $1", OTHER))[0]
    assert (row["state"], row["routing"]["decided_by"]) == ("new", "office_closed")
    due = await world.rows(
        "SELECT office FROM escalation WHERE done_at IS NULL AND alert_id = $1", row["alert_id"]
    )
    assert {one["office"] for one in due} == {OTHER}
    assert await DailyRound(world.worker).begin(world.now) == 0, "once a day"


async def test_what_an_office_put_off_beyond_its_closed_day_stays_and_leaves_when_that_ends(
    world: World,
) -> None:
    closed = [TODAY + timedelta(days=day) for day in (1, 3)]
    await world.load_offices(office(MBE, closed_days=closed, stand_in=OTHER))
    await enrolled(world, MBE, OTHER)
    put_off = (await alert(world))["alert_id"]
    async with world.visiting(PUBLISHERS[MBE][0], MBE) as conn:
        until = world.now + timedelta(days=3)
        assert isinstance(await snooze(conn, put_off, until, "x", world.now), Snoozed)
    for office_ in (MBE, MBE, OTHER):
        world.now += timedelta(days=1)
        await morning(world)
        assert (await alert(world))["office"] == office_, world.now
    assert await world.value("SELECT snoozed_until FROM alert") is None


async def morning(world: World) -> None:
    """Begin a day as the timer does."""
    assert await DailyRound(world.worker).begin(world.now) == 1
    await world.settle()


async def whose(world: World) -> dict[str, str]:
    rows = await world.rows("SELECT participant_id, office FROM alert")
    names = {participant_id(DESK, one): one for one in ("a-1", "a-2")}
    return {names[row["participant_id"]]: row["office"] for row in rows}


async def test_an_alert_at_work_stays_with_its_office_when_that_closes(world: World) -> None:
    await enrolled(world, MBE, OTHER)
    row = await alert(world)
    async with world.visiting(PUBLISHERS[MBE][0], MBE) as conn:
        await alerts.answer(conn, row["alert_id"], AlertCommand.ACCEPT, world.now, person="x")
    await world.load_offices(office(MBE, active=False, stand_in=OTHER))
    await world.settle()
    assert (await alert(world))["office"] == MBE


async def test_an_inactive_office_hands_over_to_the_next_without_anybody_standing_in(world: World) -> None:
    await enrolled(world, MBE, OTHER)
    await world.load_offices(office(MBE, active=False))
    await world.settle()
    assert (await alert(world))["office"] == OTHER


@pytest.mark.parametrize("gone", ["inactive", "unknown"])
async def test_an_office_that_can_be_told_nothing_is_among_those_passed_over(world: World, gone: str) -> None:
    await world.load_offices(office(MBE), office(OTHER, active=False))
    if gone == "unknown":
        await world.rows("DELETE FROM office WHERE slug = $1 RETURNING slug", OTHER)
    await enrolled(world, MBE, OTHER)
    row = await alert(world)
    assert (row["office"], row["chain"], row["routing"]["decided_by"]) == (MBE, [], "unreachable")
    assert row["routing"]["ranking"][1:] == [{"office": OTHER, "criteria": {"open": gone}, "against": "open"}]
    async with pages_on(world, MBE) as pages:
        page = await pages[MBE].page(f"/inbox/{row['alert_id']}")
    assert "nur Ihrer Stelle erlaubt" not in page
    words = {"inactive": "bis auf Weiteres geschlossen", "unknown": "nicht mehr im Verzeichnis"}
    assert words[gone] in page


async def test_one_consent_is_the_only_one_and_a_closed_first_choice_is_named(world: World) -> None:
    await world.load_offices(office(MBE), office(JMD, age_below=None), office(OTHER, active=False))
    await enrolled(world, MBE)
    assert (await alert(world))["routing"]["decided_by"] == "only_one"
    await world.consent("a-1", ENROLMENT, office_=JMD)
    await world.consent("a-1", ENROLMENT, office_=OTHER)
    async with world.visiting(PUBLISHERS[MBE][0], MBE) as conn:
        await alerts.answer(conn, (await alert(world))["alert_id"], AlertCommand.DECLINE, world.now)
    await world.settle()
    row = await alert(world)
    assert (row["office"], row["routing"]["decided_by"]) == (JMD, "passed_on")
    assert [one["office"] for one in row["routing"]["ranking"]] == [JMD, OTHER]


async def test_a_neighbour_by_agreement_comes_before_strangers(world: World) -> None:
    agreed = AgreementEntry(
        what="neighbour", place="99001", valid_from=TODAY, valid_until=TODAY, source="Vereinbarung 4/2026"
    )
    await world.load_offices(
        office(MBE, catchment=["99002"]), office(OTHER, catchment=["99002"], agreements=[agreed])
    )
    await enrolled(world, MBE, OTHER)
    row = await alert(world)
    assert (row["office"], row["routing"]["decided_by"]) == (OTHER, "catchment")
    assert row["routing"]["ranking"][0]["criteria"]["catchment"] == "neighbour"
    assert "unsuited" not in row["routing"]


@pytest.mark.parametrize(
    ("changes", "unsuited"), [({"catchment": ["99002"]}, "catchment"), ({"phases": ["after"]}, "phase")]
)
async def test_where_nobody_fits_the_consented_office_hears_and_it_is_known(
    world: World, changes: dict[str, Any], unsuited: str
) -> None:
    await world.load_offices(office(MBE, **changes))
    await enrolled(world, MBE)
    row = await alert(world)
    assert (row["office"], row["routing"]["unsuited"]) == (MBE, unsuited)


async def test_an_office_for_the_course_s_target_group_comes_first_and_says_so(world: World) -> None:
    youth = office(OTHER, target_groups=["youth"])
    await world.load_offices(office(MBE), office(JMD, age_below=None, target_groups=["women"]), youth)
    await world.announce()
    await world.stated("k-1", course_type="integration_youth")
    person = await world.register("a-1")
    for slug in (MBE, JMD, OTHER):
        await world.consent("a-1", ENROLMENT, office_=slug)
    await world.enrol(person)
    await world.settle()
    row = await alert(world)
    assert (row["office"], row["routing"]["decided_by"]) == (OTHER, "target")
    async with pages_on(world, OTHER) as pages:
        page = await pages[OTHER].page(f"/inbox/{row['alert_id']}")
    for text in (
        "Sie ist besonders für Menschen in Jugendkursen da; der Kurs ist einer.",
        "Eine andere Stelle ist besonders für Menschen in Kursen dieser Art da.",
        "Sie ist besonders für Menschen in anderen Kursen da.",
    ):
        assert page.count(text) == 1, text


async def test_handing_over_goes_to_the_chosen_office_whatever_the_ranking(world: World) -> None:
    await world.load_offices(office(MBE), office(JMD, age_below=None), office(OTHER, catchment=["99002"]))
    await enrolled(world, MBE, JMD, OTHER)
    row = await alert(world)
    async with world.visiting(PUBLISHERS[row["office"]][0], row["office"]) as conn:
        await alerts.answer(conn, row["alert_id"], AlertCommand.HAND_OVER, world.now, to=OTHER)
    await world.settle()
    after = await alert(world)
    assert (after["office"], after["routing"]["decided_by"]) == (OTHER, "handed_over")
    against = {one["office"]: one["against"] for one in after["routing"]["ranking"][1:]}
    assert set(against.values()) == {"handed_over"}, "the one it was handed to is worse in every criterion"
    async with pages_on(world, OTHER) as pages:
        page = await pages[OTHER].page(f"/inbox/{after['alert_id']}")
    assert "hat ihn Ihrer übergeben" in page
    assert "näher" not in page


async def test_who_is_handed_an_alert_stands_in_for_nobody(world: World) -> None:
    await world.load_offices(
        office(MBE, stand_in=OTHER), office(JMD, age_below=None), office(OTHER, catchment=["99002"])
    )
    await enrolled(world, MBE, JMD, OTHER)
    row = await alert(world)
    async with world.visiting(PUBLISHERS[row["office"]][0], row["office"]) as conn:
        await alerts.answer(conn, row["alert_id"], AlertCommand.HAND_OVER, world.now, to=OTHER)
    await world.load_offices(
        office(MBE, stand_in=OTHER, closed_days=[TODAY]), office(JMD, closed_days=[TODAY])
    )
    await world.settle()
    after = await alert(world)
    assert (after["office"], after["routing"]["decided_by"]) == (OTHER, "handed_over")
    assert "stands_in_for" not in after["routing"]
