"""Who gets an alert and why: closed offices, who stands in, neighbours, and everybody passed over."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.notifications.alerts import handlers as alerts
from services.notifications.alerts.domain import AlertCommand
from services.notifications.offices.entries import AgreementEntry
from services.notifications.people.domain import Contact
from tests.notifications.world import JMD, MBE, OTHER, PUBLISHERS, TODAY, World, office

ENROLMENT = "enrolment_notice"


async def enrolled(world: World, *offices: str, **kept: Any) -> UUID:  # noqa: ANN401 - fields of a contact
    await world.announce()
    person = await world.register("a-1")
    await world.keep("a-1", Contact(family_name="Muster", **kept))
    for slug in offices:
        await world.consent("a-1", ENROLMENT, office_=slug)
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


async def test_handing_over_goes_to_the_chosen_office_whatever_the_ranking(world: World) -> None:
    await world.load_offices(office(MBE), office(JMD, age_below=None), office(OTHER, catchment=["99002"]))
    await enrolled(world, MBE, JMD, OTHER)
    row = await alert(world)
    async with world.visiting(PUBLISHERS[row["office"]][0], row["office"]) as conn:
        await alerts.answer(conn, row["alert_id"], AlertCommand.HAND_OVER, world.now, to=OTHER)
    await world.settle()
    after = await alert(world)
    assert (after["office"], after["routing"]["decided_by"]) == (OTHER, "handed_over")
