"""The steering side's published figures: what is counted, when, and that it never changes afterwards."""

from datetime import UTC, date, datetime, time, timedelta
from math import inf

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from schemas.base import Payload
from schemas.counts import Count, CountedPart, CountsReported, WeeklyCountsReported
from schemas.envelope import Event
from schemas.identity import event_uuid
from schemas.topics import Family, topic
from services.allocation.consumer import take_counts
from services.allocation.figures.counting import COUNTED_BY
from services.runtime.bookkeeping.publications import FiguresPublisher, published
from services.runtime.data.db import transaction
from services.runtime.disclosure.bands import UNTOLD, Band
from services.runtime.disclosure.figures import Publication
from services.runtime.disclosure.quarters import Quarter, quarter_of
from services.runtime.events.subscription import Applied, Incoming, RecordPosition
from services.runtime.serve.published import PublishedMetrics
from services.texts.figures import STEERING
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

QUARTER = Quarter(date(2026, 1, 1))


async def _a_year(world: World) -> None:
    """Sixteen register, fourteen are tested, twelve start, two leave, ten complete."""
    await world.must(PROVIDER, announced(capacity=20))
    for number in range(16):
        await world.must(OFFICE, registered(f"p{number}", registered_on=date(2026, 1, 5 + number)))
    for number in range(14):
        await world.must(OFFICE, levelled(f"p{number}"))
    for number in range(12):
        await world.enrolled(f"p{number}")
    await world.timers.start(NOW + timedelta(days=40))
    for number in range(2):
        await world.must(PROVIDER, left(person(f"p{number}"), kind="moved"))
    await world.must(PROVIDER, completed(finished=10, sat=10, b1=10, a2=0, below=0, lid=10, both=10))


def figures(world: World) -> FiguresPublisher:
    return FiguresPublisher(world.pool, STEERING, COUNTED_BY, 3)


def closing(quarter: Quarter) -> datetime:
    return datetime.combine(quarter.closes_on, time(9), UTC)


async def kept(world: World, quarter: Quarter) -> dict[str, Publication]:
    async with transaction(world.pool) as conn:
        return {one.figure: one for one in await published(conn, [KREIS]) if one.quarter == quarter}


async def test_a_quarter_in_figures(world: World) -> None:
    await _a_year(world)
    assert await figures(world).publish(closing(QUARTER)) == len(STEERING)
    told = await kept(world, QUARTER)
    assert told["arrivals"].bands == {
        "registered": Band(15, 17),
        "started": Band(12),
        "within_six_weeks": Band(0, 2),
        "weeks_until_start": Band(7, 7),
        "tested": UNTOLD,
        "proposed": UNTOLD,
    }
    assert told["fill"].bands["seats"] == Band(20, 20)
    assert told["arrivals"].counted_on == QUARTER.closes_on
    ended = quarter_of(completed().completed_on)
    await figures(world).publish(closing(ended))
    bands = (await kept(world, ended))["completions"].bands
    assert (bands["courses"], bands["in_courses"], bands["finished"]) == (Band(1, 1), Band(12, 14), Band(9))
    assert (bands["sat"], bands["qualified"], bands["left"]) == (Band(6), Band(3), UNTOLD)


async def test_what_is_said_later_changes_nothing_that_was_published(world: World) -> None:
    await _a_year(world)
    await figures(world).publish(closing(QUARTER))
    before = await kept(world, QUARTER)
    await world.must(OFFICE, registered("late-1", registered_on=date(2026, 2, 1)))
    assert await figures(world).publish(closing(QUARTER)) == 0
    assert await figures(world).publish(closing(QUARTER) + timedelta(days=20)) == 0
    assert await kept(world, QUARTER) == before
    for statement in ("UPDATE published_figure SET low = 0", "DELETE FROM published_figure"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await world.rows(statement)


async def test_the_metrics_show_what_was_published_last(world: World) -> None:
    await _a_year(world)
    await figures(world).publish(closing(QUARTER))
    registry = CollectorRegistry()
    assert await PublishedMetrics(registry, world.pool).refresh(NOW) == 0

    def value(end: str, part: str) -> float | None:
        labels = {"kreis": KREIS, "figure": "arrivals", "part": part}
        return registry.get_sample_value(f"kurslotse_published_{end}", labels)

    assert (value("low", "registered"), value("high", "registered")) == (15, 17)
    assert (value("low", "started"), value("high", "started")) == (12, inf)


async def test_published_counts_are_kept_as_told_first(world: World) -> None:
    def said(low: int) -> CountsReported:
        parts = (CountedPart(name="began", low=low, high=low + 4), CountedPart(name="consented", low=0))
        return CountsReported(
            kreis=KREIS,
            figure="counselling",
            quarter=QUARTER.first,
            counted_on=QUARTER.closes_on,
            k=5,
            parts=parts,
        )

    weekly = WeeklyCountsReported(
        kreis=KREIS, week=date(2026, 3, 2), suppressed_below=3, counts=(Count(name="consent_given", value=4),)
    )
    told: list[Payload] = [said(15), said(20), weekly]
    for number, one in enumerate(told):
        event = Event(str(number), one.type_, "/notifications", NOW, one)
        position = RecordPosition(topic(Family.COUNTS), 0, number)
        incoming = Incoming(position, Family.COUNTS, None, event, event_uuid("", "counts", event.id), KREIS)
        async with transaction(world.pool) as conn:
            assert await take_counts(conn, [incoming], NOW) == [Applied()]
    found = await kept(world, QUARTER)
    assert set(found) == {"counselling"}
    assert found["counselling"].bands == {"began": Band(15, 19), "consented": UNTOLD}
