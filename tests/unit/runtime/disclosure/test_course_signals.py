"""Who hears exactly how many courses collapsed learns nothing of anybody in them: classes are large enough.

The attacker knows which course it is, who is in it, the rule and its bounds, and plays every class through:
who attended how many of the last lessons. Worlds with the same publication must differ.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import combinations_with_replacement

import pytest

from services.notifications.participation.signals import CourseTotals, first_told, of_many
from services.runtime.disclosure.figures import publish
from services.runtime.disclosure.quarters import Quarter
from services.texts.figures import COURSE_SIGNALS

QUARTER = Quarter(date(2026, 1, 1))
BEFORE, LATELY = 15, 5
DAYS = [QUARTER.first + timedelta(days=n) for n in range(BEFORE + LATELY)]


def told(attended: Sequence[int], least: int) -> tuple[int, ...]:
    """Publish the signals of one course; each person attended so many of its last five days of one lesson."""
    size, together = len(attended), sum(attended)
    of_day = [float(size)] * BEFORE + [together / LATELY] * LATELY
    days = [
        CourseTotals(day, day, 1.0, size, float(number)) for day, number in zip(DAYS, of_day, strict=True)
    ]
    first = first_told(of_many(days, least), DAYS[0], QUARTER.last, None) if size >= least else None
    counts = {
        "courses_silent": int(first is not None and first.silent is not None),
        "courses_collapsed": int(first is not None and first.collapsed is not None),
    }
    bands = publish(COURSE_SIGNALS, "99001", QUARTER, counts, k=3, today=QUARTER.closes_on).bands
    return tuple(band.low for band in bands.values())


def learnt(size: int, least: int) -> list[tuple[int, frozenset[int]]]:
    """List, by publication and number of lessons, how many people can have attended at least so many."""
    worlds = defaultdict(list)
    for attended in combinations_with_replacement(range(LATELY + 1), size):
        worlds[told(attended, least)].append(attended)
    return [
        (lessons, frozenset(sum(one >= lessons for one in attended) for attended in same))
        for same in worlds.values()
        for lessons in range(1, LATELY + 1)
    ]


@pytest.mark.parametrize(("k", "size"), [(3, 5), (3, 6), (3, 7), (5, 9), (5, 10)])
def test_of_nobody_is_anything_certain_and_every_count_has_k_possible_values(k: int, size: int) -> None:
    for _, values in learnt(size, 2 * k):
        assert len(values) >= min(k, size + 1)
        assert values not in ({0}, {size})


def test_a_class_is_told_from_twice_k_people_on() -> None:
    assert {told([0] * 6, 6), told([5] * 6, 6)} == {(1, 1), (1, 0)}
    assert told([0] * 5, 6) == told([5] * 5, 6)


def test_classes_of_k_would_tell_too_much() -> None:
    """A mutant of the rule: with k people in a class fewer than k of them can have attended everything."""
    assert min(len(values) for _, values in learnt(3, 3)) < 3
