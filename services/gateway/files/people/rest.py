"""Writes the rows that were not taken as a CSV file that spreadsheets open and that can be imported again."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

_DANGEROUS = re.compile(r"^'*[\s\u200b\ufeff]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")


def guarded(cell: str) -> str:
    """Write a cell so that no spreadsheet takes it for a formula; reading takes one apostrophe away.

    >>> guarded("=1+1"), guarded("'=1+1")
    ("'=1+1", "''=1+1")
    """
    return f"'{cell}" if _DANGEROUS.match(cell) else cell


def write_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table that a German spreadsheet opens: semicolons, CRLF, formulas defused."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([guarded(cell) for cell in header])
    for row in rows:
        writer.writerow([guarded(cell) for cell in row])
    return out.getvalue()
