"""Writes lists as CSV files and workbooks in which no cell is a formula (base/cells.py)."""

import csv
import io
import math
from collections.abc import Iterable, Sequence

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from starlette.responses import Response

from services.runtime.base.cells import guarded

PAGE_SIZE = 50
MOST_LINES = 20_000
"""Lines of a file."""


def _value(cell: object) -> str | int | float:
    """Return a number as it is and anything else as a guarded text; nothing, and no number, is empty."""
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return ""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return cell
    return guarded(str(cell))


def csv_answer(name: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Answer with a CSV file: semicolons and a byte order mark, as German spreadsheets expect."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerows([_value(cell) for cell in row] for row in (heads, *rows))
    return Response(
        "\ufeff" + text.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def xlsx_answer(name: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Answer with the same list as a workbook of one sheet; texts stay texts, numbers numbers."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(name)
    for row in (heads, *rows):
        cells = [WriteOnlyCell(sheet, _value(cell)) for cell in row]
        for cell in cells:
            if isinstance(cell.value, str):
                cell.data_type = "s"  # #REF! and the like would become errors
        sheet.append(cells)
    raw = io.BytesIO()
    book.save(raw)
    return Response(
        raw.getvalue(),
        media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers={"Content-Disposition": f'attachment; filename="{name}.xlsx"'},
    )


def guarded_copy(raw: bytes) -> bytes:
    """Return somebody's CSV file (UTF-8) as it was, with formulas in its cells guarded."""
    text = raw.decode("utf-8-sig", errors="replace")
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:  # no table, but an editor or a spreadsheet may still read it by lines
        rows = [line.split(delimiter) for line in text.splitlines()]
    safe = [[guarded(cell) for cell in row] for row in rows]
    if safe == rows:
        return raw
    copy = io.StringIO(newline="")
    csv.writer(copy, delimiter=delimiter, lineterminator="\r\n").writerows(safe)
    return copy.getvalue().encode()
