"""The forecast: means that add up, ranges that hold, seats counted once, and better than four weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from pydantic import TypeAdapter

from services.allocation.steering.commands import forecast_lines, score_lines
from services.allocation.steering.forecast import (
    UNTESTED,
    Cell,
    DemandHistory,
    Expected,
    Forecast,
    GroupForecast,
    Registered,
    Score,
    SectionStart,
    backtest,
    expected,
    forecast,
    history_from,
    level_for,
)

DAY = date(2026, 6, 1)
A, B = "99001001", "99001002"
GENERAL, LITERACY = "integration_general", "integration_literacy"
WEEKS = 26


def steady(waiting: int = 0) -> DemandHistory:
    """Return half a year in which about as many register every week."""
    arrivals = (
        (Cell(GENERAL, "A1", A), (2, 1, 2, 3) * 6 + (2, 2)),
        (Cell(GENERAL, "none", A), (6, 7, 5, 6) * 6 + (6, 6)),
        (Cell(GENERAL, "none", B), (1, 0, 2, 1) * 6 + (1, 1)),
        (Cell(LITERACY, "none", A), (1, 1, 0, 2) * 6 + (1, 0)),
    )
    return DemandHistory(DAY, WEEKS, arrivals, ((Cell(GENERAL, "none", A), waiting),))


def group(said: Forecast, by: str, value: str = "") -> GroupForecast:
    return next(one for one in said.groups if (one.by, one.value) == (by, value))


@pytest.fixture(scope="module")
def said() -> Forecast:
    return forecast(steady(waiting=9))


def test_the_same_history_gives_the_same_forecast(said: Forecast) -> None:
    assert forecast(steady(waiting=9)) == said


@pytest.mark.parametrize("by", ["type", "level", "town", "type_level"])
def test_parts_add_up(said: Forecast, by: str) -> None:
    whole = group(said, "all")
    parts = [one for one in said.groups if one.by == by]
    assert sum(one.total.mean for one in parts) == pytest.approx(whole.total.mean, abs=0.05)
    assert sum(one.waiting for one in parts) == whole.waiting == 9
    assert [sum(week) for week in zip(*(one.past for one in parts), strict=True)] == list(whole.past)


def test_what_is_steady_goes_on(said: Forecast) -> None:
    whole, town = group(said, "all"), group(said, "town", B)
    assert [week.begins for week in whole.weeks] == [DAY + timedelta(weeks=week) for week in range(12)]
    assert len(whole.past) == 12
    for week in whole.weeks:
        assert week.demand.mean == pytest.approx(sum(whole.past) / 12, abs=0.01)
        low, high = week.demand.low80, week.demand.high80
        assert week.demand.low95 <= low <= week.demand.mean <= high <= week.demand.high95
    widths = [week.gap.high95 - week.gap.low95 for week in whole.weeks]
    assert widths == sorted(widths)
    assert widths[-1] > 2 * widths[0]
    assert 0.5 < town.weeks[0].demand.mean < 2
    assert town.weeks[0].demand.low80 == 0


def test_who_has_never_come_may_still_come() -> None:
    assert expected([0.0] * 12, 12) == Expected(0.0, 0, 0, 2, 3)


@pytest.mark.parametrize("mean", [0.4, 12.0, 900.0])
def test_without_a_past_offices_are_as_uneven_as_they_usually_are(mean: float) -> None:
    likely = mean + 0.5 / 12
    variance = likely * (1 + 1 / 12) * (1 + mean / 12)
    drawn = np.random.default_rng(1).negative_binomial(
        likely**2 / (variance - likely), likely / variance, 200_000
    )
    said = expected([mean] * 12, 1)
    ends = (said.low95, said.low80, said.high80, said.high95)
    assert ends == pytest.approx(np.quantile(drawn, (0.025, 0.1, 0.9, 0.975)), abs=1 + mean / 100)


def test_ranges_are_as_wide_as_past_errors_have_been() -> None:
    """Bunches make weeks more uneven than chance does; an appointment book makes them less so."""
    chance = np.random.default_rng(7)

    def width(counts: Sequence[float]) -> int:
        return expected(counts, 1).high80 - expected(counts, 1).low80

    by_chance = np.median([width(chance.poisson(20, 52).tolist()) for _ in range(30)])
    bunched = np.median([width(chance.poisson(20 * chance.gamma(6, 1 / 6, 52)).tolist()) for _ in range(30)])
    assert 11 <= by_chance <= 15
    assert 18 <= bunched <= 28
    assert 11 <= width([20, 20, 21, 19] * 13) <= 13


def test_those_not_tested_yet_count_towards_levels_as_others_were_tested() -> None:
    arrivals = ((Cell(GENERAL, "none", A), (3,) * 20), (Cell(GENERAL, UNTESTED, A), (0,) * 18 + (6, 6)))
    said = forecast(DemandHistory(DAY, 20, arrivals))
    assert group(said, "level", "none").total.mean > 0.9 * group(said, "all").total.mean
    assert [one.value for one in said.groups if one.by == "level" and one.total.mean] == ["none"]


def test_a_seat_counts_once_and_where_it_can_be_entered() -> None:
    def start(number: int, weeks: int, free: int) -> SectionStart:
        cell = Cell(GENERAL, level_for(GENERAL, number, None), A)
        return SectionStart("course-1", DAY + timedelta(weeks=weeks), cell, free, 16)

    starts = (start(2, 1, 3), start(3, 5, 4), start(4, 9, 4), start(5, 13, 20))
    said = forecast(replace(steady(), starts=starts))
    whole, level = group(said, "all"), group(said, "level", "A1")
    assert [week.seats for week in whole.weeks] == [0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert [week.seats for week in level.weeks] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    lost = [week.falling_free for week in whole.weeks]
    assert lost[1] == pytest.approx(16 * (1 - 0.986), abs=0.06)
    assert lost[5] == pytest.approx(16 * (0.986 - 0.986**5), abs=0.06)
    assert sum(lost) == lost[1] + lost[5] + lost[9]


def test_the_gap_is_who_waits_and_registers_less_the_seats() -> None:
    starts = (SectionStart("c", DAY + timedelta(weeks=2), Cell(GENERAL, "none", A), 500, 0),)
    whole = group(forecast(replace(steady(waiting=9), starts=starts)), "all")
    demand = sum(week.demand.mean for week in whole.weeks[:2])
    assert whole.weeks[1].gap.mean == pytest.approx(9 + demand, abs=0.1)
    assert whole.weeks[2].gap.mean < -400


def test_who_asks_too_early_is_told() -> None:
    with pytest.raises(ValueError, match="nobody has registered"):
        forecast(DemandHistory(DAY, 0, ()))


@pytest.mark.parametrize(
    ("ago", "weeks"), [(0, None), (1, (1,)), (7, (1,)), (8, (1, 0)), (14, (1, 0)), (7 * 156 + 1, None)]
)
def test_weeks_are_counted_back_from_the_day(ago: int, weeks: tuple[int, ...] | None) -> None:
    cell = Cell(GENERAL, "none", A)
    found = history_from([Registered(DAY - timedelta(days=ago), cell, 1)], DAY)
    assert dict(found.arrivals).get(cell) == weeks
    assert found.weeks == len(weeks or ())


def test_the_first_lists_of_an_installation_are_left_out_where_enough_is_left() -> None:
    cell = Cell(GENERAL, "none", A)
    known = [Registered(DAY + timedelta(weeks=week), cell, 1) for week in range(30)]
    for weeks, left in ((30, 24), (18, 12), (17, 17), (0, 0)):
        assert history_from(known, DAY + timedelta(weeks=weeks)).weeks == left
    assert history_from([], DAY) == DemandHistory(DAY, 0, ())


@pytest.mark.parametrize(
    ("course_type", "section", "target", "level"),
    [
        (GENERAL, 1, None, "none"),
        (GENERAL, 4, None, "A1"),
        (GENERAL, 7, None, "A2"),
        ("vocational", 1, "B2", "B1"),
        ("land", 1, "A1", "none"),
        ("land", 1, None, "none"),
    ],
)
def test_a_place_asks_for_a_level(course_type: str, section: int, target: str | None, level: str) -> None:
    assert level_for(course_type, section, target) == level


def drawn(seed: int) -> list[Registered]:
    """Draw a year of a Kreis whose rates are known: three types, four towns, offices that bunch."""
    chance, found = np.random.default_rng(seed), list[Registered]()
    towns, first = [f"9900100{number}" for number in range(1, 5)], date(2025, 3, 3)
    for week in range(52):
        bunch = chance.gamma(10, 0.1)
        for course_type, rate in ((GENERAL, 12), (LITERACY, 3), ("vocational", 4)):
            for town, share in zip(towns, (0.6, 0.25, 0.1, 0.05), strict=True):
                for _ in range(int(chance.poisson(rate * share * bunch))):
                    on = first + timedelta(days=week * 7 + int(chance.integers(5)))
                    level = "B1" if course_type == "vocational" else str(chance.choice(["none", "A1"]))
                    found.append(Registered(on, Cell(course_type, level, town), 1))
    return found


@pytest.fixture(scope="module")
def scores() -> dict[tuple[str, bool], Score]:
    years = [history_from(drawn(seed), date(2026, 3, 2)) for seed in range(12)]
    return {(one.by, one.summed): one for one in backtest(years, step=6)}


def test_ranges_hold_as_often_as_they_say(scores: dict[tuple[str, bool], Score]) -> None:
    """Twelve years with fixed seeds; ranges of small counts hold more often, as people are whole."""
    week, whole = scores["all", False], scores["all", True]
    assert week.forecasts == 12 * 4 * 12
    assert 0.74 <= week.inside80 <= 0.90
    assert 0.90 <= week.inside95 <= 0.99
    assert 0.70 <= whole.inside80 <= 1
    for by in ("type", "level", "town", "type_level"):
        assert scores[by, False].inside80 >= 0.8
        assert scores[by, False].inside95 >= 0.95


@pytest.mark.parametrize("by", ["all", "type", "level", "town", "type_level"])
def test_the_forecast_is_better_than_four_weeks(scores: dict[tuple[str, bool], Score], by: str) -> None:
    assert scores[by, False].error < scores[by, False].error_four_weeks
    assert scores[by, True].error < scores[by, True].error_four_weeks


def test_what_came_is_held_against_what_was_known_before() -> None:
    history = DemandHistory(DAY, 16, ((Cell(GENERAL, "none", A), (7,) * 12 + (0, 3, 0, 2)),))
    week, whole = (one for one in backtest([history], ahead=4) if one.by == "all")
    assert (week.forecasts, week.error, week.error_four_weeks) == (4, 5.75, 5.75)
    assert (whole.forecasts, whole.error) == (1, 23)
    assert backtest([history], ahead=5) == ()


def test_a_history_travels_as_plain_values() -> None:
    starts = (SectionStart("c", DAY, Cell(GENERAL, "A1", A), 5, 4),)
    whole, form = replace(steady(waiting=4), starts=starts), TypeAdapter(DemandHistory)
    assert form.validate_python(form.dump_python(whole, mode="json")) == whole


def test_the_text_names_every_part(said: Forecast) -> None:
    text = "\n".join(forecast_lines(said))
    assert all(one.value in text for one in said.groups)
    assert "waiting without a seat: 9" in text
    assert "last 4" in "\n".join(score_lines(backtest([steady()], ahead=12)))
