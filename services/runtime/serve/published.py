"""Shows on /metrics what was published last: the only numbers about groups of persons there."""

from datetime import UTC, datetime, time
from math import inf

from prometheus_client import CollectorRegistry, Gauge

from services.runtime.bookkeeping.publications import published
from services.runtime.data.db import Pool, transaction

_LABELS = ["kreis", "figure", "part"]


class PublishedMetrics:
    """Gauges with the ends of the published bands; the upper one is infinite where a band has no end."""

    def __init__(self, registry: CollectorRegistry, pool: Pool) -> None:
        self._pool = pool
        self._low = Gauge(
            "kurslotse_published_low", "Published figures: at least so many.", _LABELS, registry=registry
        )
        self._high = Gauge(
            "kurslotse_published_high", "Published figures: at most so many.", _LABELS, registry=registry
        )
        self._quarter = Gauge(
            "kurslotse_published_quarter_seconds",
            "First day of the quarter that the published figures are of.",
            ["kreis", "figure"],
            registry=registry,
        )

    async def refresh(self, _now: datetime) -> int:
        """Show the latest quarter of each figure; nothing in the business has been done by it."""
        async with transaction(self._pool) as conn:
            found = await published(conn)
        # Towns are told in some quarters only: nothing of an earlier quarter may be left.
        for gauge in (self._low, self._high, self._quarter):
            gauge.clear()
        for one in {(one.kreis, one.figure): one for one in reversed(found)}.values():
            first = datetime.combine(one.quarter.first, time(0), UTC)
            self._quarter.labels(one.kreis, one.figure).set(first.timestamp())
            for part, band in one.bands.items():
                self._low.labels(one.kreis, one.figure, part).set(band.low)
                self._high.labels(one.kreis, one.figure, part).set(inf if band.high is None else band.high)
        return 0
