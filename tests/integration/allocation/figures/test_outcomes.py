"""Figures of a Kreis from what happened, suppressed below k; published counts; the metrics page."""

from datetime import date, timedelta
from math import isnan

import pytest
from prometheus_client import CollectorRegistry

from schemas.counts import Count, CountsReported
from schemas.envelope import Event
from schemas.identity import event_uuid
from schemas.topics import Family, topic
from services.allocation.consumer import take_counts
from services.allocation.figures.cohorts import figures_of
from services.allocation.figures.metrics import CompletionMetrics
from services.allocation.outcomes.domain import Shown, Wait
from services.runtime.data.db import transaction
from services.runtime.events.subscription import Applied, Incoming, RecordPosition
from tests.allocation.builders import (
    KREIS,
    NOW,
    OFFICE,
    PROVIDER,
    announced,
    completed,
    left,
    levelled,
    person,
    registered,
)
from tests.allocation.world import World

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


async def _a_year(world: World) -> None:
    """Ten register, eight are tested, six start, two leave, four complete."""
    await world.must(PROVIDER, announced(capacity=10))
    for number in range(10):
        await world.must(OFFICE, registered(f"p{number}", registered_on=date(2026, 1, 5 + number)))
    for number in range(8):
        await world.must(OFFICE, levelled(f"p{number}"))
    for number in range(6):
        await world.enrolled(f"p{number}")
    await world.timers.start(NOW + timedelta(days=40))
    for number in range(2):
        await world.must(PROVIDER, left(person(f"p{number}"), kind="moved"))
    await world.must(PROVIDER, completed(finished=4, sat=4, b1=4, a2=0, below=0, lid=4, both=4))


async def test_a_year_in_figures(world: World) -> None:
    await _a_year(world)
    async with transaction(world.pool) as conn:
        known = await figures_of(conn, KREIS, FIRST, LAST, 1)
        told = await figures_of(conn, KREIS, FIRST, LAST, 3)
        elsewhere = await figures_of(conn, "99002", FIRST, LAST, 3)
    assert [number.value for number in known.cohort.values()] == [10, 8, 6, 6, 4]
    assert [number.value for number in told.cohort.values()] == [10, None, 6, 6, None]
    assert told.exits == {
        "moved": Shown(None),
        "work": Shown(0),
        "transfer": Shown(0),
        "other": Shown(0),
    }
    assert known.exits["moved"] == Shown(2)
    assert known.waits[0] == Wait("registration", 6, 53.5)  # 5 to 10 January until 2 March
    assert (known.started, known.started_within_six_weeks) == (Shown(6), Shown(0))
    assert (known.seats, known.seats_taken) == (30, 6 + 4 + 4)
    assert (told.courses_completed, told.finished, told.qualified) == (1, Shown(None), Shown(4))
    assert elsewhere.cohort["registered"] == Shown(0)
    rows = {(figure, part): value for figure, part, value in told.rows()}
    assert rows["cohort", "tested"] == "suppressed"
    assert rows["median_wait_days", "from_registration"] == "53.5"


async def test_the_metrics_show_the_same(world: World) -> None:
    await _a_year(world)
    registry = CollectorRegistry()
    metrics = CompletionMetrics(registry, world.pool)
    assert await metrics.refresh(NOW + timedelta(days=200)) == 0

    def value(name: str, **labels: str) -> float:
        found = registry.get_sample_value(name, {"kreis": KREIS, **labels})
        assert found is not None, name
        return found

    assert value("kurslotse_cohort_people", stage="registered") == 10
    assert isnan(value("kurslotse_cohort_people", stage="tested"))  # suppressed, not zero
    assert value("kurslotse_courses_completed") == 1
    assert value("kurslotse_qualified_completions") == 4
    assert value("kurslotse_wait_days_median", start="registration") == pytest.approx(53.5)


async def test_published_counts_are_kept_as_told(world: World) -> None:
    monday = date(2026, 3, 2)
    for number, cells in enumerate(
        [
            (Count(name="alerts", value=7), Count(name="needs_bus", value=None)),
            (Count(name="alerts", value=8), Count(name="needs_bus", value=0)),
        ]
    ):
        said = CountsReported(kreis=KREIS, week=monday, suppressed_below=3, counts=cells)
        event = Event(str(number), said.type_, "/notifications", NOW, said)
        position = RecordPosition(topic(Family.COUNTS), 0, number)
        incoming = Incoming(position, Family.COUNTS, None, event, event_uuid("", "counts", event.id), KREIS)
        async with transaction(world.pool) as conn:
            assert await take_counts(conn, [incoming], NOW) == [Applied()]
        rows = await world.rows("SELECT name, value FROM published_counts ORDER BY name")
        assert {row["name"]: row["value"] for row in rows} == {cell.name: cell.value for cell in cells}
