"""Defines totals of completed courses and suppresses figures of cohorts in which a small group shows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import median
from uuid import UUID

STAGES = ("registered", "tested", "proposed", "started", "completed")
"""How far a person has come; each stage contains the next ones."""


@dataclass(frozen=True, slots=True)
class CourseOutcome:
    """Totals of a completed course as its provider reported them, and how many had started."""

    course: UUID
    kreis: str
    completed_on: date
    started: int
    finished: int
    sat: int
    b1: int
    a2: int
    below: int
    lid: int
    qualified: int
    version: int = 1


@dataclass(frozen=True, slots=True)
class Shown:
    """What may be shown of a number: None is suppressed, which is not zero."""

    value: int | None


def shown(value: int, of: int, k: int) -> Shown:
    """Suppress a part of a whole if it, or what is left of the whole, is a small group."""
    small = 0 < value < k or 0 < of - value < k
    return Shown(None if small else value)


def shown_cells(cells: Mapping[str, int], k: int) -> dict[str, Shown]:
    """Suppress small cells of a table whose total is known; a single gap is closed by a second one."""
    hidden = {name for name, value in cells.items() if 0 < value < k}
    if len(hidden) == 1 or (hidden and sum(cells[name] for name in hidden) < k):
        rest = sorted((value, name) for name, value in cells.items() if name not in hidden and value > 0)
        hidden |= {name for _, name in rest[:1]}
    return {name: Shown(None if name in hidden else value) for name, value in cells.items()}


def shown_stages(stages: Sequence[int], k: int) -> tuple[Shown, ...]:
    """Suppress nested counts, each part of the one before: no count and no step between two is small.

    A stage is shown only if it differs from the last shown one by nothing or at least k.
    """
    result: list[Shown] = []
    last: int | None = None
    for value in stages:
        fine = not 0 < value < k and (last is None or not 0 < last - value < k)
        result.append(Shown(value if fine else None))
        last = value if fine else last
    return tuple(result)


@dataclass(frozen=True, slots=True)
class Wait:
    """A median wait in days with its n and where it starts; None: fewer than k people."""

    start: str
    n: int | None
    median_days: float | None


def wait(start: str, days: Iterable[int], k: int) -> Wait:
    """Take the median of waits that have ended."""
    known = sorted(days)
    if len(known) < k:
        return Wait(start, None if known else 0, None)
    return Wait(start, len(known), float(median(known)))


def again(before: CourseOutcome, after: CourseOutcome) -> CourseOutcome:
    """Replace totals that were reported before; who had started is known from then."""
    return replace(after, started=before.started, version=before.version + 1)
