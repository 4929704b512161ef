"""Leafing through names asks for a fresh sign-in; days are those of Germany."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.notifications.people.domain import Contact
from services.runtime.data.db import transaction
from tests.notifications.pages import further, pages_on
from tests.notifications.world import DESK, World


async def test_the_second_page_of_names_asks_people_to_sign_in_once_more(world: World) -> None:
    for number in range(51):
        await world.keep(f"a-{number}", Contact(f"Name{number}", "Gisela"))
    async with pages_on(world, DESK) as pages:
        assert "Name50" in await pages[DESK].page("/people") + await pages[DESK].page("/people?page=2")
        async with transaction(world.worker) as conn:
            await conn.execute("UPDATE accounts.session SET fresh_at = now() - interval '301 seconds'")
        assert "Gisela" in await pages[DESK].page("/people")
        looks = await world.value("SELECT count(*) FROM disclosure_log")
        for further_page in ("page=2", "page=02", "q=a&page=2", "page=1&page=2"):
            answer = await pages[DESK].get(f"/people?{further_page}")
            assert answer.headers["location"].startswith("/sign-in/again?next=%2Fpeople"), further_page
        assert await world.value("SELECT count(*) FROM disclosure_log") == looks


@pytest.mark.parametrize(("hour", "day"), [(12, "30.06.2026"), (22, "01.07.2026")])
async def test_the_day_of_an_erasure_is_that_of_germany(world: World, hour: int, day: str) -> None:
    erasure, completed = uuid4(), datetime(2026, 6, 30, hour, 30, tzinfo=UTC)
    await world.rows(
        "INSERT INTO erasure (erasure, organisation, office, erased_on, asked_at, completed_at)"
        " VALUES ($1, 'treff', $2, '2026-06-30', $3, $3)",
        erasure,
        DESK,
        completed,
    )
    people = further(("datenschutz", DESK, "data_protection"))
    async with pages_on(world, "datenschutz", people=people) as pages:
        page = await pages["datenschutz"].page(f"/erasures/{erasure}")
    assert f'Überall gelöscht am</dt>\n    <dd class="kern-description-list-item__value">{day}' in page
