"""Every file that the console gives out: whatever publishers wrote, no cell of it is calculated."""

import csv
import io
import re
from datetime import date, timedelta

import httpx
import openpyxl
import pytest

from schemas.offices import Entitlement
from services.runtime.base.cells import unguarded
from tests.allocation.builders import OFFICE, PROVIDER, announced, registered
from tests.integration.allocation.console.client import ConsoleClient
from tests.unit.runtime.test_cells import signs_first

HOSTILE = "\u00a0\uff1dHYPERLINK(0)"
FILES = {
    "/authority/export",
    "/authority/lists/{export}",
    "/courses.csv",
    "/expired.csv",
    "/figures.csv",
    "/forecast/{task}.csv",
    "/next-course/{task}.csv",
    "/outcomes.csv",
    "/policy/travel/{table}.csv",
    "/remedies.csv",
    "/waiting.csv",
}
"""What the console gives out; all but travel times by csv_answer or xlsx_answer (see test_cells.py)."""


def cells(content: bytes, kind: str) -> list[str]:
    if kind == "csv":
        rows: list[list[object]] = [
            list(row) for row in csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";")
        ]
    else:
        sheet = openpyxl.load_workbook(io.BytesIO(content)).active
        assert sheet is not None
        rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    return [cell for row in rows for cell in row if isinstance(cell, str)]


def assert_guarded(content: bytes, kind: str, *expected: str) -> None:
    told = cells(content, kind)
    assert not [cell for cell in told if signs_first(cell) and not cell.startswith("'")]
    assert set(expected) <= {unguarded(cell) for cell in told}


@pytest.fixture
async def hostile(client: ConsoleClient) -> ConsoleClient:
    """Give courses, provider and office names that a spreadsheet would calculate."""
    await client.world.must(PROVIDER, announced("k1", title=HOSTILE, minimum=2, own_number=HOSTILE))
    await client.world.rows("UPDATE runtime.publisher SET name = $1", HOSTILE)
    await client.world.must(OFFICE, registered("p9"))
    over = Entitlement(standing="entitled", route="aufenthg_44_4", valid_until=date(2026, 1, 20))
    await client.world.must(OFFICE, registered("p10", entitlement=over))
    return client


async def test_lists_of_courses_and_people(hostile: ConsoleClient) -> None:
    for path in ("/courses.csv", "/waiting.csv", "/expired.csv", "/remedies.csv"):
        answer = await hostile.http.get(path)
        assert answer.status_code == 200, path
        assert_guarded(answer.content, "csv", *([] if path == "/remedies.csv" else [HOSTILE]))


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_lists_for_the_authority(hostile: ConsoleClient, kind: str) -> None:
    (first,) = await hostile.world.propose("p1")
    await hostile.done("/authority/send", placement=str(first))
    hostile.watch.at += timedelta(hours=1)
    answer = await hostile.form("/authority/export", format=kind, scope="all")
    assert_guarded(answer.content, kind, HOSTILE)
    (number,) = re.findall(rf"/authority/lists/([0-9a-f-]+)\?format={kind}", await hostile.page("/authority"))
    again = await hostile.http.get(f"/authority/lists/{number}?format={kind}")
    assert_guarded(again.content, kind, HOSTILE)
    if kind == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
        assert sheet is not None
        assert isinstance(sheet.cell(2, 5).value, int)


async def test_a_table_of_travel_times(hostile: ConsoleClient) -> None:
    raw = b"from_town;to_town;minutes\n99001001;99001002;15\n=cmd|'/C calc'!A0;99001001;15\n"
    answer = await hostile.http.post(
        "/policy/travel",
        data={"csrf": hostile.csrf, "skip": "1"},
        files={"file": ("ways.csv", raw, "text/csv")},
    )
    assert answer.status_code == 303, answer.text
    (table,) = {row[0] for row in await hostile.world.rows("SELECT id FROM travel_table")}
    answer = await hostile.http.get(f"/policy/travel/{table}.csv")
    assert_guarded(answer.content, "csv", "=cmd|'/C calc'!A0")


def test_no_other_page_gives_out_a_file(client: ConsoleClient) -> None:
    transport = client.http._transport  # noqa: SLF001 - the application behind it
    assert isinstance(transport, httpx.ASGITransport)
    included = [getattr(route, "original_router", None) for route in transport.app.routes]  # type: ignore[attr-defined]
    paths = {route.path for router in included if router for route in router.routes}
    found = {path for path in paths if re.search(r"csv|xlsx|export|lists", path)}
    assert {path for path in found if not path.startswith("/api/")} == FILES
