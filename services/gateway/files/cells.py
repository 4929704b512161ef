"""Defines what a cell of a table can hold."""

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum

from services.gateway.files.text import clean


class Mark(Enum):
    """Why a cell holds no value that can be used, as a code of the catalogue."""

    ERROR = "cell_error"
    MERGED = "cell_merged"
    NOT_CALCULATED = "formula_without_value"
    CONFLICT = "column_twice"
    UNREADABLE = "value_unreadable"


Cell = str | int | float | bool | date | datetime | time | Mark | None


@dataclass(frozen=True, slots=True)
class NotReadable:
    """A value that cannot be read: why, as a code of the catalogue."""

    code: str = "value_unreadable"


def plain(cell: Cell) -> str:
    """Write a cell as clean text."""
    if cell is None or isinstance(cell, Mark):
        return ""
    if isinstance(cell, str):
        return clean(cell)
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
