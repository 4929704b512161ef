"""Tells Prometheus what came of courses and how long people had waited: sums of published bands.

A counter that moved with each completion would show a single person's to whoever looks every 15 seconds.
These move when a quarter is published, eight weeks after its end, by the lower ends of its bands: "at least
so many". They start at the sum of all that was published, so that a restart sets nothing back
(docs/metrics.md, docs/decisions/0036).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from services.allocation.figures.sums import Total, totals_of
from services.runtime.bookkeeping.publications import published
from services.runtime.data.db import Pool, transaction
from services.runtime.disclosure.figures import Publication
from services.texts.figures import READABLE, WITHIN_WEEKS, Courses

RESULTS = ("qualified", "completed", "left")
"""Exclusive: qualified completion, completion without it being told, left before the end."""
WEEK_SECONDS = 7 * 86_400
BUCKETS = tuple(sorted(weeks * WEEK_SECONDS for weeks in WITHIN_WEEKS))
"""Upper ends in seconds: 3, 6 (IntV § 7(4)), 12 and 26 weeks."""
UNTOLD = Total(0, None, 1, 1)
"""A part that a publication does not have: of an earlier version, or never told for so few."""
ALL = "all"
"""The kind of quarters that were published before kinds were kept apart."""


class CompletionMetrics(Collector):
    """Counters and a histogram made of what was published; empty until the first refresh."""

    def __init__(self, registry: CollectorRegistry, pool: Pool) -> None:
        self._pool = pool
        self._told: Sequence[Publication] = ()
        registry.register(self)

    async def refresh(self, _now: datetime) -> int:
        """Read what was published; nothing in the business has been done by it."""
        async with transaction(self._pool) as conn:
            self._told = await published(conn)
        return 0

    def show(self, told: Sequence[Publication]) -> None:
        """Show these publications."""
        self._told = told

    def collect(self) -> Iterator[Metric]:
        """Return the metrics, each label value from the start."""
        results = CounterMetricFamily(
            "kurslotse_course_results",
            "People in completed courses, at least, by what came of it; moves when a quarter is published.",
            labels=["kreis", "course_type", "result"],
        )
        waits = HistogramMetricFamily(
            "kurslotse_waiting_seconds",
            "Time without a seat before the first day, people at least; moves when a quarter is published.",
            labels=["kreis", "course_type"],
        )
        kreise = sorted({one.kreis for one in self._told})
        for kreis in kreise:
            own = [one for one in self._told if one.kreis == kreis]
            for kind in (*Courses, ALL):
                for result, number in _results(own, kind).items():
                    results.add_metric([kreis, kind, result], number)
                if kind != ALL:
                    buckets = list(_buckets(own, kind))
                    waits.add_metric([kreis, kind], buckets, sum_value=None)
        yield results
        yield waits


def _totals(told: Iterable[Publication], question: str, kind: str) -> Iterator[Mapping[str, Total]]:
    for one in told:
        figure = READABLE.get(one.figure)
        if figure is not None and figure.question == question and (figure.of or ALL) == kind:
            yield totals_of(figure, one.bands)


def _results(told: Sequence[Publication], kind: str) -> Mapping[str, int]:
    found = dict.fromkeys(RESULTS, 0)
    for totals in _totals(told, "completions", kind):
        qualified, finished = (totals.get(name, UNTOLD) for name in ("qualified", "finished"))
        rest = 0 if qualified.high is None else max(0, finished.low - qualified.high)
        found["qualified"] += qualified.low
        found["completed"] += rest
        found["left"] += totals.get("left", UNTOLD).low
    return found


def _buckets(told: Sequence[Publication], kind: str) -> Iterator[tuple[str, float]]:
    lows = dict.fromkeys([*(f"within_{weeks}_weeks" for weeks in sorted(WITHIN_WEEKS)), "begun"], 0)
    for totals in _totals(told, "starts", kind):
        for name in lows:
            lows[name] += totals.get(name, UNTOLD).low
    most = 0
    ends = [*(str(float(end)) for end in BUCKETS), "+Inf"]
    for end, low in zip(ends, lows.values(), strict=True):
        most = max(most, low)
        yield end, most
