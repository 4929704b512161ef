"""Suppresses small cells, and cells from which a small one could be worked out."""

from collections.abc import Mapping
from datetime import date, timedelta


def suppress(parts: Mapping[str, int], k: int) -> dict[str, int | None]:
    """Suppress cells of a table whose total is published too: None stands for a suppressed one.

    A cell from 1 to k-1 is suppressed; 0 stays 0. If exactly one is, the smallest other cell that is
    not 0 goes too, or else the total would give the first away.

    >>> suppress({"a": 2, "b": 9, "c": 5}, 3)
    {'a': None, 'b': 9, 'c': None}
    >>> suppress({"a": 0, "b": 9}, 3)
    {'a': 0, 'b': 9}
    """
    hidden = {name for name, value in parts.items() if 0 < value < k}
    if len(hidden) == 1:
        others = sorted((value, name) for name, value in parts.items() if name not in hidden and value > 0)
        hidden |= {name for _, name in others[:1]}
    return {name: None if name in hidden else value for name, value in parts.items()}


def table(name: str, parts: Mapping[str, int], k: int) -> dict[str, int | None]:
    """Suppress a table with its total; a total below k, or with a single suppressed cell, is suppressed too.

    >>> table("alerts", {"x": 2, "y": 0}, 3)
    {'alerts_x': None, 'alerts_y': 0, 'alerts_total': None}
    """
    cells = suppress(parts, k)
    total = sum(parts.values())
    hidden = [cell for cell in cells if cells[cell] is None]
    alone = len(hidden) == 1
    told: dict[str, int | None] = {f"{name}_{cell}": value for cell, value in cells.items()}
    told[f"{name}_total"] = None if alone or 0 < total < k else total
    return told


def last_week(today: date) -> date:
    """Return the Monday of the last week that is over.

    >>> last_week(date(2026, 3, 4))
    datetime.date(2026, 2, 23)
    """
    return today - timedelta(days=today.weekday() + 7)
