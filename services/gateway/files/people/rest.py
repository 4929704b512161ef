"""Writes the rows that were not taken as a CSV file that spreadsheets open and that can be imported again."""

import csv
import io
from collections.abc import Iterable, Sequence

from services.runtime.base.cells import defused


def write_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table that a German spreadsheet opens: semicolons, CRLF, formulas defused."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([defused(cell) for cell in header])
    for row in rows:
        writer.writerow([defused(cell) for cell in row])
    return out.getvalue()
