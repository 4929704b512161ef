"""Exports completion metrics to Prometheus: the last twelve months by Kreis, suppressed as everywhere."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import nan

import asyncpg
from prometheus_client import CollectorRegistry, Gauge

from schemas.codes import ExitKind
from schemas.days import local_day
from services.allocation.figures.cohorts import Figures, figures_of, kreise_known
from services.allocation.figures.course_outcomes import SUPPRESS_BELOW
from services.allocation.outcomes.domain import STAGES, Shown
from services.runtime.data.db import transaction

YEAR = timedelta(days=365)


class CompletionMetrics:
    """Gauges of what came of it; NaN means suppressed, which is not zero."""

    def __init__(self, registry: CollectorRegistry, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._cohort = Gauge(
            "kurslotse_cohort_people",
            "People first registered within twelve months, by how far they have come.",
            ["kreis", "stage"],
            registry=registry,
        )
        self._exits = Gauge(
            "kurslotse_exits",
            "Enrolments ended early within twelve months.",
            ["kreis", "kind"],
            registry=registry,
        )
        self._waits = Gauge(
            "kurslotse_wait_days_median",
            "Median days until the first start.",
            ["kreis", "start"],
            registry=registry,
        )
        self._fill = Gauge(
            "kurslotse_fill_ratio",
            "Taken seats of sections begun within twelve months.",
            ["kreis"],
            registry=registry,
        )
        self._courses = Gauge(
            "kurslotse_courses_completed",
            "Courses completed within twelve months.",
            ["kreis"],
            registry=registry,
        )
        self._qualified = Gauge(
            "kurslotse_qualified_completions",
            "People with B1 and 'Leben in Deutschland' of courses completed within twelve months.",
            ["kreis"],
            registry=registry,
        )
        self._finished = Gauge(
            "kurslotse_finished",
            "People who finished a course completed within twelve months.",
            ["kreis"],
            registry=registry,
        )

    async def refresh(self, now: datetime) -> int:
        """Count again; nothing in the business has been done by it."""
        today = local_day(now)
        async with transaction(self._pool) as conn:
            for kreis in await kreise_known(conn):
                self._show(await figures_of(conn, kreis, today - YEAR, today, SUPPRESS_BELOW))
        return 0

    def _show(self, figures: Figures) -> None:
        kreis = figures.kreis
        for stage in STAGES:
            self._cohort.labels(kreis=kreis, stage=stage).set(_number(figures.cohort, stage))
        for kind in ExitKind:
            self._exits.labels(kreis=kreis, kind=kind.value).set(_number(figures.exits, kind))
        for wait in figures.waits:
            days = nan if wait.median_days is None else wait.median_days
            self._waits.labels(kreis=kreis, start=wait.start).set(days)
        self._fill.labels(kreis=kreis).set(figures.seats_taken / figures.seats if figures.seats else nan)
        self._courses.labels(kreis=kreis).set(figures.courses_completed)
        self._finished.labels(kreis=kreis).set(_value(figures.finished))
        self._qualified.labels(kreis=kreis).set(_value(figures.qualified))


def _value(number: Shown) -> float:
    return nan if number.value is None else number.value


def _number(table: Mapping[str, Shown], name: str) -> float:
    return _value(table[name])
