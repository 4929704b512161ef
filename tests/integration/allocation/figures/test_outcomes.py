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
from services.allocation.figures.counting import COUNTED_BY, EXTENDED_BY
from services.runtime.bookkeeping.publications import FiguresPublisher, keep, published
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
    return FiguresPublisher(world.pool, STEERING, COUNTED_BY, 3, extended_by=EXTENDED_BY)


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
        "placed": UNTOLD,
        "tested": UNTOLD,
        "proposed": UNTOLD,
        "obliged": Band(12),
        "young": Band(0, 2),
        "literacy": Band(0, 2),
        "childcare_needed": Band(0, 2),
    }
    assert told["fill_general"].bands["seats"] == Band(20, 20)
    assert told["arrivals"].counted_on == QUARTER.closes_on
    ended = quarter_of(completed().completed_on)
    await figures(world).publish(closing(ended))
    bands = (await kept(world, ended))["completions_general"].bands
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
    metrics = PublishedMetrics(registry, world.pool)
    assert await metrics.refresh(NOW) == 0

    def value(end: str, part: str) -> float | None:
        labels = {"kreis": KREIS, "figure": "arrivals", "part": part}
        return registry.get_sample_value(f"kurslotse_published_{end}", labels)

    assert (value("low", "registered"), value("high", "registered")) == (15, 17)
    assert (value("low", "started"), value("high", "started")) == (12, inf)
    later = date(2026, 4, 1)
    await world.rows(
        "INSERT INTO published_figure (kreis, figure, quarter, k, counted_on, part, low, high)"
        " VALUES ($1, 'arrivals', $2, 5, $3, 'registered', 20, 24)",
        KREIS,
        later,
        later + timedelta(days=200),
    )
    assert await metrics.refresh(NOW) == 0
    assert value("low", "registered") == 20
    assert value("low", "started") is None  # not told in the latest quarter


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


async def test_places_are_counted_by_kind_with_waits_answers_and_who_proposed(world: World) -> None:
    await _a_year(world)
    began = quarter_of((NOW + timedelta(days=40)).date())
    for quarter in sorted({QUARTER, began}):
        await figures(world).publish(closing(quarter))
    told = await kept(world, began)
    assert told["starts_general"].bands["begun"] == Band(12, 14)
    assert told["starts_general"].bands["within_26_weeks"] == Band(9)
    assert told["starts_special"].bands["begun"] == Band(0, 2)
    first = await kept(world, QUARTER)
    assert first["reservations_general"].bands["reserved"] == Band(12, 14)
    assert first["reservations_general"].bands["answered"] == Band(9)
    assert first["proposals_general"].bands["proposals"].low >= 12


async def test_a_cohort_is_followed_to_the_end_of_its_courses(world: World) -> None:
    await _a_year(world)
    ended = quarter_of(completed().completed_on)
    await figures(world).publish(closing(ended))
    back = (ended.first.year - QUARTER.first.year) * 4 + (ended.first.month - QUARTER.first.month) // 3
    bands = (await kept(world, ended))["completions_general"].bands
    assert bands[f"began_{back}"] == Band(3)  # all twelve and all but nine look alike
    assert bands[f"cohort_{back}"] == UNTOLD
    assert bands[f"began_{back - 1}"] == Band(0, 2)


async def test_a_quarter_told_of_all_kinds_together_is_not_told_again_by_kind(world: World) -> None:
    await _a_year(world)
    old = Publication(KREIS, "fill", QUARTER, QUARTER.closes_on, 3, {"seats": Band(20, 20)})
    async with transaction(world.pool) as conn:
        await keep(conn, old)
    await figures(world).publish(closing(QUARTER))
    told = await kept(world, QUARTER)
    assert "fill" in told
    assert not [name for name in told if name.startswith("fill_")]
    assert "completions_general" in told


async def test_an_installation_without_anybody_publishes_empty_quarters(world: World) -> None:
    await world.must(PROVIDER, announced(capacity=20))
    await figures(world).publish(closing(QUARTER))
    told = await kept(world, QUARTER)
    assert set(told) == {figure.name for figure in STEERING}
    assert told["arrivals"].bands["registered"] == Band(0, 2)
    assert told["starts_general"].bands["weeks_waited"] == UNTOLD
