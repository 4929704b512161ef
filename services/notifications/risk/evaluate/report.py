"""Writes an evaluation as text and as a plot."""

from collections.abc import Iterator, Sequence
from html import escape

from services.notifications.risk.evaluate.replay import ANNOUNCED, HELPS_DAYS, LOOK_BACK, Score
from services.notifications.risk.evaluate.sweep import Comparison, Point

_WIDTH, _HEIGHT, _EDGE = 720, 440, 60
_MOST_LOAD = 80.0


def lines(found: Comparison) -> Iterator[str]:
    """Write an evaluation line by line."""
    exits = found.exits
    others = sum(number for _, number in exits.unannounced)
    yield f"enrolments {found.together.enrolments}, exits {exits.announced + others}"
    yield (
        f"  announced by absences (of the last {LOOK_BACK} course days {ANNOUNCED} missed, or never came):"
        f" {exits.announced}, of them never came: {exits.never_came}"
    )
    yield f"  announced, but no absence was reported before the exit was: {exits.too_late}"
    kinds = ", ".join(f"{kind} {number}" for kind, number in exits.unannounced)
    yield f"  that nobody could have seen in absences: {others} ({kinds})"
    yield ""
    yield f"A warning is right if an exit follows within {HELPS_DAYS} days; lead: days until it was told."
    yield _row("", "alerts/100", "precision", "recall", "warned", "lead p50", "lead p90", "unannounced")
    yield _scored("oracle, sees reported marks", found.oracle)
    yield _scored("all rules together", found.together)
    yield _scored("the three earlier rules", found.earlier)
    for rule, scored in found.each:
        yield _scored(f"  {rule}", scored)
    yield _scored("flat rule, 10 % missed", found.flat)
    if found.flat_at_equal_load is not None:
        point = found.flat_at_equal_load
        yield _scored(f"flat rule at equal load, {point.setting:.0%}", point.score)
    yield _scored("all rules, next-day reports", found.next_day[0])
    yield _scored("oracle, next-day reports", found.next_day[1])
    yield ""
    yield "Bounds of own_pattern, times:"
    for point in found.sweep:
        yield _scored(f"  {point.setting:.2f}", point.score)


def _row(name: str, *values: str) -> str:
    return f"{name:<34}" + "".join(f"{value:>12}" for value in values)


def _scored(name: str, one: Score) -> str:
    return _row(
        name,
        f"{one.load:.1f}",
        _share(one.precision),
        _share(one.recall),
        f"{one.warned}/{one.announced}",
        _days(one.lead(0.5)),
        _days(one.lead(0.9)),
        f"{one.unannounced_warned}/{one.unannounced}",
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _days(value: int | None) -> str:
    return "-" if value is None else f"{value} d"


def plot(found: Comparison) -> str:
    """Draw recall against alerts per 100 enrolments, as an SVG picture."""
    ceiling = found.oracle.recall or 0.0
    drawn = [
        _curve(found.sweep, "#00567d", "all rules, bounds of own_pattern varied"),
        _curve(found.flat_sweep, "#9b5200", "flat rule, share missed varied"),
        _ceiling(_y(ceiling)),
        _text(_WIDTH - 24, _y(ceiling) - 8, "oracle", anchor="end"),
        _ring(_x(found.together.load), _y(found.together.recall or 0.0)),
        _text(_EDGE + 8, _HEIGHT - _EDGE - 28, "blue: all rules, bounds of own_pattern varied"),
        _text(_EDGE + 8, _HEIGHT - _EDGE - 10, "brown: flat rule, share missed varied"),
        _text(_WIDTH / 2, _HEIGHT - 14, "alerts per 100 enrolments", anchor="middle"),
        _text(8, 24, "share of announced exits warned of"),
        *(_text(_x(load), _HEIGHT - _EDGE + 18, str(load), anchor="middle") for load in range(0, 81, 20)),
        *(_text(_EDGE - 8, _y(share / 100) + 5, f"{share} %", anchor="end") for share in range(0, 101, 25)),
    ]
    frame = (
        f'<rect x="{_EDGE}" y="{_y(1.0)}" width="{_WIDTH - _EDGE - 20}" height="{_y(0.0) - _y(1.0)}"'
        ' fill="none" stroke="#888"/>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}"'
        ' font-family="sans-serif" font-size="14" role="img"><rect width="100%" height="100%" fill="#fff"/>'
        f"{frame}{''.join(drawn)}</svg>\n"
    )


def _ceiling(y: float) -> str:
    return (
        f'<line x1="{_EDGE}" x2="{_WIDTH - 20}" y1="{y}" y2="{y}" stroke="#3b3b3b" stroke-dasharray="6 4"/>'
    )


def _ring(x: float, y: float) -> str:
    title = "<title>parameters in force</title>"
    return f'<circle cx="{x}" cy="{y}" r="6" fill="none" stroke="#00567d" stroke-width="2">{title}</circle>'


def _x(load: float) -> float:
    return round(_EDGE + (_WIDTH - _EDGE - 20) * min(load, _MOST_LOAD) / _MOST_LOAD, 1)


def _y(share: float) -> float:
    return round(_HEIGHT - _EDGE - (_HEIGHT - _EDGE - 40) * share, 1)


def _text(x: float, y: float, said: str, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(said)}</text>'


def _curve(points: Sequence[Point], colour: str, title: str) -> str:
    placed = sorted((_x(point.score.load), _y(point.score.recall or 0.0)) for point in points)
    path = " ".join(f"{x},{y}" for x, y in placed)
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in placed)
    return (
        f'<g><title>{escape(title)}</title><polyline points="{path}" fill="none" stroke="{colour}"'
        f' stroke-width="2"/>{dots}</g>'
    )
