"""The team lead sees who has which alert and how long it waits, and hands it over to one counsellor."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from tests.notifications.pages import Pages, further, pages_on
from tests.notifications.world import JMD, MBE, World

LEAD, COLLEAGUE, FOREIGN = "leitung", "kollegin", "jmd-leitung"
PEOPLE = further((LEAD, MBE, "team_lead"), (COLLEAGUE, MBE, "counsellor"), (FOREIGN, JMD, "team_lead"))


@pytest.fixture
async def alert(world: World) -> UUID:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", "enrolment_notice")
    await world.enrol(person)
    await world.settle()
    found: UUID = await world.value("SELECT alert_id FROM alert")
    return found


@pytest.fixture
async def pages(world: World, alert: UUID) -> AsyncIterator[Pages]:
    assert alert
    async with pages_on(world, MBE, JMD, LEAD, COLLEAGUE, FOREIGN, people=PEOPLE) as pages:
        yield pages


async def test_who_accepts_is_named_and_how_long_it_waits(world: World, pages: Pages, alert: UUID) -> None:
    world.now += timedelta(days=3)
    assert "Wartet auf eine Antwort, bisher 3 Tage." in await pages[LEAD].page("/inbox")
    assert "Wartet auf eine Antwort" not in await pages[MBE].page("/inbox")
    await pages[MBE].post(f"/inbox/{alert}/accept")
    world.now += timedelta(hours=5)
    page = await pages[LEAD].page("/inbox")
    assert f"Übernommen von Person {MBE}." in page
    assert "In Arbeit, bisher 5 Stunden." in page
    assert await world.value("SELECT taken_by FROM alert") == MBE


@pytest.mark.parametrize("before", ["new", "accepted", "handed_over"])
async def test_the_lead_hands_over_to_a_colleague(
    world: World, pages: Pages, alert: UUID, before: str
) -> None:
    if before != "new":
        await pages[MBE].post(f"/inbox/{alert}/accept")
    if before == "handed_over":
        await pages[LEAD].post(f"/inbox/{alert}/assign", person=LEAD)
    page = await pages[LEAD].page(f"/inbox/{alert}")
    assert f'value="{COLLEAGUE}"' in page
    assert FOREIGN not in page
    answer = await pages[LEAD].post(f"/inbox/{alert}/assign", person=COLLEAGUE)
    assert answer.status_code == 303
    (row,) = await world.rows("SELECT state, taken_by FROM alert")
    assert dict(row) == {"state": "handed_over", "taken_by": COLLEAGUE}
    steps = await world.rows("SELECT * FROM alert_step ORDER BY version DESC LIMIT 1")
    assert (steps[0]["to_state"], steps[0]["reason"]) == ("handed_over", "assign")
    assert COLLEAGUE not in str(dict(steps[0]))  # steps never name people


async def test_only_the_lead_of_the_office_hands_over_and_to_colleagues_only(
    world: World, pages: Pages, alert: UUID
) -> None:
    for who, status in ((MBE, 403), (COLLEAGUE, 403), (FOREIGN, 404)):
        assert (await pages[who].post(f"/inbox/{alert}/assign", person=COLLEAGUE)).status_code == status
        assert "/assign" not in (await pages[who].get(f"/inbox/{alert}")).text
    for stranger in (FOREIGN, "niemand", "", "' OR 1=1"):
        answer = await pages[LEAD].post(f"/inbox/{alert}/assign", person=stranger)
        assert answer.status_code == 422
    await pages[MBE].post(f"/inbox/{alert}/accept")
    await pages[MBE].post(f"/inbox/{alert}/done")
    assert (await pages[LEAD].post(f"/inbox/{alert}/assign", person=COLLEAGUE)).status_code == 409
    assert await world.value("SELECT taken_by FROM alert") == MBE


async def test_another_office_never_learns_who_had_it(world: World, pages: Pages, alert: UUID) -> None:
    await world.consent("a-1", "enrolment_notice", office_=JMD)
    await pages[LEAD].post(f"/inbox/{alert}/assign", person=COLLEAGUE)
    await world.rows("UPDATE alert SET state = 'seen'")  # as if it could still be declined
    await pages[MBE].post(f"/inbox/{alert}/decline")
    assert await world.value("SELECT taken_by FROM alert") is None
    await world.settle()
    assert [tuple(row) for row in await world.rows("SELECT office, taken_by FROM alert")] == [(JMD, None)]
