"""The first steps on the support side: done by what really happens, each organisation with its own facts."""

from collections.abc import AsyncIterator

import pytest

from services.accounts.domain import Role
from services.notifications.people.domain import Contact
from tests.conftest import MakeDatabase
from tests.integration.first_day.steering import standing, undone
from tests.integration.first_day.support import KREIS, FirstDay, first_day_on
from tests.notifications.world import DESK, MBE, PUBLISHERS, office

STEPS = ["organisation", "towns", "mail", "directory", "counsellor", "clerk", "person", "consent"]
TENANT, COUNSELLING = PUBLISHERS[DESK][0], PUBLISHERS[MBE][0]
SOMEBODY = Contact("Beispiel", "Bea")


@pytest.fixture
async def here(database: MakeDatabase) -> AsyncIterator[FirstDay]:
    async with first_day_on(await database("notifications"), await database("keys")) as opened:
        yield opened


async def test_each_step_of_a_registering_office_is_done_by_what_really_happens(here: FirstDay) -> None:
    ada = await here.first_administrator()
    assert "Erste Schritte" in await ada.follow(await ada.http.get("/"))
    assert await undone(ada) == STEPS
    await ada.page("/organisation")
    await ada.follow(await ada.form("/organisation", name="Treff", kreise=KREIS))
    assert await undone(ada) == STEPS
    assert "noch nicht, für wen Sie sprechen" in ada.seen
    await here.organisation("registering-office", "registering_office", TENANT, DESK)
    assert await undone(ada) == STEPS  # the gateway has not announced it
    await here.publisher(DESK, "office", TENANT)
    assert await undone(ada) == STEPS[1:]
    await here.towns()
    assert await undone(ada) == STEPS[2:]
    await here.mail_is_taken()
    assert await undone(ada) == STEPS[3:]
    await here.world.load_offices(office(MBE, catchment=["99002"]))
    assert await undone(ada) == STEPS[3:]
    assert f"Noch keine für {KREIS}" in ada.seen
    await here.world.load_offices(office(MBE, catchment=[f"{KREIS}001"]))
    assert await undone(ada) == STEPS[4:]
    await here.organisation("mbe", "counselling", COUNSELLING, MBE)
    lead = await here.invited("mbe", Role.TEAM_LEAD, "lea@mbe.example")
    assert await undone(ada) == STEPS[5:]
    clerk = await here.invited("registering-office", Role.CLERK, "ben@office.example")
    assert await undone(ada) == STEPS[6:]
    assert "Es fehlt noch …" in await clerk.page("/desk")
    assert "Es fehlt noch …" in await lead.page("/inbox")
    await here.world.keep("A-1", SOMEBODY)
    assert await undone(ada) == STEPS[7:]
    await here.world.consent("A-1", "dropout_support", office_=MBE)
    assert await undone(ada) == []
    assert await undone(lead) == []
    assert "Personen und Rollen" in await ada.follow(await ada.http.get("/"))
    for browser, page in ((clerk, "/desk"), (lead, "/inbox")):
        assert "Es fehlt noch" not in await browser.page(page)
    assert "Alles ist eingerichtet" in await ada.page("/first-day")


async def test_another_office_sees_its_own_facts_only(here: FirstDay) -> None:
    await here.organisation("treff", "registering_office", TENANT, DESK)
    await here.publisher(DESK, "office", TENANT)
    await here.world.keep("A-1", SOMEBODY)
    await here.world.load_offices(office(MBE))
    await here.world.consent("A-1", "dropout_support", office_=MBE)
    ben = await here.invited("treff", Role.CLERK, "ben@office.example")
    own = await standing(ben)
    assert own["person"]
    assert own["consent"]
    await here.organisation("amt", "registering_office", "amt", "amt", "99002")
    await here.publisher("amt", "office", "amt")
    other = await standing(await here.invited("amt", Role.ADMINISTRATOR, "emil@amt.example"))
    assert [code for code, done in other.items() if done] == ["organisation"]


async def test_an_authority_is_not_told_of_consent(here: FirstDay) -> None:
    await here.organisation("amt", "registering_office", "amt", "amt")
    await here.publisher("amt", "office", "amt", authority=True)
    assert "consent" not in await standing(await here.invited("amt", Role.CLERK, "ben@amt.example"))


async def test_a_provider_and_a_counselling_office_have_steps_of_their_own(here: FirstDay) -> None:
    await here.organisation("vhs", "provider", "vhs", "vhs-probe")
    await here.organisation("mbe", "counselling", COUNSELLING, MBE)
    teacher = await here.invited("vhs", Role.PROVIDER, "dora@vhs.example")
    assert await undone(teacher) == ["organisation", "teacher", "course"]
    await here.publisher("vhs-probe", "provider", "vhs")
    await here.world.stated()
    assert await undone(teacher) == []
    lead = await here.invited("mbe", Role.TEAM_LEAD, "lea@mbe.example")
    assert await undone(lead) == ["towns", "mail", "directory", "consent"]
