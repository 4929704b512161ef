"""Reported needs stand beside `Which course next`; measures are recorded and their effect followed."""

import re
from datetime import date, timedelta
from uuid import uuid4

import pytest

from schemas.measures import MeasureStated
from services.allocation.figures.measures import MeasureTeller
from services.runtime.bookkeeping.publications import keep
from services.runtime.data.db import transaction
from services.runtime.disclosure.bands import Band
from services.runtime.disclosure.figures import Publication
from services.runtime.disclosure.quarters import Quarter
from services.texts.measures import When, effect_of
from tests.allocation.builders import KREIS, NOW, PROVIDER, announced
from tests.integration.allocation.console.client import ConsoleClient
from tests.integration.allocation.console.test_outcomes_page import plain

FIRST = [date(2024, 10, 1), date(2025, 1, 1), date(2025, 4, 1), date(2025, 7, 1)]
CHILDCARE = [Band(10, 14), Band(20, 24), Band(5, 9), Band(0, 4)]
AGREED = "Die VHS bietet ab Februar vormittags Kinderbetreuung an."


def told(number: int, kreis: str = KREIS) -> Publication:
    bands = {"childcare": CHILDCARE[number], "bus": Band(0), "other": Band(0, 4)}
    quarter = Quarter(FIRST[number])
    return Publication(kreis, "needs", quarter, quarter.closes_on, 5, bands)


async def publish(client: ConsoleClient) -> None:
    async with transaction(client.world.pool) as conn:
        for number in range(len(FIRST)):
            await keep(conn, told(number))
        await keep(conn, told(1, "99002"))


async def test_published_sums_stand_beside_which_course_next(client: ConsoleClient) -> None:
    assert "Noch ist nichts veröffentlicht" in await client.page("/next-course")
    await publish(client)
    for path in ("/next-course", "/needs"):
        page = plain(await client.page(path))
        assert "Kinderbetreuung weniger als 5 5 bis 9 20 bis 24 10 bis 14" in page
        assert "Bus nicht angegeben, die Gruppe ist zu klein" in page


async def test_a_measure_is_recorded_and_followed_in_the_same_figure(client: ConsoleClient) -> None:
    await publish(client)
    said = await client.done("/needs", need="childcare", agreed=AGREED, begins_on="15.02.2025")
    assert "Die Maßnahme ist eingetragen." in said
    page = plain(await client.page("/needs"))
    assert AGREED in page
    assert (
        "01.10.2024 bis 31.12.2024 vorher 10 bis 14 01.01.2025 bis 31.03.2025 beginnt in diesem Quartal"
        " 20 bis 24 01.04.2025 bis 30.06.2025 nachher 5 bis 9" in page
    )
    assert "1 Maßnahme läuft." in plain(await client.page("/next-course"))
    measure = await client.world.pool.fetchval("SELECT measure FROM measure")
    assert "ist beendet" in await client.done(f"/needs/{measure}/end")
    assert "schon beendet" in await client.done(f"/needs/{measure}/end")
    assert "schon beendet" in await client.done(f"/needs/{uuid4()}/end")
    await client.sign_in("nils-hansen")  # of the neighbouring Kreis
    assert AGREED not in await client.page("/needs")
    assert "schon beendet" in await client.done(f"/needs/{measure}/end")


@pytest.mark.parametrize(
    "wrong",
    [
        {"need": "pony"},
        {"agreed": "kurz"},
        {"agreed": "x" * 501},
        {"agreed": "böse\x00Zeichen hier"},
        {"course": "x"},
        {"course": str(uuid4())},
        {"begins_on": "bald"},
        {"begins_on": "01.01.0001"},
    ],
)
async def test_what_is_wrong_with_a_measure_is_said(client: ConsoleClient, wrong: dict[str, str]) -> None:
    values = {"need": "bus", "agreed": AGREED, "begins_on": "15.02.2025"} | wrong
    answer = await client.form("/needs", **values)
    assert answer.status_code == 422
    assert f'href="#{next(iter(wrong)).replace("_", "-")}"' in answer.text
    assert await client.world.pool.fetchval("SELECT count(*) FROM measure") == 0


async def test_the_support_side_is_told_once_of_each_state_of_a_measure(client: ConsoleClient) -> None:
    await client.world.must(PROVIDER, announced())
    course = await client.world.pool.fetchval("SELECT course FROM course")
    agreed = AGREED.replace(" ", "\r\n", 1)
    await client.done("/needs", need="childcare", agreed=agreed, course=str(course), begins_on="15.02.2025")
    assert f'href="/courses/{course}"' in await client.page("/needs")
    teller = MeasureTeller(client.world.pool, "")
    assert [await teller.tell(NOW) for _ in range(2)] == [1, 0]
    measure = await client.world.pool.fetchval("SELECT measure FROM measure")
    await client.done(f"/needs/{measure}/end")
    assert [await teller.tell(NOW) for _ in range(2)] == [1, 0]
    rows = await client.world.rows(
        "SELECT payload FROM runtime.outbox WHERE type = $1 ORDER BY position", MeasureStated.type_
    )
    first, second = (MeasureStated.model_validate_json(row["payload"]) for row in rows)
    assert (first.version, first.ended_on, first.course) == (1, None, course)
    assert first.agreed == AGREED.replace(" ", "  ", 1), "on one line"
    assert second == first.model_copy(update={"version": 2, "ended_on": second.ended_on})
    assert second.ended_on is not None


async def test_towns_are_shown_as_far_as_they_are_told(client: ConsoleClient) -> None:
    quarter = Quarter(FIRST[0])
    bands = {"bus": Band(20, 24), "town_99001001_bus": Band(15), "town_99001002_bus": Band(0)}
    async with transaction(client.world.pool) as conn:
        await keep(conn, Publication(KREIS, "needs", quarter, quarter.closes_on, 5, bands))
    for path in ("/next-course", "/needs"):
        page = plain(await client.page(path))
        assert "Nach Ort, soweit es veröffentlicht werden kann" in page
        assert re.search(r"01.10.2024 bis 31.12.2024 \S+ Bus 15 oder mehr", page)
        assert page.count("Bus 15 oder mehr") == 1
    assert "Bus, für" in (await client.http.get("/outcomes.csv")).text
    assert "20 bis 24" in plain(await client.page("/outcomes"))


def test_the_effect_names_the_quarters_around_the_first_day() -> None:
    published = [told(number) for number in reversed(range(len(FIRST)))]
    exact = effect_of("childcare", date(2025, 4, 1), published)
    assert [(one.quarter.first, one.when) for one in exact] == [
        (FIRST[0], When.BEFORE),
        (FIRST[1], When.BEFORE),
        (FIRST[2], When.AFTER),
        (FIRST[3], When.AFTER),
    ]
    assert [one.when for one in effect_of("childcare", FIRST[3] + timedelta(days=1), published)] == [
        When.BEFORE,
        When.BEFORE,
        When.CHANGE,
    ]
    assert effect_of("evening_course", FIRST[0], published) == []
