"""Writes lists as CSV files and workbooks in which no cell is a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

from openpyxl import Workbook
from starlette.responses import Response

_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
PAGE_SIZE = 50
MOST_LINES = 20_000
"""Lines of a file."""


def guarded(cell: object) -> str:
    """Return a cell that no spreadsheet takes for a formula; plain numbers stay numbers.

    >>> guarded("=1+1"), guarded(-3), guarded(None), guarded(" @x")
    ("'=1+1", '-3', '', "' @x")
    """
    if cell is None:
        return ""
    if isinstance(cell, int | float):
        return str(cell)
    text = str(cell)
    return "'" + text if text.lstrip(" ").startswith(_RISKY) or text.startswith(_RISKY) else text


def csv_answer(name: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Answer with a CSV file: semicolons and a byte order mark, as German spreadsheets expect."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow([guarded(head) for head in heads])
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return Response(
        "\ufeff" + text.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def xlsx_answer(name: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Answer with the same list as a workbook of one sheet; texts stay texts."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(name)
    sheet.append([guarded(head) for head in heads])
    for row in rows:
        sheet.append([cell if isinstance(cell, int | float) else guarded(cell) for cell in row])
    raw = io.BytesIO()
    book.save(raw)
    return Response(
        raw.getvalue(),
        media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers={"Content-Disposition": f'attachment; filename="{name}.xlsx"'},
    )
