"""The desk changes a registered person, and takes somebody off the list; only what is new is sent."""

from datetime import date
from uuid import UUID, uuid4

import pytest

from services.notifications.people.domain import Contact
from tests.notifications.pages import Pages, pages_on
from tests.notifications.world import DESK, JOBCENTER, TODAY, World

BEFORE = Contact(
    family_name="Beispiel", given_name="Berta", birth_date=date(1990, 5, 4), phone="0123", languages=("uk",)
)


@pytest.fixture
async def person(world: World) -> UUID:
    await world.register("a-1")
    return await world.keep("a-1", BEFORE)


async def send(pages: Pages, person: UUID, action: str = "change", **values: str) -> tuple[int, str]:
    answer = await pages[DESK].post(f"/people/{person}/{action}", form=str(uuid4()), **values)
    return answer.status_code, answer.text


async def unchanged(pages: Pages, person: UUID) -> dict[str, str]:
    """Return the fields as the form shows them."""
    page = await pages[DESK].page(f"/people/{person}/change")
    assert 'value="Beispiel"' in page
    assert 'value="04.05.1990"' in page
    return {"family_name": "Beispiel", "given_name": "Berta", "birth_date": "04.05.1990", "phone": "0123"}


async def test_only_what_is_new_is_sent(world: World, person: UUID) -> None:
    async with pages_on(world, DESK) as pages:
        shown = await unchanged(pages, person)
        assert (await send(pages, person, **shown))[0] == 303
        assert pages.gateway.taken == []
        changes = {
            "course_type": "integration_literacy",
            "needs_childcare": "no",
            "level": "A1",
            "section": "3",
        }
        status, text = await send(pages, person, **shown | changes | {"phone": "0456"})
        assert status == 303, text[:1500]
        facts, test = (event["data"] for event in pages.gateway.taken)
        assert facts == {
            "reference": "a-1",
            "course_types": ["integration_literacy"],
            "needs_childcare": False,
        }
        assert (test["level"], test["section"], test["tested_on"]) == ("A1", 3, TODAY.isoformat())
        page = await pages[DESK].page(f"/people/{person}")
        assert "0456" in page
        assert "Beispiel, Berta" in page


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"birth_date": "01.01.2020"}, "schulpflichtig"),
        ({"birth_date": "31.02.1990"}, "Bitte geben Sie den Tag ein"),
        ({"email": "nirgends"}, "E-Mail-Adresse"),
        ({"granted_on": "01.02.2026"}, "zu der diese Tage gehören"),
        ({"level": "A1"}, "Bitte geben Sie beides ein"),
        ({"family": "Familie Beispiel"}, "Bitte prüfen Sie diese Angabe"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_sent(
    world: World, person: UUID, wrong: dict[str, str], said: str
) -> None:
    async with pages_on(world, DESK) as pages:
        status, text = await send(pages, person, **await unchanged(pages, person) | wrong)
        assert status == 422
        assert said in text
        assert pages.gateway.taken == []


async def test_another_office_cannot_change_anybody(world: World, person: UUID) -> None:
    async with pages_on(world, DESK, JOBCENTER) as pages:
        for action in ("change", "withdraw"):
            answer = await pages[JOBCENTER].post(
                f"/people/{person}/{action}", form=str(uuid4()), family_name="X", reason="other"
            )
            assert answer.status_code == 404
        assert pages.gateway.taken == []


async def test_somebody_is_taken_off_the_list(world: World, person: UUID) -> None:
    async with pages_on(world, DESK) as pages:
        await send(pages, person, "withdraw", reason="whim")
        assert pages.gateway.taken == []
        assert (await send(pages, person, "withdraw", reason="moved"))[0] == 303
        (event,) = pages.gateway.taken
        assert event["data"] == {"reference": "a-1", "withdrawn_on": TODAY.isoformat(), "reason": "moved"}
        await world.registered("a-1", withdrawn_on=TODAY)
        assert "Nicht mehr auf der Liste" in await pages[DESK].page(f"/people/{person}")
        assert (await pages[DESK].get(f"/people/{person}/change")).status_code == 404


async def test_a_course_type_that_has_ended_is_neither_offered_nor_taken(world: World, person: UUID) -> None:
    async with pages_on(world, DESK) as pages:
        assert "integration_parents" not in await pages[DESK].page("/register")
        shown = await unchanged(pages, person)
        await send(pages, person, **shown, course_type="integration_parents")
        assert pages.gateway.taken == []
