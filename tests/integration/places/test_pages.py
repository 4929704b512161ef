"""The registering office's form and search, on a real database, without scripts."""

import re
from datetime import date

from services.places.current import CurrentPlaces
from tests.conftest import MakeDatabase
from tests.notifications.pages import pages_on
from tests.notifications.world import DESK, PROVIDER, world_on
from tests.places.loaded import load_towns

TOWNS = (
    "99001001;Musterstadt, Stadt;00100 00101;Kreis Musterland;;;",
    "99001002;Übungsdorf;00110;Kreis Musterland;;;",
    "99001003;Altdorf;00120;Kreis Musterland;;2025-07-01;99001002",
    "99001004;Musterstadt am See;00130;Kreis Musterland;;;",
    "99002001;Übungsberg;00200;Nachbarland;;;",
)
FORM = {
    "family_name": "Muster", "given_name": "Mia", "birth_date": "02.03.1990", "right": "claim",
    "reference": "b-1", "course_type": "integration_general", "asylum_phase": "none",
}  # fmt: skip


async def test_a_town_is_typed_chosen_and_sent(database: MakeDatabase) -> None:
    async with world_on(await database("notifications"), await database("keys")) as world:
        await load_towns(world.database.admin, TOWNS, date(2025, 1, 1))
        places = CurrentPlaces(world.web)
        await places.refreshed()
        async with pages_on(world, DESK, PROVIDER, places=places) as pages:
            desk = pages[DESK]
            page = await desk.page("/register")
            listed = re.findall(r'<option value="([^"]*)"></option>', page)
            assert listed == ["Musterstadt, 00100", "Musterstadt am See, 00130", "Übungsdorf, 00110"]

            answer = await desk.post("/register", **FORM, town="muster")
            assert answer.status_code == 422
            assert "Bitte wählen Sie aus, welchen Ort Sie meinen." in answer.text
            assert 'name="town_asked" value="muster"' in answer.text
            assert re.findall(r'type="radio"[^>]*name="town_choice" value="(\d+)"', answer.text) == [
                "99001001",
                "99001004",
            ]
            assert 'value="Muster"' in answer.text  # what was typed elsewhere stays
            assert pages.gateway.taken == []

            answer = await desk.post("/register", **FORM, town="99001003")
            assert "Altdorf ist keine eigene Gemeinde mehr." in answer.text
            assert "Übungsdorf, 00110 (Kreis Musterland)" in answer.text

            chosen = {"town": "muster", "town_asked": "muster", "town_choice": "99001004"}
            answer = await desk.post("/register", **FORM, **chosen)
            assert answer.status_code == 303, answer.text
            assert [one["event"]["town"] for one in pages.gateway.taken] == ["99001004"]

            answer = await desk.post(
                "/register", **FORM | {"reference": "b-2"}, town="uebungsdorf", other="1"
            )
            assert answer.status_code == 303
            assert pages.gateway.taken[-1]["event"]["town"] == "99001002"

            found = (await desk.get("/places?q=uebung")).json()
            assert [one["label"] for one in found] == ["Übungsdorf, 00110", "Übungsberg, 00200"]
            assert found[0] == {
                "town": "99001002",
                "label": "Übungsdorf, 00110",
                "name": "Übungsdorf",
                "kreis": "Kreis Musterland",
            }
            assert (await desk.get("/places?q=")).json() == []
            assert (await desk.get("/places?q=" + "%F0%9F%98%80" * 2000)).json() == []
            assert (await pages[PROVIDER].get("/places?q=Muster")).status_code == 403


async def test_without_a_directory_the_form_asks_for_the_key(database: MakeDatabase) -> None:
    async with (
        world_on(await database("notifications"), await database("keys")) as world,
        pages_on(world, DESK) as pages,
    ):
        assert "Noch ist kein Gemeindeverzeichnis geladen." in await pages[DESK].page("/register")
        answer = await pages[DESK].post("/register", **FORM, town="Musterstadt")
        assert answer.status_code == 422
        answer = await pages[DESK].post("/register", **FORM, town="99001001")
        assert answer.status_code == 303
