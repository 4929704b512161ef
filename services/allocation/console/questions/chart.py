"""A chart of weeks drawn by the server: counts as bars, expected ones as ranges.

Widths are per cent and heights pixels, so that letters keep their size on a telephone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Final

HEIGHT: Final = 260
TOP: Final = 14
BOTTOM: Final = 222
"""Pixels from above between which values are drawn."""
LEFT: Final = 9.0
"""Per cent of the width for the scale."""
LABELS: Final = 6
TICKS: Final = 5


@dataclass(frozen=True, slots=True)
class Point:
    """A week: the day below it, what a pointer tells, its value, and the ranges round it, the widest first.

    Without a range the value was counted.
    """

    label: str
    said: str
    value: float
    ranges: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """From above, and how high; pixels."""

    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A week as drawn: `x`, `middle` and `width` in per cent."""

    x: float
    middle: float
    width: float
    label: str
    said: str
    bar: Box | None
    ranges: tuple[Box, ...]
    mean: float | None


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as drawn: marks, lines of the scale with their numbers, the line of zero, where today is."""

    marks: tuple[Mark, ...]
    ticks: tuple[tuple[float, int], ...]
    zero: float
    today: float | None
    """Per cent; None: nothing was counted."""


def _step(span: float) -> int:
    """Choose how far the lines of the scale are apart: 1, 2 or 5 times a power of ten."""
    step = 1
    while span / step > TICKS:
        step = step * 2 if str(step)[0] != "2" else step * 5 // 2
    return step


def _every(number: int) -> int:
    return max(1, ceil(number / LABELS))


def drawn(points: Sequence[Point]) -> Chart:
    """Draw the weeks; at least one."""
    values = [end for point in points for pair in point.ranges for end in pair]
    values += [0.0, *(point.value for point in points)]
    step = _step(max(1.0, max(values) - min(values)))
    low, high = floor(min(values) / step) * step, max(ceil(max(values) / step) * step, step)
    scale = (BOTTOM - TOP) / (high - low)

    def y(value: float) -> float:
        return round(BOTTOM - (value - low) * scale, 1)

    def box(one: float, other: float) -> Box:
        top, bottom = y(max(one, other)), y(min(one, other))
        return Box(top, max(1.5, round(bottom - top, 1)))

    slot = (100 - LEFT) / len(points)
    marks = []
    for at, point in enumerate(points):
        x = LEFT + slot * (at + 0.12)
        marks.append(
            Mark(
                round(x, 3),
                round(LEFT + slot * (at + 0.5), 3),
                round(slot * 0.76, 3),
                point.label if at % _every(len(points)) == 0 else "",
                point.said,
                None if point.ranges else box(point.value, 0),
                tuple(box(*pair) for pair in point.ranges),
                y(point.value) if point.ranges else None,
            )
        )
    counted = sum(not point.ranges for point in points)
    return Chart(
        tuple(marks),
        tuple((y(value), value) for value in range(low, high + 1, step)),
        y(0),
        round(LEFT + slot * counted, 3) if 0 < counted < len(points) else None,
    )
