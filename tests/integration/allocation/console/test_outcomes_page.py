"""The page of outcomes: published bands in words, with definition and period; the same as CSV and JSON."""

from datetime import UTC, datetime, time

import pytest

from services.allocation.figures.counting import COUNTED_BY
from services.runtime.bookkeeping.publications import FiguresPublisher, keep
from services.runtime.data.db import transaction
from services.runtime.disclosure.bands import Band
from services.runtime.disclosure.figures import Publication
from services.runtime.disclosure.quarters import quarter_of
from services.texts.figures import STEERING
from tests.allocation.builders import KREIS, NOW, OFFICE, registered
from tests.integration.allocation.console.client import ConsoleClient

QUARTER = quarter_of(NOW.date())


async def publish(client: ConsoleClient, people: int) -> None:
    for number in range(people):
        await client.world.must(OFFICE, registered(f"q{number}", registered_on=QUARTER.first))
    closing = datetime.combine(QUARTER.closes_on, time(9), UTC)
    await FiguresPublisher(client.world.pool, STEERING, COUNTED_BY, 5).publish(closing)
    bands = {"began": Band(20, 24), "consented": Band(10, 14), "at_risk": Band(0, 4), "taken_up": Band(0)}
    async with transaction(client.world.pool) as conn:
        await keep(conn, Publication(KREIS, "counselling", QUARTER, QUARTER.closes_on, 5, bands))


async def test_before_the_first_quarter_is_closed_it_is_said_when_one_is(client: ConsoleClient) -> None:
    page = await client.page("/outcomes")
    assert "Es ist noch nichts veröffentlicht." in page
    assert "Das nächste Quartal wird am" in page


async def test_bands_are_shown_in_words_with_definition_and_period(client: ConsoleClient) -> None:
    await publish(client, 14)
    page = await client.page("/outcomes")
    for text in (
        "20 bis 24",
        "10 bis 14 (41 bis 70 Prozent)",
        "weniger als 5",
        "nicht angegeben, die Gruppe ist zu klein",
        "Personen, deren erster Kurs im Quartal begann, und was bei der Zählung vorlag.",
        "Gezählt am 26.05.2026.",
        "01.01.2026 bis 31.03.2026",
    ):
        assert text in " ".join(page.split()), text
    assert (await client.form("/preferences", language="en")).status_code == 303
    english = " ".join((await client.page("/outcomes")).split())
    assert "10 to 14 (41 to 70 per cent)" in english
    assert "not shown, the group is too small" in english


async def test_the_file_and_the_api_hold_the_same_bands(client: ConsoleClient) -> None:
    await publish(client, 14)
    said = (await client.http.get("/api/v1/outcomes")).json()
    (found,) = [one for one in said if one["figure"] == "counselling"]
    assert found["quarter"] == QUARTER.first.isoformat()
    assert found["parts"] == {
        "began": {"low": 20, "high": 24},
        "consented": {"low": 10, "high": 14},
        "at_risk": {"low": 0, "high": 4},
    }
    file = (await client.http.get("/outcomes.csv")).text
    assert "20 bis 24;20;24;5;2026-05-26" in file
    rows = [line for line in file.splitlines() if line.startswith("2026-01-01")]
    assert len(rows) == sum(len(one["parts"]) for one in said)


@pytest.mark.parametrize("asked", ["", "?quarter=2025-10-01", "?quarter=x&kreis=99999"])
async def test_an_unknown_quarter_or_kreis_shows_the_latest_of_ones_own(
    client: ConsoleClient, asked: str
) -> None:
    await publish(client, 14)
    assert "01.01.2026 bis 31.03.2026" in await client.page(f"/outcomes{asked}")


async def test_another_kreis_is_not_shown(client: ConsoleClient) -> None:
    bands = {"began": Band(70, 74)}
    async with transaction(client.world.pool) as conn:
        await keep(conn, Publication("99002", "counselling", QUARTER, QUARTER.closes_on, 5, bands))
    assert (await client.http.get("/api/v1/outcomes?kreis=99002")).json() == []
