"""The forecast: coherent sums, honest ranges, seats counted once, and better than doing without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from services.allocation.steering.forecast.asked import arrivals_of
from services.allocation.steering.forecast.backtest import (
    Point,
    Score,
    by_chance,
    origins,
    pinball,
    points,
    scores,
)
from services.allocation.steering.forecast.history import (
    UNTESTED,
    Afterwards,
    Cell,
    CourseEnd,
    History,
    Registered,
    Repeated,
    SectionEnd,
    SectionStart,
    by_week,
    level_for,
    settled,
)
from services.allocation.steering.forecast.model import Forecast, forecast, naive
from services.allocation.steering.forecast.rates import Ints, chances, remembered, season
from services.allocation.steering.forecast.reader import read, written
from services.allocation.steering.forecast.report import lines, score_lines

DAY = date(2026, 6, 1)
A, B = "99001001", "99001002"
GENERAL, LITERACY = "integration_general", "integration_literacy"
WEEKS = 26


def steady(**more: int) -> History:
    """Return half a year in which about as many register every week."""
    arrivals = {
        Cell(GENERAL, "none", A): (6, 7, 5, 6) * 6 + (6, 6),
        Cell(GENERAL, "A1", A): (2, 1, 2, 3) * 6 + (2, 2),
        Cell(GENERAL, "none", B): (1, 0, 2, 1) * 6 + (1, 1),
        Cell(LITERACY, "none", A): (1, 1, 0, 2) * 6 + (1, 0),
    }
    return History(DAY, WEEKS, arrivals, {Cell(GENERAL, "none", A): more.get("waiting", 0)})


@pytest.fixture(scope="module")
def said() -> Forecast:
    return forecast(steady(waiting=9))


def means(said: Forecast, by: str) -> float:
    return sum(group.total.mean for group in said.groups if group.by == by)


def test_the_same_history_gives_the_same_forecast(said: Forecast) -> None:
    assert forecast(steady(waiting=9)) == said


@pytest.mark.parametrize("by", ["type", "level", "town", "type_level"])
def test_parts_add_up(said: Forecast, by: str) -> None:
    whole = said.group("all")
    assert whole is not None
    assert means(said, by) == pytest.approx(whole.total.mean, abs=0.2)
    assert sum(group.waiting for group in said.groups if group.by == by) == whole.waiting == 9


def test_what_is_steady_goes_on(said: Forecast) -> None:
    whole, town = said.group("all"), said.group("town", B)
    assert whole is not None
    assert town is not None
    assert [week.begins for week in whole.weeks] == [DAY + timedelta(weeks=week) for week in range(12)]
    for week in whole.weeks:
        assert 8 < week.demand.mean < 13
        low, high = week.demand.low80, week.demand.high80
        assert week.demand.low95 <= low <= week.demand.mean <= high <= week.demand.high95
    assert whole.weeks[-1].demand.high95 >= whole.weeks[0].demand.high95
    assert 0.5 < town.weeks[0].demand.mean < 2
    assert town.weeks[0].demand.low80 == 0


def test_small_towns_lean_on_the_kreis() -> None:
    """A town that never had anybody of a type gets some of it, by its share of everybody else."""
    history = steady()
    arrivals = dict(history.arrivals) | {Cell("integration_support", "none", A): (0,) * 25 + (1,)}
    said = forecast(History(DAY, WEEKS, arrivals, {}))
    type_, town = said.group("type", "integration_support"), said.group("town", B)
    assert type_ is not None
    assert town is not None
    alone = forecast(history).group("town", B)
    assert alone is not None
    assert 0 < type_.total.mean < 12
    assert type_.total.high95 >= 2
    assert abs(town.total.mean - alone.total.mean) < 3


def test_those_not_tested_yet_count_towards_levels_as_others_were_tested() -> None:
    arrivals = {Cell(GENERAL, "none", A): (3,) * 20, Cell(GENERAL, UNTESTED, A): (0,) * 18 + (6, 6)}
    said = forecast(History(DAY, 20, arrivals, {}))
    none = said.group("level", "none")
    whole = said.group("all")
    assert none is not None
    assert whole is not None
    assert said.group("level", UNTESTED) is None
    assert none.total.mean > 0.9 * whole.total.mean


def test_people_whose_course_ends_come_for_the_next_one() -> None:
    ends = (CourseEnd(DAY + timedelta(days=10), GENERAL, None, 40),)
    usual = forecast(steady())
    history = steady()
    more = forecast(
        History(DAY, WEEKS, history.arrivals, history.waiting, ends, (), Afterwards(200, 100)),
    )
    before, after = usual.group("type_level", "vocational/B1"), more.group("type_level", "vocational/B1")
    assert before is not None
    assert after is not None
    assert 12 < after.total.mean - before.total.mean < 26  # about half of 40
    assert after.weeks[0].demand.mean == pytest.approx(before.weeks[0].demand.mean, abs=0.1)
    assert after.weeks[2].demand.mean > before.weeks[2].demand.mean + 1
    later = CourseEnd(DAY + timedelta(days=10), "vocational", "C2", 40)
    above = forecast(History(DAY, WEEKS, history.arrivals, {}, (later,)))
    assert above.group("level", "C2") is None  # nobody has ever registered with it


def test_a_seat_counts_once_and_where_it_can_be_entered() -> None:
    def start(number: int, weeks: int, free: int) -> SectionStart:
        on = DAY + timedelta(weeks=weeks)
        return SectionStart("course-1", on, number, GENERAL, None, A, free, 16)

    starts = (start(2, 1, 3), start(3, 5, 4), start(4, 9, 4), start(5, 13, 20))
    history = steady()
    said = forecast(History(DAY, WEEKS, history.arrivals, {}, (), starts))
    whole, level = said.group("all"), said.group("level", "A1")
    assert whole is not None
    assert level is not None
    assert [week.seats for week in whole.weeks] == [0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert [week.seats for week in level.weeks] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    lost = [week.falling_free for week in whole.weeks]
    assert lost[1] == pytest.approx(16 * (1 - 0.986), abs=0.06)
    assert lost[5] == pytest.approx(16 * (0.986 - 0.986**5), abs=0.06)
    assert sum(lost) == lost[1] + lost[5] + lost[9]


def test_the_gap_is_who_waits_and_registers_less_the_seats() -> None:
    starts = (SectionStart("c", DAY + timedelta(weeks=2), 1, GENERAL, None, A, 500, 0),)
    history = steady(waiting=9)
    whole = forecast(History(DAY, WEEKS, history.arrivals, history.waiting, (), starts)).group("all")
    assert whole is not None
    demand = sum(week.demand.mean for week in whole.weeks[:2])
    assert whole.weeks[1].gap.mean == pytest.approx(9 + demand, abs=0.1)
    assert whole.weeks[2].gap.mean < -400


def test_who_asks_too_early_is_told() -> None:
    with pytest.raises(ValueError, match="nobody has registered"):
        forecast(History(DAY, 0, {}, {}))


@pytest.mark.parametrize(
    ("ago", "weeks"), [(0, None), (1, (1,)), (7, (1,)), (8, (1, 0)), (14, (1, 0)), (365, None)]
)
def test_weeks_are_counted_back_from_the_day(ago: int, weeks: tuple[int, ...] | None) -> None:
    cell = Cell(GENERAL, "none", A)
    known, counts = by_week([Registered(DAY - timedelta(days=ago), cell, 1)], DAY, 52)
    assert counts.get(cell) == weeks
    assert known == len(weeks or ())


def test_the_first_lists_of_an_installation_are_left_out_where_enough_is_left() -> None:
    cell = Cell(GENERAL, "none", A)
    known = [Registered(DAY + timedelta(weeks=week), cell, 1) for week in range(30)]
    assert list(settled(known, DAY + timedelta(weeks=30))) == known[6:]
    assert list(settled(known, DAY + timedelta(weeks=18))) == known[6:]
    assert list(settled(known, DAY + timedelta(weeks=17))) == known
    assert list(settled([], DAY)) == []


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


def _dispersion(counts: Sequence[int]) -> float:
    found = remembered(np.asarray(counts, dtype=np.int64), np.ones(len(counts)))
    weights = chances([one.likelihood for one in found])
    return float(sum(weight * one.dispersion for weight, one in zip(weights, found, strict=True)))


def test_weeks_are_as_uneven_as_they_have_been() -> None:
    """Bunches make weeks more uneven than chance does; a number of appointments a week makes them less so."""
    chance = np.random.default_rng(7)
    by_chance = [_dispersion(chance.poisson(20, 52).tolist()) for _ in range(30)]
    bunched = [_dispersion(chance.poisson(20 * chance.gamma(6, 1 / 6, 52)).tolist()) for _ in range(30)]
    assert 0.8 < np.median(by_chance) < 1.5
    assert 3 < np.median(bunched) < 6
    assert _dispersion([20, 20, 21, 19] * 13) < 0.4


def test_what_has_changed_is_followed_and_what_stays_is_remembered() -> None:
    def keeps(counts: Sequence[int]) -> float:
        found = remembered(np.asarray(counts, dtype=np.int64), np.ones(len(counts)))
        return max(found, key=lambda one: one.likelihood).keeps

    chance = np.random.default_rng(3)
    steady_ = [keeps(chance.poisson(20, 52).tolist()) for _ in range(15)]
    changed = [keeps([*chance.poisson(10, 30), *chance.poisson(40, 22)]) for _ in range(15)]
    assert np.median(steady_) >= 0.98
    assert max(changed) <= 0.9


def _years_with_summers(chance: np.random.Generator, weeks: int, quiet: float) -> Ints:
    """Draw weeks that end before DAY; in six weeks of each summer fewer come."""
    days = [DAY + timedelta(weeks=week - weeks) for week in range(weeks)]
    return chance.poisson([25 * (quiet if 26 <= day.isocalendar().week <= 31 else 1) for day in days]).astype(
        np.int64
    )


def test_a_season_is_seen_after_a_year_and_not_where_there_is_none() -> None:
    chance = np.random.default_rng(5)
    _, ahead = season(_years_with_summers(chance, 156, 0.4), DAY, 12)
    summer = [26 <= (DAY + timedelta(weeks=week)).isocalendar().week <= 31 for week in range(12)]
    inside = float(np.mean([one for one, is_in in zip(ahead, summer, strict=True) if is_in]))
    assert inside < 0.7
    assert ahead[0] > 0.9
    _, none = season(_years_with_summers(chance, 156, 1), DAY, 12)
    assert np.abs(none - 1).max() < 0.12
    _, short = season(_years_with_summers(chance, 51, 0.4), DAY, 12)
    assert (short == 1).all()


def test_who_repeats_a_section_waits_again_when_it_ends() -> None:
    ends = (SectionEnd(DAY + timedelta(days=24), GENERAL, "A1", 60),)
    usual = forecast(steady()).group("type_level", f"{GENERAL}/A1")
    more = forecast(replace(steady(), section_ends=ends, repeated=Repeated(100, 30))).group(
        "type_level", f"{GENERAL}/A1"
    )
    assert usual is not None
    assert more is not None
    added = [
        after.demand.mean - before.demand.mean for before, after in zip(usual.weeks, more.weeks, strict=True)
    ]
    assert 11 < added[3] < 19  # a quarter or so of 60, less those who leave until then
    assert max(abs(one) for week, one in enumerate(added) if week != 3) < 0.2


def test_a_range_costs_what_it_misses_and_what_it_wastes() -> None:
    narrow, wide, off = (
        pinball(10, (6, 8, 12, 14)),
        pinball(10, (0, 2, 18, 20)),
        pinball(10, (20, 21, 25, 27)),
    )
    assert narrow < wide < off
    low, _, _, high = by_chance(100)
    assert (low, high) == (81, 120)
    assert by_chance(0) == (0, 0, 0, 0)


def test_naive_forecasts_are_what_they_say() -> None:
    assert naive([9, 1, 2, 3, 4], 1) == 4
    assert naive([9, 1, 2, 3, 4], 4) == 2.5
    assert naive([], 4) == 0


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


def held() -> Iterator[Point]:
    for seed in range(6):
        days = origins(date(2025, 3, 3), date(2026, 3, 2), 12, step=6)
        yield from points(drawn(seed), days, 12)


@pytest.fixture(scope="module")
def known() -> dict[tuple[str, bool], Score]:
    return {(one.by, one.summed): one for one in scores(held())}


def test_ranges_hold_as_often_as_they_say(known: dict[tuple[str, bool], Score]) -> None:
    """Six years with fixed seeds; counts are whole people, so that ranges of small ones hold more often."""
    week, whole = known["all", False], known["all", True]
    assert week.n == 6 * 5 * 12
    assert 0.74 <= week.inside80 <= 0.90
    assert 0.90 <= week.inside95 <= 0.99
    assert 0.70 <= whole.inside80 <= 1
    for by in ("type", "level", "town", "type_level"):
        assert known[by, False].inside80 >= 0.8
        assert known[by, False].inside95 >= 0.95


@pytest.mark.parametrize("by", ["all", "type", "level", "town", "type_level"])
def test_the_forecast_is_better_than_doing_without(known: dict[tuple[str, bool], Score], by: str) -> None:
    for summed in (False, True):
        assert known[by, summed].better_than_naive
        assert known[by, summed].error_last_week > known[by, summed].error


def test_what_came_is_counted_in_its_week() -> None:
    cell = Cell(GENERAL, "none", A)
    before = [Registered(DAY - timedelta(days=day), cell, 1) for day in range(1, 71)]
    after = [Registered(DAY + timedelta(days=8), cell, 3), Registered(DAY + timedelta(days=27), cell, 2)]
    late = Registered(DAY + timedelta(days=28), cell, 50)
    found = [point for point in points([*before, *after, late], [DAY], 4) if point.by == "all"]
    assert [point.came for point in found if not point.summed] == [0, 3, 0, 2]
    assert [point.came for point in found if point.summed] == [5]
    assert {point.last_four for point in found if not point.summed} == {7.0}


def test_an_invented_year_can_be_tested_on() -> None:
    registered, setting = arrivals_of(2, 150)
    assert Counter(one.on >= setting.start for one in registered) == {True: 150}
    days = origins(setting.start, setting.end, 12)
    assert len(days) == 8
    assert days[-1] + timedelta(weeks=12) <= setting.end
    text = "\n".join(score_lines(scores(points(registered, days[:1], 12)), 1))
    assert "last 12" in text


def test_a_history_travels_as_plain_values() -> None:
    history = steady(waiting=4)
    whole = History(
        DAY,
        WEEKS,
        history.arrivals,
        history.waiting,
        (CourseEnd(DAY, GENERAL, None, 4),),
        (SectionStart("c", DAY, 1, GENERAL, None, A, 5, 4),),
        Afterwards(9, 2),
        (SectionEnd(DAY, GENERAL, "A1", 7),),
        Repeated(40, 3),
    )
    assert read(written(whole)) == whole


def test_the_text_names_every_part(said: Forecast) -> None:
    text = "\n".join(lines(said))
    assert all(group.value in text for group in said.groups)
    assert "waiting without a seat: 9" in text
