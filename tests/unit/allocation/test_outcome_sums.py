"""What is added up of published bands: cohorts, shares, filters; and an attack on all of it together."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.allocation.figures.sums import NOTHING, Published, Scope, Total, added, cohorts, share
from services.runtime.disclosure.bands import Band
from services.runtime.disclosure.figures import Publication, publish
from services.texts.figures import (
    ARRIVALS,
    COMPLETIONS,
    FILL,
    PAST,
    RESERVATIONS,
    STARTS,
    Courses,
    with_towns,
)
from tests.attacker.attack import Attacker, Group, Statement
from tests.unit.allocation.figures_told import FIRST, KREIS, SECOND, TOWNS, told

GENERAL, SPECIAL = COMPLETIONS[0], COMPLETIONS[1]
K = 3


def test_a_sum_is_the_sum_of_the_bands_and_says_what_it_misses() -> None:
    published = Published(
        [
            told(RESERVATIONS[0], reserved=23, answered=12, accepted=9, expired=9),
            told(RESERVATIONS[1], SECOND, reserved=3),
        ]
    )
    both = published.totals("reservations", Scope((FIRST, SECOND)))
    assert both["reserved"] == Total(20, 28, 2)
    assert both["answered"] == Total(10, 18, 2, 1)
    assert published.totals("reservations", Scope((FIRST, SECOND), Courses.SPECIAL))["reserved"].high == 4
    assert published.totals("reservations", Scope((), None)) == {}


def test_nobody_was_in_courses_where_there_were_none() -> None:
    totals = Published([told(GENERAL)]).totals("completions", Scope((FIRST,)))
    assert totals["courses"] == totals["in_courses"] == totals["cohort_0"] == Total(0, 0, 1)
    seats = Published([told(FILL[0])]).totals("fill", Scope((FIRST,)))
    assert seats["taken"] == Total(0, 0, 1)


def test_nobody_is_no_failure_while_under_way() -> None:
    arrived = told(ARRIVALS, registered=40, started=22, placed=5)
    (alone,) = cohorts(Published([arrived]), [FIRST], None)
    assert (alone.completed, alone.open.low, alone.followed) == (NOTHING, 40, 0)
    ended = told(
        GENERAL, SECOND, courses=2, in_courses=60, finished=40, sat=40, qualified=20, began_1=30, cohort_1=12
    )
    (one,) = cohorts(Published([arrived, ended]), [FIRST], None)
    assert one.completed == Total(10, 14, 1)
    assert one.open == Total(26, 34, 1)
    # 20 to 24 of 40 to 44 passed: of 10 to 14 that is 4 (10 * 20 / 44) to 9 (14 * 24 / 40).
    assert (one.qualified.low, one.qualified.high) == (4, 9)
    (other,) = cohorts(Published([arrived, ended]), [FIRST], Courses.SPECIAL)
    assert other.completed == NOTHING


def test_no_more_are_qualified_than_completed_nor_completed_than_registered() -> None:
    arrived = told(ARRIVALS, registered=12)
    ended = told(GENERAL, SECOND, courses=9, in_courses=400, finished=399, sat=1, began_1=12, cohort_1=12)
    (one,) = cohorts(Published([arrived, ended]), [FIRST], None)
    assert one.completed.high is not None
    assert one.registered.high is not None
    assert one.qualified.high is not None
    assert one.qualified.high <= one.completed.high <= one.registered.high


@pytest.mark.parametrize(
    ("part", "whole", "percent"),
    [
        (Total(0, 4, 1), Total(0, 4, 1), None),
        (Total(5, None, 1), Total(10, 14, 1), (35, 100)),
        (Total(0, 60, 2, 2), Total(40, 60, 2), None),
        (Total(50, 60, 1), Total(40, 44, 1), (100, 100)),
        (NOTHING, NOTHING, None),
    ],
)
def test_a_share_is_never_more_than_all(part: Total, whole: Total, percent: object) -> None:
    assert share(part, whole) == percent


def test_quarters_told_before_kinds_were_kept_apart_stay_and_are_of_no_kind() -> None:
    old = publish(
        PAST[0],
        KREIS,
        FIRST,
        {part.name: 20 for part in PAST[0].parts},
        k=5,
        today=FIRST.closes_on,
    )
    published = Published([old, replace(told(GENERAL, SECOND, courses=1, in_courses=9), quarter=SECOND)])
    assert published.totals("completions", Scope((FIRST, SECOND)))["in_courses"] == Total(25, 33, 2)
    assert published.totals("completions", Scope((FIRST,), Courses.GENERAL)) == {}


def test_towns_turn_with_the_quarters_and_do_not_add_up_to_all() -> None:
    names = [with_towns(ARRIVALS, TOWNS, quarter).parts[-1].name for quarter in (FIRST, SECOND)]
    assert len(set(names)) == 2
    assert len(with_towns(ARRIVALS, TOWNS, FIRST).parts) == len(ARRIVALS.parts) + len(TOWNS) - 1


def people(first: int, number: int) -> Group:
    return frozenset(range(first, first + number))


HAS = (frozenset({"done"}), frozenset[str]())


def known_cohort(registered: int, *, careful: bool) -> list[Statement]:
    """Twenty others, and a cohort whose every member completes, in courses of two kinds."""
    half = registered // 2
    found: list[Statement] = []
    at = 0
    for figure, own in ((GENERAL, half), (SPECIAL, registered - half)):
        parts = figure.parts if careful else [replace(part, within="") for part in figure.parts]
        others, inside = people(1000 + at, 20), people(at, own)
        at += 100
        counts: dict[str, Any] = {
            "courses": 1,
            "in_courses": 20 + own,
            "finished": 20 + own,
            "began_1": own,
            "cohort_1": own,
        }
        one = told(replace(figure, parts=tuple(parts)), SECOND, K, **counts)
        for group, part in ((others | inside, "finished"), (inside, "cohort_1")):
            band = one.bands[part]
            found.append(Statement(group, "done", band.low, band.high))
    return found


@pytest.mark.parametrize("registered", range(2, 26))
def test_who_knows_a_cohort_does_not_learn_that_all_of_it_completed(registered: int) -> None:
    assert Attacker(known_cohort(registered, careful=True), HAS).leaks(K, ["done"]) == []


def test_without_a_look_at_the_cohort_all_of_it_would_be_certain() -> None:
    leaks = [Attacker(known_cohort(n, careful=False), HAS).leaks(K, ["done"]) for n in range(2, 26)]
    assert any(leaks)


def outcomes_of(number: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 14), min_size=number, max_size=number)


@settings(max_examples=20, deadline=None)
@given(outcomes_of(4), outcomes_of(4), outcomes_of(4))
def test_no_choice_of_quarters_and_kinds_gives_away_what_a_cell_does_not(
    answered: list[int], silent: list[int], accepted: list[int]
) -> None:
    """The attacker knows who reserved what, and takes each quarter, kind and sum that can be asked for."""
    cells = list(product((FIRST, SECOND), RESERVATIONS[:2]))
    publications: list[Publication] = []
    groups: dict[tuple[object, str], Group] = {}
    for at, (quarter, figure) in enumerate(cells):
        yes, no = answered[at], silent[at]
        groups[quarter, figure.of] = people(at * 100, yes + no)
        publications.append(
            told(
                figure,
                quarter,
                K,
                reserved=yes + no,
                answered=yes,
                accepted=min(yes, accepted[at]),
                expired=no,
            )
        )
    published = Published(publications)
    said: list[Statement] = []
    for quarters, kind in product(((FIRST,), (SECOND,), (FIRST, SECOND)), (None, *list(Courses)[:2])):
        totals = published.totals("reservations", Scope(quarters, kind))
        group = frozenset[int]().union(
            *(groups[quarter, of] for quarter, of in groups if quarter in quarters and kind in {None, of})
        )
        said += [
            Statement(group, name, totals[name].low, totals[name].high)
            for name in ("answered", "accepted", "expired")
            if group
        ]
    if not said:
        return
    possible = (
        frozenset({"answered", "accepted"}),
        frozenset({"answered"}),
        frozenset({"expired"}),
        frozenset[str](),
    )
    cells_only = [one for one in said if one.group in groups.values()]
    asked = ["answered", "accepted", "expired"]
    assert Attacker(said, possible).consistent
    before = Attacker(cells_only, possible).leaks(K, asked)
    assert [leak for leak in Attacker(said, possible).leaks(K, asked) if leak not in before] == []
    assert before == []


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.sampled_from(["answered", "reserved"]))
def test_every_sum_holds_the_true_number(yes: int, no: int, name: str) -> None:
    one = told(RESERVATIONS[0], reserved=yes + no, answered=yes, expired=no)
    total = Published([one]).totals("reservations", Scope((FIRST,)))[name]
    true = {"answered": yes, "reserved": yes + no}[name]
    assert total.low <= true
    assert total.high is None or true <= total.high
    assert added([total, NOTHING]) == total


def test_a_rank_has_k_people_beyond_it() -> None:
    for begun, nine_in_ten in ((49, Band(0)), (50, Band(11, 11))):
        one = told(STARTS[0], begun=begun, weeks_waited=5.2, weeks_waited_by_nine_in_ten=11.0)
        assert one.bands["weeks_waited_by_nine_in_ten"] == nine_in_ten
        assert one.bands["weeks_waited"] == Band(5, 5)
