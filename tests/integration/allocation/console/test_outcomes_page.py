"""The page of outcomes, its files, programs and the report: the same published bands everywhere."""

import csv
import html
import io
import re
import zipfile
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from services.allocation.figures.counting import COUNTED_BY, EXTENDED_BY
from services.runtime.bookkeeping.publications import FiguresPublisher, keep
from services.runtime.data.db import transaction
from services.runtime.disclosure.bands import Band
from services.runtime.disclosure.figures import Publication
from services.runtime.disclosure.quarters import quarter_of
from services.texts.figures import COMPLETIONS, RESERVATIONS, STARTS, STEERING
from tests.allocation.builders import KREIS, NOW, OFFICE, registered
from tests.integration.allocation.console.client import ConsoleClient
from tests.rejected import check
from tests.unit.allocation.figures_told import SECOND, told

QUARTER = quarter_of(NOW.date())
SIGNALS = {"courses_silent": Band(0, 0), "courses_collapsed": Band(2, 2)}
_ROW = re.compile(r'data-row="([^"]+)">(.*?)</td>\s*(?:<td class="kern-table__cell">(.*?)</td>)?', re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


def plain(text: str) -> str:
    return " ".join(html.unescape(_TAG.sub(" ", text)).split())


async def publish(client: ConsoleClient, people: int) -> None:
    for number in range(people):
        await client.world.must(OFFICE, registered(f"q{number}", registered_on=QUARTER.first))
    closing = datetime.combine(QUARTER.closes_on, time(9), UTC)
    await FiguresPublisher(client.world.pool, STEERING, COUNTED_BY, 5, extended_by=EXTENDED_BY).publish(
        closing
    )
    bands = {"began": Band(20, 24), "consented": Band(10, 14), "at_risk": Band(0, 4), "taken_up": Band(0)}
    more = [
        Publication(KREIS, "counselling", QUARTER, QUARTER.closes_on, 5, bands),
        Publication(KREIS, "course_signals", QUARTER, QUARTER.closes_on, 5, SIGNALS),
        told(COMPLETIONS[0], SECOND, courses=2, in_courses=60, finished=40, sat=40, qualified=20, left=12),
        told(COMPLETIONS[1], SECOND, courses=1, in_courses=19, finished=1, sat=1, qualified=1),
        told(STARTS[0], SECOND, begun=60, within_26_weeks=58, within_12_weeks=40, weeks_waited=7.0),
        told(RESERVATIONS[0], SECOND, reserved=60, answered=50, accepted=44, expired=10),
    ]
    async with transaction(client.world.pool) as conn:
        for one in more:
            await keep(conn, one)


async def test_before_the_first_quarter_is_closed_it_is_said_when_one_is(client: ConsoleClient) -> None:
    page = await client.page("/outcomes")
    assert "Es ist noch nichts veröffentlicht." in page
    assert "Das nächste Quartal wird am" in page
    report = await client.page("/outcomes/report")
    assert "Es ist noch nichts veröffentlicht." in report
    answer = await client.form("/outcomes/report", sender="Landratsamt", kind="pdf")
    assert answer.status_code == 422


async def test_bands_are_shown_in_words_with_definition_and_period(client: ConsoleClient) -> None:
    await publish(client, 14)
    page = plain(await client.page("/outcomes"))
    for text in (
        "20 bis 24",
        "41 bis 70 Prozent",
        "weniger als 5",
        "nicht angegeben, die Gruppe ist zu klein",
        "Personen, deren erster Kurs im Quartal begann, und was bei der Zählung vorlag.",
        "01.01.2026 bis 31.03.2026: gezählt am 26.05.2026",
        "01.01.2026 bis 30.06.2026",
        "Noch kein Abschluss ist kein Scheitern",
        "unbekannt",
    ):
        assert text in page, text
    assert (await client.form("/preferences", language="en")).status_code == 303
    english = plain(await client.page("/outcomes"))
    assert "41 to 70 per cent" in english
    assert "not shown, the group is too small" in english


async def test_courses_to_look_after_are_counted_on_the_first_page_and_nobody_is_named(
    client: ConsoleClient,
) -> None:
    assert "Auffällige Kurse" not in await client.page("/")
    await publish(client, 1)
    page = await client.page("/")
    assert "Auffällige Kurse in" in page
    assert "unter die Hälfte der Stunden fiel: 2" in plain(page)
    assert "nicht mehr gemeldet" not in page, "zero is not told here"
    (link,) = re.findall(r'href="(/outcomes\?[^"#]*)#course_signals"', page)
    outcomes = await client.page(html.unescape(link))
    assert cells(outcomes)["course_signals/courses_silent"][0] == "0"
    assert cells(outcomes)["course_signals/courses_collapsed"][0] == "2"
    assert "Bitten Sie alle Träger, dort nachzusehen" in plain(outcomes)
    assert 'id="course_signals"' in outcomes
    quiet = Publication(
        KREIS, "course_signals", SECOND, SECOND.closes_on, 5, dict.fromkeys(SIGNALS, Band(0, 0))
    )
    async with transaction(client.world.pool) as conn:
        await keep(conn, quiet)
    assert "Auffällige Kurse" not in await client.page("/"), "the latest quarter decides"


async def test_the_address_keeps_period_and_kind(client: ConsoleClient) -> None:
    await publish(client, 14)
    page = await client.page(f"/outcomes?period={SECOND.first}&courses=special")
    assert "01.04.2026 bis 30.06.2026" in page
    assert f'value="{SECOND.first}" selected' in page
    assert 'value="special" selected' in page
    assert f"/outcomes/report?kreis={KREIS}&amp;period={SECOND.first}&amp;courses=special" in page
    rows = cells(page)
    assert rows["completions/in_courses"][0] == "15 bis 19"
    both = cells(await client.page(f"/outcomes?period={SECOND.first}"))
    assert both["completions/in_courses"][0] == "75 bis 83"
    assert "(Teile nicht angegeben)" in both["completions/qualified"][0]


def cells(page: str) -> dict[str, tuple[str, str]]:
    return {name: (plain(text), plain(share or "")) for name, text, share in _ROW.findall(page)}


async def test_the_page_draws_without_styles_and_has_a_table_behind_each_chart(client: ConsoleClient) -> None:
    await publish(client, 14)
    page = await client.page("/outcomes")
    main = page[page.index("<main") :]
    assert " style=" not in main
    assert main.count('role="img" aria-label="Balkendiagramm: ') == main.count('<table class="kern-table') > 5
    assert len(set(re.findall(r' id="([^"]+)"', page))) == len(re.findall(r' id="([^"]+)"', page))
    assert not re.search(r'width="(-|10[1-9]|1[1-9][0-9]|[2-9][0-9][0-9])[0-9.]*%', main), "a bar is too long"


async def test_page_workbook_and_pdf_agree_cell_by_cell(client: ConsoleClient) -> None:
    await publish(client, 14)
    address = "/outcomes?period=all"
    shown = cells(await client.page(address))
    assert len(shown) > 40
    sender = "Landratsamt, =1+1 <b>Stabsstelle</b> #import"
    answers = {
        kind: await client.form("/outcomes/report?period=all", sender=sender, kind=kind)
        for kind in ("pdf", "xlsx")
    }
    book = load_workbook(io.BytesIO(answers["xlsx"].content))
    lines = [
        [str(cell) for cell in line[:3] if cell is not None]
        for sheet in book.worksheets
        for line in sheet.iter_rows(values_only=True)
    ]
    reader = PdfReader(io.BytesIO(answers["pdf"].content))
    text = "".join("".join(page.extract_text() for page in reader.pages).replace("-\n", "").split())
    told_rows = [line for line in lines if len(line) > 1]
    for name, (cell, part) in shown.items():
        value = cell.removesuffix(" (Teile nicht angegeben)")
        assert any(value in line and (not part or part in line) for line in told_rows), name
        assert value.replace(" ", "").replace("-", "") in text.replace("-", ""), name
        assert part.replace(" ", "").replace("-", "") in text.replace("-", ""), name
    for line in ("Zeitraum", "01.01.2026bis30.06.2026", "Absender", "Stabsstelle</b>#import"):
        assert line in text
    assert all(
        cell.data_type != "f" for sheet in book.worksheets for row in sheet.iter_rows() for cell in row
    )
    assert reader.metadata is not None
    assert reader.metadata.title == "Bericht für die Integrationskurskonferenz"
    root: Any = reader.trailer["/Root"].get_object()
    assert (root["/Lang"], bool(root["/MarkInfo"]["/Marked"])) == ("de", True)
    with zipfile.ZipFile(io.BytesIO(answers["xlsx"].content)) as parts:
        assert len([name for name in parts.namelist() if name.startswith("xl/charts/chart")]) > 5


@pytest.mark.parametrize("sender", ["", "   ", "x" * 121, "a\x07b"])
async def test_a_report_needs_a_sender(client: ConsoleClient, sender: str) -> None:
    await publish(client, 1)
    answer = await client.form("/outcomes/report", sender=sender, kind="pdf")
    assert answer.status_code == 422
    assert "Bitte nennen Sie den Absender" in answer.text


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
    file = (await client.http.get("/outcomes.csv")).content.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(file), delimiter=";"))[1:]
    by_file = {(line[0], line[9]): (line[5], line[6]) for line in lines}
    by_api = {
        (one["quarter"], f"{one['figure']}.{name}"): (
            str(band["low"]),
            "" if band["high"] is None else str(band["high"]),
        )
        for one in said
        for name, band in one["parts"].items()
    }
    assert by_file == by_api
    assert len(lines) == len(by_file)


@pytest.mark.parametrize("asked", ["", "?period=2099", "?period=x&kreis=99999&courses=%00"])
async def test_an_unknown_period_kind_or_kreis_shows_the_latest_year_of_ones_own(
    client: ConsoleClient, asked: str
) -> None:
    await publish(client, 14)
    assert "01.01.2026 bis 30.06.2026" in await client.page(f"/outcomes{asked}")


async def test_another_kreis_is_not_shown(client: ConsoleClient) -> None:
    bands = {"began": Band(70, 74)}
    async with transaction(client.world.pool) as conn:
        await keep(conn, Publication("99002", "counselling", QUARTER, QUARTER.closes_on, 5, bands))
    assert (await client.http.get("/api/v1/outcomes?kreis=99002")).json() == []


def file(text: str) -> dict[str, tuple[str, bytes, str]]:
    return {"file": ("quelle.csv", ("quelle;stichtag;gruppe;anzahl\n" + text).encode(), "text/csv")}


async def send(client: ConsoleClient, text: str) -> str:
    page = await client.page("/outcomes/sources")
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    answer = await client.http.post(
        "/outcomes/sources", data={"csrf": found[1]}, files=file(text), follow_redirects=True
    )
    assert answer.status_code == 200 or check("/outcomes/sources", answer) == []
    return plain(answer.text)


async def test_reach_is_unknown_without_a_source_and_never_more_than_all(client: ConsoleClient) -> None:
    await publish(client, 14)
    assert cells(await client.page("/outcomes"))["reach/registered"] == ("15 bis 19", "unbekannt")
    assert "3 Zahlen wurden übernommen" in await send(
        client, "AZR;31.12.2025;alle;200\nAZR;31.12.2025;unter-27;0\nAZR;31.12.2025;verpflichtet;4\n"
    )
    rows = cells(await client.page("/outcomes"))
    assert rows["reach/registered"] == ("15 bis 19", "7 bis 10 Prozent von 200")
    assert rows["reach/young"][1] == "kein Anteil: Die Quelle zählt niemanden"
    assert "kein Anteil: Es wurden mehr angemeldet als die 4" in rows["reach/obliged"][1]
    assert rows["reach/literacy"][1] == "unbekannt"
    await send(client, "AZR;31.12.2025;alle;17\n")
    rows = cells(await client.page("/outcomes"))
    assert rows["reach/registered"][1] == "88 Prozent oder mehr von 17; die Quelle zählt vielleicht zu wenige"
    assert rows["reach/young"][1] == "unbekannt", "the same source and day are replaced as a whole"
    await send(client, "AZR;01.01.2026;alle;100\n")
    later = cells(await client.page(f"/outcomes?period={QUARTER.first}"))
    assert later["reach/registered"][1] == "15 bis 19 Prozent von 100"


async def test_a_wrong_file_is_told_by_line_and_column_and_nothing_is_taken(client: ConsoleClient) -> None:
    page = await send(client, "AZR;31.12.2025;alle;200\nAZR;31.12.2025;<b>Nirgends;-1\n")
    assert "Zeile 3, Spalte 3: „<b>Nirgends“ ist weder ein Ort des Kreises noch eine Gruppe." in page
    assert "Zeile 3, Spalte 4: „-1“ ist keine Personenzahl." in page
    assert "Noch ist nichts übernommen" in page


async def test_a_source_can_be_removed_once(client: ConsoleClient) -> None:
    await send(client, "AZR;31.12.2025;alle;200\n")
    gone = {"source": "AZR", "day": date(2025, 12, 31).isoformat()}
    assert (await client.form("/outcomes/sources/remove", **gone)).status_code == 303
    again = await client.form("/outcomes/sources/remove", **gone)
    assert again.status_code == 422
    assert "Diese Quelle gibt es nicht mehr." in again.text
