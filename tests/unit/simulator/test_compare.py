"""Steered beside unsteered: figures, signs, and honesty about where steering is worse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.simulator.comparison.comparison import (
    ONE_LIST,
    STEERED,
    UNSTEERED,
    Comparison,
    compare,
    rows_of,
)
from services.simulator.comparison.question import as_json
from services.simulator.comparison.report import lines
from services.simulator.comparison.words import ASSUMPTIONS, NAMES, name_of
from services.simulator.year.figures import Figures, figures_of, half_after
from services.simulator.year.first_come_first_served import unsteered
from services.simulator.year.hindsight import suited
from services.simulator.year.model import Setting, year_of
from services.simulator.year.world import PersonState

SMALL = Setting(people=80, weeks=14, people_a_course=8)


@pytest.fixture(scope="module")
def found() -> Comparison:
    return compare((3, 4), SMALL, cadence="weekly")


def plain(**changed: float) -> Figures:
    """Return the figures of a small world, with some of them changed."""
    return replace(figures_of(unsteered(year_of(SMALL)), frozenset()), **changed)  # type: ignore[arg-type]


def test_the_same_seeds_give_the_same_comparison(found: Comparison) -> None:
    assert compare((3, 4), SMALL, cadence="weekly") == found
    assert compare((3,), SMALL, cadence="weekly").rows != found.rows


def test_every_world_counts_the_same_people(found: Comparison) -> None:
    row = next(row for row in found.rows if row.code == "registered")
    assert {spread.mean for spread in row.worlds.values() if spread is not None} == {90}
    for world in (UNSTEERED, ONE_LIST):
        told = row.differences[world]
        assert told is not None
        assert (told.spread.low, told.spread.high, told.worse_in) == (0, 0, 0)


def test_everybody_registered_is_counted_once() -> None:
    world = unsteered(year_of(SMALL))
    figures = figures_of(world, suited(year_of(SMALL)))
    assert figures.registered == figures.started + figures.waiting + figures.seat_to_come + figures.gone
    assert figures.gone <= sum(life.state in GONE for life in world.lives)
    assert sum(one.registered for one in figures.classes) == figures.registered
    assert sum(one.started for one in figures.classes) == figures.started
    assert figures.courses_decided == figures.courses_started + figures.courses_cancelled
    assert 0 < figures.fill <= 100


GONE = {PersonState.MOVED, PersonState.GAVE_UP, PersonState.UNREACHABLE, PersonState.AWAY, PersonState.SEATED}


def test_differences_have_a_sign_and_say_where_steering_is_worse() -> None:
    world = plain(started=50, median_wait=40, courses_cancelled=5)
    better = replace(world, started=60, median_wait=30)
    worse = replace(world, started=45, courses_cancelled=9)
    rows = {
        row.code: row
        for row in rows_of(
            [
                {STEERED: world, UNSTEERED: better, ONE_LIST: worse},
                {STEERED: world, UNSTEERED: replace(better, started=48), ONE_LIST: worse},
            ]
        )
    }
    started = rows["started"].differences[UNSTEERED]
    assert started is not None
    assert (started.spread.mean, started.spread.low, started.spread.high) == (-4, -10, 2)
    assert started.worse_in == 1
    assert rows["started"].worse_than(UNSTEERED)
    assert not rows["started"].worse_than(ONE_LIST)
    assert rows["median_wait"].worse_than(UNSTEERED)
    assert not rows["courses_cancelled"].worse_than(ONE_LIST)
    assert not rows["offers"].worse_than(UNSTEERED)


def test_nothing_to_compare_is_said() -> None:
    with pytest.raises(ValueError, match="no seeds"):
        compare((), SMALL)


def test_the_text_names_every_figure_and_assumption(found: Comparison) -> None:
    text = "\n".join(lines(found))
    assert "Where steering is worse than first come, first served by provider:" in text
    assert "Where steering is worse than one common list" in text
    assert all(one in text for one in ASSUMPTIONS)
    assert all(name_of(row.code)[0] in text for row in found.rows)
    assert set(NAMES) <= {row.code for row in found.rows}


def test_an_answer_is_made_of_plain_values(found: Comparison) -> None:
    told = as_json(found)
    row = next(row for row in told["rows"] if row["code"] == "started")
    assert set(row["worlds"]) == {STEERED, UNSTEERED, ONE_LIST}
    assert set(row["worse_than"]) <= {UNSTEERED, ONE_LIST}


@pytest.mark.parametrize(
    ("spans", "days"),
    [
        ([], None),
        ([(10, True), (20, True)], 10),
        ([(10, True), (20, True), (30, True)], 20),
        ([(10, False), (20, True)], 20),
        ([(5, True), (10, False), (20, False)], None),
        ([(5, True), (5, False), (6, True), (7, True)], 6),
    ],
)
def test_half_have_started_counts_those_who_still_wait(
    spans: list[tuple[int, bool]], days: int | None
) -> None:
    assert half_after(spans) == days
