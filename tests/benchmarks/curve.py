"""Draws figures against a load, both in powers of ten."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 640, 400, 70, 20, 170, 50
_COLOURS = ("#b00020", "#e07a5f", "#003d7a", "#5a9bd4")


@dataclass(frozen=True, slots=True)
class Line:
    """A name, and its points: load and figure, both above 0."""

    name: str
    points: Sequence[tuple[float, float]]


def svg(lines: Sequence[Line], *, across: str, up: str) -> str:
    """Return the picture; raises ValueError without any point."""
    points = [point for line in lines for point in line.points]
    if not points:
        raise ValueError("nothing to draw")
    x_axis, y_axis = _decades(x for x, _ in points), _decades(y for _, y in points)

    def x(value: float) -> float:
        return _LEFT + _along(value, x_axis) * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - _along(value, y_axis) * (_HEIGHT - _TOP - _BOTTOM)

    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    drawn = [
        f'<path d="M{x(10**n):.0f} {_TOP}V{bottom}" stroke="#ddd"/>'
        f'<text x="{x(10**n):.0f}" y="{bottom + 16}" text-anchor="middle">{10**n:,}</text>'
        for n in x_axis
    ] + [
        f'<path d="M{_LEFT} {y(10**n):.0f}H{right}" stroke="#ddd"/>'
        f'<text x="{_LEFT - 6}" y="{y(10**n) + 4:.0f}" text-anchor="end">{10**n:,}</text>'
        for n in y_axis
    ]
    for number, line in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        way = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line.points)
        drawn.append(f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn.append(
            f'<text x="{right + 10}" y="{_TOP + 16 + 18 * number}" fill="{colour}">{line.name}</text>'
        )
    middle = (_TOP + bottom) / 2
    drawn += [
        f'<text x="{(_LEFT + right) / 2:.0f}" y="{_HEIGHT - 10}" text-anchor="middle">{across}</text>',
        f'<text transform="translate(16 {middle:.0f}) rotate(-90)" text-anchor="middle">{up}</text>',
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}"'
        f' font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(drawn)}</svg>\n"
    )


def _decades(values: Iterable[float]) -> range:
    """Return the powers of ten around these values."""
    found = [math.log10(value) for value in values]
    low, high = math.floor(min(found)), math.ceil(max(found))
    return range(low, max(high, low + 1) + 1)


def _along(value: float, axis: range) -> float:
    return (math.log10(value) - axis[0]) / (axis[-1] - axis[0])
