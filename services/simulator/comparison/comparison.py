"""Compares the same years with and without steering, figure by figure, also where steering is worse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final, Literal

from services.allocation.policy.domain import Policy
from services.simulator.year.figures import Figures, figures_of
from services.simulator.year.first_come_first_served import unsteered
from services.simulator.year.hindsight import suited
from services.simulator.year.model import Setting, year_of
from services.simulator.year.steering import Cadence, steered

STEERED, UNSTEERED, ONE_LIST = "steered", "unsteered", "one_list"
WORLDS: Final = (STEERED, UNSTEERED, ONE_LIST)
Better = Literal["more", "less", "neither"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure, by its code, and whether more or less of it is better."""

    code: str
    better: Better
    value: float | None


def metrics_of(figures: Figures) -> tuple[Metric, ...]:
    """List the figures of one world."""
    return (
        Metric("registered", "neither", figures.registered),
        Metric("suited", "neither", figures.suited),
        Metric("started", "more", figures.started),
        Metric("median_wait", "less", figures.median_wait),
        Metric("p90_wait", "less", figures.p90_wait),
        Metric("half_started_after", "less", figures.half_started_after),
        Metric("waiting", "less", figures.waiting),
        Metric("waiting_suited", "less", figures.waiting_suited),
        Metric("long_waiting", "less", figures.long_waiting),
        Metric("seat_to_come", "neither", figures.seat_to_come),
        Metric("gone", "less", figures.gone),
        *(Metric(f"lapsed_{code}", "less", count) for code, count in figures.lapsed.items()),
        Metric("courses_decided", "neither", figures.courses_decided),
        Metric("courses_started", "more", figures.courses_started),
        Metric("courses_cancelled", "less", figures.courses_cancelled),
        Metric("dropped", "less", figures.dropped),
        Metric("fill", "more", figures.fill),
        Metric("seats_unused", "less", figures.seats_unused),
        Metric("offers", "neither", figures.offers),
        Metric("declined", "less", figures.declined),
        Metric("expired", "less", figures.expired),
        Metric("travel_median", "less", figures.travel_median),
        *(
            metric
            for one in figures.classes
            for metric in (
                Metric(f"started_{one.code}", "more", one.started),
                Metric(f"median_wait_{one.code}", "less", one.median_wait),
                Metric(f"waiting_{one.code}", "less", one.waiting),
            )
        ),
    )


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure's mean, smallest and largest value over several seeds."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The steered world's figure minus another world's, over the same seeds."""

    spread: Spread
    worse_in: int
    """Seeds in which steering is worse."""


@dataclass(frozen=True, slots=True)
class Row:
    """A figure in every world, and its differences; None where a world has no such figure."""

    code: str
    better: Better
    worlds: Mapping[str, Spread | None]
    differences: Mapping[str, Difference | None]

    def worse_than(self, world: str) -> bool:
        """Return whether steering is worse on average."""
        found = self.differences[world]
        if found is None or self.better == "neither":
            return False
        return found.spread.mean < 0 if self.better == "more" else found.spread.mean > 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures of the same years in every world."""

    seeds: tuple[int, ...]
    people: int
    """The number who arrive in each year."""
    weeks: int
    cadence: Cadence
    policy: str
    """Version of the policy."""
    rows: tuple[Row, ...]

    def worse(self, world: str) -> tuple[Row, ...]:
        """List the figures in which steering is worse than a world on average."""
        return tuple(row for row in self.rows if row.worse_than(world))


def _spread(values: Sequence[float]) -> Spread | None:
    return Spread(fmean(values), min(values), max(values)) if values else None


def _difference(better: Better, pairs: Iterable[tuple[float | None, float | None]]) -> Difference | None:
    found = [one - other for one, other in pairs if one is not None and other is not None]
    spread = _spread(found)
    if spread is None:
        return None
    sign = {"more": -1, "less": 1, "neither": 0}[better]
    return Difference(spread, sum(sign * difference > 0 for difference in found))


def rows_of(years: Sequence[Mapping[str, Figures]]) -> Iterator[Row]:
    """Yield a row for each figure; `years` are the figures of each seed, by world."""
    tables = [{world: metrics_of(figures) for world, figures in year.items()} for year in years]
    for at, first in enumerate(tables[0][STEERED]):
        values = {world: [table[world][at].value for table in tables] for world in WORLDS}
        yield Row(
            first.code,
            first.better,
            {world: _spread([one for one in known if one is not None]) for world, known in values.items()},
            {
                world: _difference(first.better, zip(values[STEERED], values[world], strict=True))
                for world in WORLDS[1:]
            },
        )


def compare(
    seeds: Sequence[int],
    setting: Setting | None = None,
    *,
    policy: Policy | None = None,
    cadence: Cadence = "daily",
    progress: Callable[[int], None] = lambda _seed: None,
) -> Comparison:
    """Simulate the years of some seeds in every world; `progress` is called with each seed that is done.

    Raises:
        ValueError: there are no seeds.
    """
    if not seeds:
        raise ValueError("no seeds, nothing to compare")
    common, years = setting or Setting(), []
    for seed in seeds:
        year = year_of(replace(common, seed=seed), policy)
        could = suited(year)
        years.append(
            {
                STEERED: figures_of(steered(year, cadence), could),
                UNSTEERED: figures_of(unsteered(year), could),
                ONE_LIST: figures_of(unsteered(year, shared=True), could),
            }
        )
        progress(seed)
    return Comparison(
        seeds=tuple(seeds),
        people=common.people,
        weeks=common.weeks,
        cadence=cadence,
        policy=year.policy.version(),
        rows=tuple(rows_of(years)),
    )
