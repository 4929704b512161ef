"""Offices of one organisation: each sees its own people and alerts only, on every page and in every act."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from schemas.placements import PlacementAdvanced
from services.notifications.people import handlers as people
from services.notifications.people.domain import Contact, Purpose
from services.notifications.people.handlers import Reader
from services.runtime.data.db import open_pool
from tests.notifications.pages import Browser, pages_on
from tests.notifications.world import DESK, MBE, PROVIDER, PUBLISHERS, SISTERS, TODAY, World, office, step

SISTER = SISTERS[MBE]
NAME = Contact("Geheimnis", "Gisela", phone="0171-555", email="g@example.org")


@dataclass(frozen=True, slots=True)
class Known:
    """Ids of one person at the desk, in a course and with a counselling office."""

    person: UUID
    course: UUID
    placement: UUID
    offered: UUID
    alert: UUID


@pytest.fixture
async def known(world: World) -> Known:
    course = await world.announce()
    await world.announce("k-2")
    person = await world.register("ref-1")
    await world.keep("ref-1", NAME)
    await world.consent("ref-1", "enrolment_notice", "dropout_support")
    placement = await world.enrol(person)
    offered = step(PlacementAdvanced, person, "k-2", version=2, from_state="proposed", to_state="reserved")
    await world.say(None, offered)
    await world.settle()
    (alert,) = [row["alert_id"] for row in await world.rows("SELECT alert_id FROM alert")]
    return Known(person, course, placement, offered.placement, alert)


def doors(known: Known) -> dict[str, list[tuple[str, str, dict[str, str]]]]:
    """List every page and act about one of these ids: by office, with method and form."""
    form = {"form": str(uuid4())}
    consent = form | {"office": MBE, "purpose": "enrolment_notice"}
    person, offer = f"/people/{known.person}", f"/offers/{known.offered}"
    seat, alert = f"/roster/{known.course}/{known.placement}", f"/inbox/{known.alert}"
    return {
        DESK: [
            ("GET", person, {}),
            ("POST", f"{person}/consent", consent),
            ("POST", f"{person}/revoke", form),
            ("GET", offer, {}),
            ("POST", f"{offer}/accept", form),
            ("POST", f"{offer}/decline", form | {"reason": "own_choice"}),
        ],
        PROVIDER: [
            ("GET", f"/roster/{known.course}", {}),
            ("POST", f"{seat}/confirm", form),
            ("POST", f"{seat}/refuse", form | {"reason": "full"}),
            ("POST", f"/roster/{known.course}/attendance", form | {"day": TODAY.isoformat(), "units": "5"}),
        ],
        MBE: [
            ("GET", alert, {}),
            ("POST", f"{alert}/contact", {}),
            *(("POST", f"{alert}/{act}", {}) for act in ("see", "accept", "decline")),
            ("POST", f"{alert}/hand-over", {"person": MBE}),
            ("POST", f"{alert}/done", {"verdict": "useful"}),
            ("POST", "/inbox/several", {"alert": alert.rpartition("/")[2], "do": "see"}),
            ("POST", "/inbox/search", {"name": "Muster"}),
        ],
    }


LISTS = {
    DESK: ["/people", "/desk"],
    PROVIDER: ["/roster"],
    MBE: ["/inbox", "/inbox/live", "/inbox?state=all"],
}


async def go(browser: Browser, method: str, path: str, form: dict[str, str]) -> int:
    answer = await (browser.get(path) if method == "GET" else browser.post(path, **form))
    return answer.status_code


FINDS_NOTHING = {"/inbox/several": 303, "/inbox/search": 200}


async def test_the_other_office_meets_404_on_every_page_and_in_every_act(world: World, known: Known) -> None:
    async with pages_on(world, *SISTERS.values()) as pages:
        for own, sister in SISTERS.items():
            for method, path, form in doors(known)[own]:
                # What acts on many, or searches, says that it found nothing.
                expected = FINDS_NOTHING.get(path, 404)
                assert await go(pages[sister], method, path, form) == expected, (sister, method, path)
            for path in LISTS[own]:
                text = await pages[sister].page(path)
                ids = (str(known.alert), str(known.placement), str(known.person)[:8], "ref-1", "Geheimnis")
                assert not [one for one in ids if one in text], (sister, path)
        assert pages.gateway.taken == []
    assert await world.value("SELECT state FROM alert") == "new"


async def test_the_own_office_reaches_every_page_and_act(world: World, known: Known) -> None:
    async with pages_on(world, DESK, PROVIDER, MBE) as pages:
        for own in SISTERS:
            for path in LISTS[own]:
                text = await pages[own].page(path)
                assert "Geheimnis" in text or str(known.alert) in text or str(known.course) in text, path
            for method, path, form in doors(known)[own]:
                status = await go(pages[own], method, path, form)
                assert status in {200, 303, 409}, (own, method, path, status)
        assert len(pages.gateway.taken) == 7


TABLES = (
    "person", "person_key", "disclosure", "registration", "participant_fact", "placement", "placement_offer",
    "consent", "alert", "alert_step", "escalation", "delivery",
)  # fmt: skip


async def test_rows_are_hidden_from_the_other_office_by_the_database(world: World, known: Known) -> None:
    seen = set()
    for own, sister in SISTERS.items():
        organisation = PUBLISHERS[own][0]
        for table in TABLES:
            query = f"SELECT count(*) FROM {table}"
            async with world.visiting(organisation, sister) as conn:
                assert await conn.fetchval(query) == 0, (sister, table)
            async with world.visiting(organisation, own) as conn:
                seen |= {table} if await conn.fetchval(query) else set()
            async with world.visiting("fern", own) as conn:
                assert await conn.fetchval(query) == 0, (own, table)
            async with world.visiting(organisation, "nobody") as conn:
                assert await conn.fetchval(query) == 0, table
    assert known.person
    assert seen == set(TABLES) - {"registration", "placement_offer"}


async def test_a_name_is_read_by_the_office_that_may_know_and_not_by_its_sister(
    world: World, known: Known
) -> None:
    for office_, purpose in (
        (DESK, Purpose.REGISTRATION),
        (PROVIDER, Purpose.ROSTER),
        (MBE, Purpose.ENROLMENT_NOTICE),
    ):
        organisation = PUBLISHERS[office_][0]
        for visitor, may in ((office_, True), (SISTERS[office_], False)):
            async with world.visiting(organisation, visitor) as conn:
                reader = Reader(organisation, "somebody", purpose)
                found = await people.read(conn, world.secrets, reader, [known.person], world.now)
            assert bool(found) is may, (visitor, purpose)


async def test_an_alert_handed_over_inside_the_organisation_changes_eyes(world: World) -> None:
    await world.load_offices(office(MBE), office(SISTER))
    await world.announce()
    person = await world.register("ref-1")
    await world.keep("ref-1", NAME)
    for slug in (MBE, SISTER):
        await world.consent("ref-1", "enrolment_notice", office_=slug)
    await world.enrol(person)
    await world.settle()
    (row,) = await world.rows("SELECT alert_id, office, chain FROM alert")
    first, (second,) = row["office"], row["chain"]
    alert = f"/inbox/{row['alert_id']}"
    async with pages_on(world, MBE, SISTER) as pages:
        assert (await pages[second].get(alert)).status_code == 404
        assert (await pages[first].post(f"{alert}/hand-over", office=second)).status_code == 303
        await world.settle()
        assert (await pages[first].get(alert)).status_code == 404
        assert (await pages[first].post(f"{alert}/contact")).status_code == 404
        assert "Geheimnis" in (await pages[second].post(f"{alert}/contact")).text
    # Unanswered, it goes to the lead of the office that has it now.
    world.now += timedelta(days=7)
    assert await world.escalate() > 0
    leads = await world.rows("SELECT recipient FROM delivery WHERE step LIKE 'escalation-%'")
    assert {lead["recipient"] for lead in leads} == {f"lead:{second}"}
    assert await world.deliver() > 0


async def test_the_desk_is_not_told_of_people_whom_another_office_registered(world: World) -> None:
    await world.keep("ref-1", Contact("Geheimnis", "Gisela", birth_date=TODAY.replace(year=1990)))
    form = {
        "family_name": "Geheimnis", "given_name": "Gisela", "birth_date": "02.03.1990", "town": "99001001",
        "right": "claim", "reference": "b-1", "course_type": "integration_general", "asylum_phase": "none",
    }  # fmt: skip
    async with pages_on(world, DESK, SISTERS[DESK]) as pages:
        own = await pages[DESK].post("/register", **form)
        assert own.status_code == 409
        assert "ref-1" in own.text
        other = await pages[SISTERS[DESK]].post("/register", **form)
        assert other.status_code == 303
        assert "ref-1" not in other.text


async def test_every_page_needs_one_connection_only(world: World, known: Known) -> None:
    pool = await open_pool(world.database.web, name="one connection", max_size=1, command_timeout=5.0)
    try:
        async with pages_on(world, DESK, PROVIDER, MBE, web=pool) as pages:
            calls = [
                go(pages[own], method, path, form)
                for own in SISTERS
                for method, path, form in [*doors(known)[own], *(("GET", path, {}) for path in LISTS[own])]
                if not path.endswith("/live")
            ]
            async with asyncio.timeout(30):
                statuses = await asyncio.gather(*calls)
        assert set(statuses) <= {200, 303, 409}
    finally:
        await pool.close()
