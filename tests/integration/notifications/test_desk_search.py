"""The desk finds its own people by name; nothing of other offices, and no name where it would be kept."""

import logging
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.notifications.people import search
from services.notifications.people.domain import Contact
from services.runtime.data.db import transaction
from tests.notifications.pages import Browser, Pages, further, pages_on
from tests.notifications.world import DESK, JOBCENTER, PUBLISHERS, SISTERS, World

SISTER, READER = SISTERS[DESK], "pruefung"


@pytest.fixture
async def pages(world: World) -> AsyncIterator[Pages]:
    async with pages_on(
        world, DESK, JOBCENTER, SISTER, READER, people=further((READER, DESK, "auditor"))
    ) as pages:
        yield pages


async def found(browser: Browser, name: str) -> list[str]:
    answer = await browser.post("/people/search", name=name)
    assert answer.status_code == 200, answer.text[:2000]
    return re.findall(r'<td class="kern-table__cell"><span class="kl-id">(.*?)</span>', answer.text)


async def somebody(world: World, reference: str, family: str, given: str, *, desk: str = DESK) -> None:
    await world.register(reference, desk=desk)
    await world.keep(reference, Contact(family, given), desk=desk)


async def test_names_are_found_in_any_spelling_and_order(world: World, pages: Pages) -> None:
    await somebody(world, "ref-1", "Müller", "Yulia")
    await somebody(world, "ref-2", "محمد", "علي")
    await somebody(world, "ref-3", "Schulze", "Anna")
    for text in ("Mueller", "julija MULLER", "Mülelr", "Юлия"):
        assert await found(pages[DESK], text) == ["ref-1"], text
    assert await found(pages[DESK], "Ali Mohammed") == ["ref-2"]
    assert set(await found(pages[DESK], "REF-")) == {"ref-1", "ref-2", "ref-3"}
    assert await found(pages[DESK], "Niemand") == []


async def test_nobody_of_another_office_is_found(world: World, pages: Pages) -> None:
    for desk in (DESK, SISTER, JOBCENTER):
        await somebody(world, f"x-{desk}", "Geheimnis", "Gisela", desk=desk)
    for desk in (DESK, SISTER, JOBCENTER):
        assert await found(pages[desk], "Geheimnis") == [f"x-{desk}"]
        assert await found(pages[desk], "x-") == [f"x-{desk}"]


async def test_the_sealed_names_of_others_cannot_even_be_read(world: World, pages: Pages) -> None:  # noqa: ARG001
    await somebody(world, "x-1", "Geheimnis", "Gisela", desk=JOBCENTER)
    async with world.visiting(PUBLISHERS[DESK][0], DESK) as conn:
        assert not await search.sealed_names(conn, PUBLISHERS[JOBCENTER][0], JOBCENTER)


async def test_a_name_is_in_no_address_and_no_log(
    world: World, pages: Pages, caplog: pytest.LogCaptureFixture
) -> None:
    await somebody(world, "ref-1", "Geheimnis", "Gisela")
    with caplog.at_level(logging.DEBUG):
        answer = await pages[DESK].post("/people/search", name="Geheimnis")
    assert "Geheimnis" in answer.text
    assert "Geheimnis" not in str(answer.url) + str(answer.headers) + caplog.text
    assert not re.findall(r'(?:href|action|src)="[^"]*Geheimnis', answer.text, re.IGNORECASE)
    assert answer.headers["cache-control"] == "no-store"
    again = await pages[DESK].get("/people/search?name=Geheimnis")
    assert (again.status_code, again.headers["location"]) == (303, "/people")
    listed = await pages[DESK].page(
        "/people?q=Geheimnis&state=%27&town=Geheimnis&sort=Geheimnis&size=9999999&page=-1"
    )
    assert not re.findall(r'(?:href|action)="[^"]*Geheimnis', listed)


async def test_each_name_that_is_shown_is_a_logged_look(world: World, pages: Pages) -> None:
    await somebody(world, "ref-1", "Geheimnis", "Gisela")
    await somebody(world, "ref-2", "Schulze", "Anna")
    await found(pages[DESK], "Geheimnis")
    looks = await world.rows(
        "SELECT p.reference, l.actor, l.purpose FROM disclosure_log AS l JOIN person AS p USING "
        "(participant_id)"
    )
    assert [tuple(look) for look in looks] == [("ref-1", DESK, "registration")]


async def test_wrong_entries_are_said_and_kept(pages: Pages) -> None:
    for text, told in (
        ("", "zwei Buchstaben"),
        ("x", "zwei Buchstaben"),
        ("\u200b\u200b", "zwei Buchstaben"),
    ):
        answer = await pages[DESK].post("/people/search", name=text)
        assert answer.status_code == 422
        assert told in answer.text
    answer = await pages[DESK].post("/people/search", name="Ä" * 500)
    assert answer.status_code == 422
    assert "höchstens 120 Zeichen" in answer.text
    for text in ("' OR 1=1 --", "<script>alert(1)</script>", "%", "\\", "}}{{7*7}}", "\x00\x00ab", "אבג"):
        answer = await pages[DESK].post("/people/search", name=text)
        assert answer.status_code in {200, 422}, text
        assert "<script>alert(1)" not in answer.text


async def test_searching_is_limited_for_each_clerk(pages: Pages) -> None:
    answers = [(await pages[DESK].post("/people/search", name="Muster")).status_code for _ in range(22)]
    assert answers[:20] == [200] * 20
    assert answers[21] == 429
    assert (await pages[JOBCENTER].post("/people/search", name="Muster")).status_code == 200


async def test_who_only_reads_cannot_search(world: World, pages: Pages) -> None:
    await somebody(world, "ref-1", "Geheimnis", "Gisela")
    answer = await pages[READER].post("/people/search", name="Geheimnis")
    assert answer.status_code == 403
    assert "ref-1" not in answer.text


async def test_somebody_erased_is_found_no_more(world: World, pages: Pages) -> None:
    await somebody(world, "ref-1", "Geheimnis", "Gisela")
    (row,) = await world.rows("SELECT participant_id FROM person")
    await world.secrets.destroy([row["participant_id"]])
    assert await found(pages[DESK], "Geheimnis") == []
    async with transaction(world.worker) as conn:
        await conn.execute("DELETE FROM person")
    assert await found(pages[DESK], "ref-1") == []


async def test_too_long_a_name_is_refused_where_it_is_entered(world: World, pages: Pages) -> None:
    answer = await pages[DESK].post(
        "/register", family_name="Ä" * 500, given_name="A", birth_date="24.05.1990", right="claim", town="x"
    )
    assert answer.status_code == 422
    assert "höchstens 120 Zeichen" in answer.text
    assert not await world.rows("SELECT FROM person")


async def test_more_than_can_be_shown(world: World, pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        world.now += timedelta(minutes=1)
        await somebody(world, f"ref-{number}", "Muster", "Anna")
    monkeypatch.setattr(search, "MOST_FOUND", 2)
    monkeypatch.setattr(search, "MOST_SEARCHED", 3)
    answer = await pages[DESK].post("/people/search", name="Muster")
    assert "mehr als 2 Personen" in answer.text
    assert "3 zuletzt angemeldeten" in answer.text
    assert "ref-0" not in answer.text
