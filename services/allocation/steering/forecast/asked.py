"""What `kurslotse steering forecast` does: reads a Kreis, or draws years, and tests the forecast on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

import asyncpg

from services.allocation.steering.forecast.backtest import Point, Score, origins, points, scores
from services.allocation.steering.forecast.history import Cell, History, Registered, settled
from services.allocation.steering.forecast.reader import history_of, last_registration
from services.allocation.steering.forecast.report import score_lines, year_lines
from services.simulator.year.model import Setting
from services.simulator.year.people import people_of


async def history(conn: asyncpg.Connection, kreis: str, day: date | None, weeks: int) -> History:
    """Read the history of a Kreis.

    Raises:
        ValueError: nobody has registered there.
    """
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        last = await last_registration(conn, kreis)
        if day is None and last is None:
            raise ValueError(f"nobody has ever registered in {kreis}")
        return await history_of(conn, kreis, day or (last or date.min) + timedelta(days=1), weeks)


def of_kreis(registered: Sequence[Registered], ahead: int) -> Iterator[str]:
    """Test on what a database holds, after some weeks of warming up.

    Raises:
        ValueError: that is too little.
    """
    if not registered:
        raise ValueError("nobody has ever registered")
    last = registered[-1].on
    kept = settled(registered, last)
    first = kept[0].on
    days = origins(first, last + timedelta(days=1), ahead, after=8)
    if not days:
        raise ValueError(f"registrations from {first} to {last} are too few weeks to test on")
    yield f"Registrations from {first} to {last}; weeks of warming up are left out."
    yield from score_lines(scores(points(kept, days, ahead)), len(days))


def arrivals_of(seed: int, people: int, years: int = 1) -> tuple[list[Registered], Setting]:
    """Return who registers in invented years, so many people in each."""
    setting = Setting(seed, people * years, weeks=52 * years)
    cells = (
        (one.arrives, Cell(one.facts.course_types[0], one.level, one.facts.town))
        for one in people_of(seed, setting.start, setting.weeks, setting.people, setting.people // 8)
        if one.arrives >= setting.start
    )
    return [Registered(on, cell, 1) for on, cell in sorted(cells)], setting


def invented(seeds: Iterable[int], people: int, ahead: int, years: int = 1) -> Iterator[str]:
    """Test on invented years: forecasts every four weeks, after twelve weeks of history.

    Of several years the last one is forecast: only then there is a season to be known.
    """
    yield f"Invented years with {people} people arriving in each; no ends of courses in them."
    known = (arrivals_of(seed, people, years) for seed in seeds)
    tests = (
        (registered, origins(setting.start, setting.end, ahead, after=52 * (years - 1) or 12))
        for registered, setting in known
    )
    yield from tested(tests, ahead)


def tested(years: Iterable[tuple[Sequence[Registered], Sequence[date]]], ahead: int) -> Iterator[str]:
    """Test on years, each as who registered and the days on which is forecast; print the tables."""
    found: list[Point] = []
    by_year: list[tuple[Score, ...]] = []
    tried = 0
    for registered, days in years:
        of_year = list(points(registered, days, ahead))
        found += of_year
        by_year.append(scores(of_year))
        tried += len(days)
    yield from score_lines(scores(found), tried)
    yield ""
    yield from year_lines(by_year)
