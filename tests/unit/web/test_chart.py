"""Tests where the chart of weeks draws things."""

import pytest

from services.allocation.console.questions.chart import BOTTOM, LEFT, TOP, Point, drawn


def counted(*values: float) -> list[Point]:
    return [Point(str(at), "", value) for at, value in enumerate(values)]


def expected(mean: float, *ranges: tuple[float, float]) -> Point:
    return Point("later", "", mean, ranges)


def test_counts_stand_on_zero_and_ranges_round_their_mean() -> None:
    chart = drawn([*counted(10, 0), expected(8, (2, 16), (5, 12))])
    first, nothing, later = chart.marks
    assert first.bar is not None
    assert first.bar.y + first.bar.height == pytest.approx(chart.zero, abs=0.2)
    assert nothing.bar is not None
    assert nothing.bar.height < 2
    wide, narrow = later.ranges
    assert wide.y < narrow.y < (later.mean or 0)
    assert (later.mean or 0) < narrow.y + narrow.height < wide.y + wide.height
    assert first.mean is None
    assert later.bar is None
    assert chart.today == pytest.approx(LEFT + (100 - LEFT) * 2 / 3, abs=0.01)


@pytest.mark.parametrize("values", [(0.0,), (3.0, 250.0), (-7.0, -2.0), (-40.0, 1300.0)])
def test_everything_lies_within_the_scale(values: tuple[float, ...]) -> None:
    chart = drawn([expected(value, (value - 1, value + 1)) for value in values])
    assert 2 <= len(chart.ticks) <= 8
    assert 0 in [number for _, number in chart.ticks]
    assert {y for y, _ in chart.ticks} >= {float(TOP), float(BOTTOM)}
    for mark in chart.marks:
        assert all(box.y >= TOP and box.y + box.height <= BOTTOM for box in mark.ranges)
        assert mark.x + mark.width <= 100
    assert chart.today is None


def test_a_few_days_are_named() -> None:
    chart = drawn(counted(*range(24)))
    assert [mark.label for mark in chart.marks if mark.label] == ["0", "4", "8", "12", "16", "20"]
