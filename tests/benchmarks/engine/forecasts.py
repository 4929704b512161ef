"""Measures the forecast on invented years: its errors, and how often what came lay in its ranges.

`python -m tests.benchmarks.engine.forecasts [--seeds 1,2,3] [--people 1200] [--weeks 12] [--years 1]` draws
years in
which offices send people in bunches and holidays are quiet; with `--even` it takes the people whom the
simulator invents, who come evenly.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import date, timedelta

from services.allocation.steering.commands import score_lines
from services.allocation.steering.forecast import (
    UNTESTED,
    Cell,
    DemandHistory,
    Registered,
    backtest,
    history_from,
)
from services.simulator.world.people import population
from services.simulator.year.model import Setting
from services.simulator.year.people import people_of

START = date(2026, 1, 5)


def even_year(seed: int, people: int) -> DemandHistory:
    """Return a year of the simulator, the lists of its first weeks left out."""
    found = [
        Registered(one.registered_on, Cell(one.course_types[0], one.level or UNTESTED, one.town), 1)
        for one in population(seed, START, people)
    ]
    return history_from(found, max(one.on for one in found) + timedelta(days=1))


def bunched_years(seed: int, people: int, years: int) -> DemandHistory:
    """Return invented years as the comparison with and without steering plays them."""
    setting = Setting(seed, people * years, weeks=52 * years)
    found = [
        Registered(one.arrives, Cell(one.facts.course_types[0], one.level, one.facts.town), 1)
        for one in people_of(seed, setting.start, setting.weeks, setting.people, 0)
    ]
    return history_from(found, setting.end)


def lines(options: argparse.Namespace) -> Iterator[str]:
    """Test on all years together, then count those in which the four-week mean would have been better."""
    seeds = [int(seed) for seed in options.seeds.split(",")]
    if options.even:
        years = [even_year(seed, options.people) for seed in seeds]
    else:
        years = [bunched_years(seed, options.people, options.years) for seed in seeds]
    yield f"Years {seeds}, {options.people} people in each, {'even' if options.even else 'in bunches'}."
    yield from score_lines(backtest(years, options.weeks))
    alone = [backtest([year], options.weeks) for year in years]
    for place, one in enumerate(alone[0]):
        better = sum(year[place].error <= year[place].error_four_weeks for year in alone)
        what = "sum" if one.summed else "week"
        yield f"{one.by:11} {what:5} no worse than four weeks in {better} of {len(alone)} years"


def main() -> None:
    """Read the options and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", default="0,1,2,3,4,5,6,7")
    options.add_argument("--people", type=int, default=1200)
    options.add_argument("--weeks", type=int, default=12)
    options.add_argument("--years", type=int, default=1)
    options.add_argument("--even", action="store_true")
    for line in lines(options.parse_args()):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
