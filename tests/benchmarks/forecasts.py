"""How good the forecast is on the people whom the simulator invents, year by year.

`python -m tests.benchmarks.forecasts --seeds 1,2,3 [--people 1500] [--weeks 12]`; invented years of the other
kind are tested by `kurslotse steering forecast --backtest`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import date, timedelta

from services.allocation.steering.forecast.asked import tested
from services.allocation.steering.forecast.backtest import origins
from services.allocation.steering.forecast.history import UNTESTED, Cell, Registered, settled
from services.simulator.world.people import population

START = date(2026, 1, 5)


def registered(seed: int, people: int) -> list[Registered]:
    """Return who registers in a simulated year, the lists of its first weeks left out."""
    found = [
        Registered(one.registered_on, Cell(one.course_types[0], one.level or UNTESTED, one.town), 1)
        for one in population(seed, START, people)
    ]
    found.sort(key=lambda one: (one.on, one.cell))
    return list(settled(found, found[-1].on))


def table(seeds: list[int], people: int, ahead: int) -> Iterator[str]:
    """Test on simulated years: forecasts every four weeks, after eight weeks of history."""
    yield f"The simulator's years {seeds}, {people} people each."
    years = (registered(seed, people) for seed in seeds)
    tests = (
        (known, origins(known[0].on, known[-1].on + timedelta(days=1), ahead, after=8)) for known in years
    )
    yield from tested(tests, ahead)


def main() -> None:
    """Read the options and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", default="1,2,3,4")
    options.add_argument("--people", type=int, default=1500)
    options.add_argument("--weeks", type=int, default=12)
    asked = options.parse_args()
    for line in table([int(seed) for seed in asked.seeds.split(",")], asked.people, asked.weeks):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
