"""The desk tells how each person stands now, with its day, in the same words on every page."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas.placements import EnrolmentConfirmed, EnrolmentEnded, PlacementAdvanced, PlaceReserved
from services.notifications.people.domain import Contact
from tests.notifications.pages import Browser, Pages, pages_on
from tests.notifications.world import DESK, MBE, NOW, PROVIDER, SISTERS, TODAY, World, step

LATER: dict[str, Any] = {"decided_at": NOW + timedelta(days=3)}


@pytest.fixture
async def pages(world: World) -> AsyncIterator[Pages]:
    async with pages_on(world, DESK, SISTERS[DESK], PROVIDER, MBE) as pages:
        yield pages


async def somebody(world: World, reference: str, **changes: Any) -> UUID:  # noqa: ANN401 - fields of the state
    person = await world.registered(reference, **changes)
    await world.keep(reference, Contact("Muster", "Anna"))
    return person


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


async def stands(browser: Browser, person: UUID) -> str:
    """Return how a person stands, as list, search and own page say it alike."""
    listed = re.search(rf'/people/{person}".*?</tr>', await browser.page("/people"), re.DOTALL)
    own = re.search(r'id="now">(.*?)</p>', await browser.page(f"/people/{person}"), re.DOTALL)
    assert listed is not None
    assert own is not None
    said = text_of(own[1]).removeprefix("Stand: ")
    assert text_of(listed[0]).endswith(said)
    found = (await browser.post("/people/search", name="Muster")).text
    assert said in text_of(found)
    return said


async def reserved(world: World, person: UUID, course: str = "k-1", **changes: Any) -> UUID:  # noqa: ANN401
    await world.announce(course)
    said = step(
        PlaceReserved,
        person,
        course,
        version=2,
        from_state="proposed",
        to_state="reserved",
        expires_at=NOW + timedelta(days=10),
        **changes,
    )
    await world.say(None, said)
    return said.placement


async def test_who_declined_waits_again_and_is_told_so(world: World, pages: Pages) -> None:
    person = await somebody(world, "ref-1", registered_on=TODAY - timedelta(days=30))
    assert await stands(pages[DESK], person) == "wartet seit 31.01.2026"
    await reserved(world, person)
    assert await stands(pages[DESK], person) == "reserviert, Antwort steht aus, Antwort bis 12.03.2026"
    await world.say(
        None, step(PlacementAdvanced, person, version=3, from_state="reserved", to_state="declined", **LATER)
    )
    said = await stands(pages[DESK], person)
    assert said == "wartet seit 31.01.2026 Früherer Platz: abgelehnt am 05.03.2026"
    page = text_of(await pages[DESK].page(f"/people/{person}"))
    assert "dem BAMF geschickt hat, erscheinen hier, sobald ein Platz reserviert ist" in page


async def test_a_new_place_counts_and_not_the_old_one(world: World, pages: Pages) -> None:
    person = await somebody(world, "ref-1")
    await reserved(world, person, "k-1")
    await world.say(
        None,
        step(
            PlacementAdvanced, person, "k-1", version=3, from_state="reserved", to_state="declined", **LATER
        ),
    )
    await reserved(
        world, person, "k-2"
    )  # decided before the refusal was: what is held counts, not what came last
    assert (await stands(pages[DESK], person)).startswith("reserviert, Antwort steht aus")


async def test_from_confirmed_to_waiting_anew(world: World, pages: Pages) -> None:
    person = await somebody(world, "ref-1", registered_on=TODAY - timedelta(days=90))
    start = TODAY + timedelta(days=7)
    await world.announce("k-1", start)
    dates: dict[str, Any] = {"starts_on": start}
    await world.say(None, step(EnrolmentConfirmed, person, version=3, **dates))
    assert await stands(pages[DESK], person) == "vom Kursträger bestätigt, Beginn am 09.03.2026"
    await world.say(
        None,
        step(PlacementAdvanced, person, version=4, from_state="confirmed", to_state="started", **dates),
    )
    assert await stands(pages[DESK], person) == "im Kurs seit 09.03.2026"
    ended: dict[str, Any] = {"from_state": "started", "ended_on": TODAY + timedelta(days=20), **dates}
    await world.say(None, step(EnrolmentEnded, person, version=5, to_state="course_cancelled", **ended))
    assert (await stands(pages[DESK], person)).startswith("wartet seit 22.03.2026")
    await world.say(None, step(EnrolmentEnded, person, version=6, to_state="completed", **ended))
    assert await stands(pages[DESK], person) == "abgeschlossen am 22.03.2026"
    await world.registered("ref-1", registered_on=TODAY + timedelta(days=30))
    assert (await stands(pages[DESK], person)).startswith("wartet seit 01.04.2026")
    await world.registered("ref-1", withdrawn_on=TODAY + timedelta(days=40))
    assert await stands(pages[DESK], person) == "wartet nicht mehr seit 11.04.2026"


async def test_the_list_is_narrowed_and_sorted(world: World, pages: Pages) -> None:
    first = await somebody(world, "ref-1", registered_on=TODAY - timedelta(days=9))
    world.now += timedelta(minutes=1)
    await somebody(world, "ref-2", registered_on=TODAY - timedelta(days=90), town="99001002")
    world.now += timedelta(minutes=1)
    await somebody(world, "ref-3", registered_on=TODAY - timedelta(days=5))
    await reserved(world, first)

    async def listed(query: str) -> list[str]:
        page = await pages[DESK].page(f"/people?{query}")
        return re.findall(r'<td class="kern-table__cell"><span class="kl-id">(.*?)</span>', page)

    assert await listed("") == ["ref-3", "ref-2", "ref-1"]
    assert await listed("sort=deadline") == ["ref-1", "ref-3", "ref-2"]
    assert await listed("sort=waiting") == ["ref-2", "ref-3", "ref-1"]
    assert await listed("sort=reference") == ["ref-1", "ref-2", "ref-3"]
    assert await listed("state=reserved") == ["ref-1"]
    assert await listed("state=waiting&town=99001001") == ["ref-3"]
    assert await listed("state=declined&sort=x&size=-1&page=x") == ["ref-3", "ref-2", "ref-1"]
    assert await listed("page=9999999999") == []
    page = await pages[DESK].page("/people?state=waiting&town=99001002&sort=waiting&size=25")
    assert re.findall(r'value="([^"]+)" selected', page) == ["waiting", "99001002", "waiting", "25"]


async def test_pages_of_a_list_keep_its_choice(world: World, pages: Pages) -> None:
    for number in range(26):
        await somebody(world, f"ref-{number:02}")
    page = await pages[DESK].page("/people?size=25&sort=reference&state=waiting")
    assert 'href="/people?sort=reference&amp;size=25&amp;state=waiting&amp;page=2"' in page
    following = await pages[DESK].page("/people?sort=reference&size=25&state=waiting&page=2")
    assert re.findall(r'<td class="kern-table__cell"><span class="kl-id">(.*?)</span>', following) == [
        "ref-25"
    ]


async def test_offers_are_narrowed_to_what_is_due(world: World, pages: Pages) -> None:
    person = await somebody(world, "ref-1")
    await reserved(world, person)
    assert "ref-1" in await pages[DESK].page("/desk?due=14&sort=course&size=25")
    assert "ref-1" in await pages[DESK].page(f"/desk?provider={PROVIDER}")
    page = text_of(await pages[DESK].page("/desk?due=3"))
    assert "Kein offenes Angebot passt zu dieser Auswahl." in page
    assert "ref-1" in await pages[DESK].page("/desk?provider=unbekannt&town=1&due=x")
    assert "ref-1" not in await pages[SISTERS[DESK]].page("/desk")


async def test_courses_and_alerts_are_narrowed(world: World, pages: Pages) -> None:
    await world.announce("k-1", TODAY - timedelta(days=3))
    await world.announce("k-2", TODAY + timedelta(days=3))

    async def listed(query: str) -> list[str]:
        page = await pages[PROVIDER].page(f"/roster?{query}")
        return re.findall(r'kl-muted kl-id">(.*?)</span>', page)

    assert await listed("") == ["k-1", "k-2"]
    assert await listed("show=coming&sort=course") == ["k-2"]
    assert await listed("show=running&size=25") == ["k-1"]
    assert await listed("show=todo") == []
    for query in ("", "state=all&kind=risk&sort=oldest&size=100", "state=x&kind=x&page=0", "sort=newest"):
        assert "Eingang" in await pages[MBE].page(f"/inbox?{query}")
        live = await pages[MBE].get(f"/inbox/live?{query}")
        assert live.status_code == 200


async def test_names_of_any_script_stand_apart(world: World, pages: Pages) -> None:
    person = await world.register("ref-1")
    await world.keep("ref-1", Contact("محمد", "\u202eعلي"))
    for path in ("/people", f"/people/{person}"):
        assert re.search(r"<bdi>محمد, .*?</bdi>", await pages[DESK].page(path))


async def test_an_alert_says_since_when_it_stands_so(world: World, pages: Pages) -> None:
    await world.announce()
    person = await somebody(world, "ref-1")
    await world.consent("ref-1", "enrolment_notice")
    await world.enrol(person)
    await world.settle()
    (alert,) = [row["alert_id"] for row in await world.rows("SELECT alert_id FROM alert")]
    assert "Neu seit 02.03.2026, 10:00." in text_of(await pages[MBE].page(f"/inbox/{alert}"))
    world.now += timedelta(days=1)
    await pages[MBE].post(f"/inbox/{alert}/accept")
    said = text_of(await pages[MBE].page(f"/inbox/{alert}"))
    assert "angenommen seit 03.03.2026, 10:00." in said
