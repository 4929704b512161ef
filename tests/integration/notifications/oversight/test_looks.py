"""The data protection officer reads who looked at whose name: own organisation, no names, no machine."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from services.notifications.people.domain import Contact
from tests.notifications.pages import Pages, further, pages_on
from tests.notifications.world import DESK, JOBCENTER, MBE, World

OFFICER, FOREIGN = "datenschutz", "datenschutz-amt"
PEOPLE = further((OFFICER, DESK, "data_protection"), (FOREIGN, JOBCENTER, "data_protection"))
NAME = Contact("Geheimnis", "Gisela", phone="0171-555")


@pytest.fixture
async def pages(world: World) -> AsyncIterator[Pages]:
    for reference in ("ref-1", "ref-2"):
        person = await world.register(reference)
        await world.keep(reference, NAME)
    async with pages_on(world, DESK, MBE, OFFICER, FOREIGN, people=PEOPLE) as pages:
        await pages[DESK].page(f"/people/{person}")
        yield pages


async def test_looks_are_listed_without_any_name_and_without_the_machine(world: World, pages: Pages) -> None:
    page = await pages[OFFICER].page("/looks")
    assert f"Person {DESK}" in page
    assert DESK in page
    assert "ref-2" in page
    assert "ref-1" not in page
    assert "Familienname" in page
    assert not [text for text in ("Geheimnis", "Gisela", "0171-555", "service:") if text in page]
    actors = {row["actor"] for row in await world.rows("SELECT actor FROM disclosure_log")}
    assert actors == {DESK, "service:routing"}  # the machine looked, too


async def test_another_organisation_and_other_roles_read_nothing(world: World, pages: Pages) -> None:
    page = await pages[FOREIGN].page("/looks")
    assert "Es wurde kein Blick gefunden." in page
    for who in (DESK, MBE):
        assert (await pages[who].get("/looks")).status_code == 403
    async with world.visiting("treff") as conn:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.fetch("SELECT actor FROM disclosure_log")


async def test_looks_are_found_by_day_and_reference(world: World, pages: Pages) -> None:
    world.now = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)  # the 4th in Germany
    (person,) = await world.rows("SELECT participant_id FROM person WHERE reference = 'ref-1'")
    await pages[DESK].page(f"/people/{person['participant_id']}")
    officer = pages[OFFICER]
    found = "ref-1</span>"
    assert found in await officer.page("/looks?day=04.03.2026")
    assert found not in await officer.page("/looks?day=03.03.2026")
    assert "ref-2</span>" in await officer.page("/looks?day=2026-03-02")
    for about in ("REF-1", str(person["participant_id"])):
        page = await officer.page(f"/looks?reference={about}")
        assert found in page
        assert "ref-2</span>" not in page
    assert found not in await officer.page("/looks?reference=ref-")
    assert (await officer.get("/looks?day=soon")).status_code == 422
    assert (await officer.get("/looks?day=01.01.9999")).status_code == 422
    assert found not in await officer.page("/looks?reference=' OR 1=1 --")
    assert (await officer.get("/looks?page=99999999999999999999")).status_code in {200, 422}


async def test_what_is_kept_is_shown(pages: Pages) -> None:
    page = await pages[OFFICER].page("/retention")
    assert "disclosure_log" in page
    assert "six months" in page
    assert "der Kreis entscheidet" in page
    assert (await pages[DESK].get("/retention")).status_code == 403
