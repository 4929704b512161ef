"""Who knows who started, k and the rules works on all that was published: the old rules fall, these hold."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations_with_replacement, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.disclosure.figures import Counts, Figure, Part, publish
from services.runtime.disclosure.quarters import Quarter
from services.texts.figures import FIGURES, NEEDS, needs_with_towns
from tests.attacker.attack import Attacker, Group, Leak, Profile, Statement
from tests.attacker.naive import rounded, weekly
from tests.attacker.worlds import about_people, counted, profiles, statements

QUARTER = Quarter(date(2026, 1, 1))
CONSENT = (frozenset({"given", "all"}), frozenset({"not_given", "all"}))
KINDS = (frozenset({"a", "all"}), frozenset({"b", "all"}), frozenset({"c", "all"}), frozenset[str]())
CHAIN = Figure("chain", "", (Part("all"), Part("some", of="all"), Part("few", of="some")))
APART = Figure(
    "apart",
    "",
    (
        Part("all"),
        Part("a", of="all"),
        Part("b", of="all", apart_from=("a",)),
        Part("c", of="all", apart_from=("a", "b")),
    ),
)


QUESTIONS = {figure.question: figure for figure in FIGURES.values() if about_people(figure)}
"""Figures that differ in the kind of course alone are the same to an attacker."""


def people(number: int, first: int = 0) -> Group:
    return frozenset(range(first, first + number))


def certain(leaks: Sequence[Leak]) -> set[str]:
    return {leak.has for leak in leaks if leak.what == "person"}


def test_a_zero_tells_who_consented() -> None:
    told = weekly(people(4), {"given": 4, "not_given": 0}, "all", 3)
    leaks = Attacker(told, CONSENT).leaks(3, ["given", "not_given"])
    assert certain(leaks) == {"given", "not_given"}


def test_one_more_start_and_one_more_consent_tell_whose_it_is() -> None:
    first = weekly(people(20), {"given": 10, "not_given": 10}, "all", 3)
    second = weekly(people(21), {"given": 11, "not_given": 10}, "all", 3)
    assert Attacker(first, CONSENT).leaks(3, ["given"]) != []  # exact
    leaks = [leak for leak in Attacker([*first, *second], CONSENT).leaks(3, ["given"]) if leak.size == 1]
    assert certain(leaks) == {"given"}


def test_two_gaps_and_a_total_are_an_equation() -> None:
    told = weekly(people(40), {"a": 1, "b": 1, "c": 10}, "all", 3)
    leaks = Attacker(told, KINDS).leaks(3, ["a", "b"])
    assert {(leak.has, leak.values) for leak in leaks if leak.what == "count"} == {("a", (1,)), ("b", (1,))}


def test_rounding_alone_tells_of_all_ten_of_ten() -> None:
    told = rounded(people(10), {"given": 10, "not_given": 0}, "all", 5)
    assert certain(Attacker(told, CONSENT).leaks(5, ["given"])) == {"given"}


def test_bands_of_parts_that_add_up_to_a_known_total_are_solved() -> None:
    told = rounded(people(10), {"a": 5, "b": 5, "c": 0}, "all", 5)
    leaks = Attacker(told, KINDS[:3]).leaks(5, ["a", "b", "c"])
    assert {leak.has for leak in leaks if leak.what == "count"} == {"a", "b", "c"}


def found_in(figure: Figure, present: Sequence[Profile], k: int, known: frozenset[str]) -> list[Leak]:
    """Publish a figure and attack it, knowing of everybody which of the known properties they have."""
    told = publish(figure, "99001", QUARTER, counted(figure, present), k=k, today=QUARTER.closes_on).bands
    everybody = people(len(present) if known else len(present) + 3 * k)  # an outsider does not know who
    alike = defaultdict(set)
    for who in everybody if known else ():
        alike[known & present[who]].add(who)
    facts = [
        Statement(frozenset(group), name, *((len(group),) * 2 if name in has else (0, 0)))
        for has, group in alike.items()
        for name in known
    ]
    possible = profiles(figure)
    asked = [part.name for part in about_people(figure) if part.name not in known]
    said = [one for one in statements(figure, told, everybody) if one.has in asked]
    leaks = Attacker([*facts, *said], possible).leaks(k, asked)
    if not leaks:
        return []
    anyhow = Attacker([*facts, *(replace(one, low=0, high=None) for one in said)], possible).leaks(k, asked)
    return [leak for leak in leaks if leak not in anyhow]


def roots_of(figure: Figure) -> frozenset[str]:
    return frozenset(part.name for part in about_people(figure) if part.of is None)


@st.composite
def knowledge(draw: st.DrawFn, figure: Figure) -> frozenset[str]:
    """Draw what is known of everybody: the group, perhaps some parts, none without those above it.

    Above is also what a part lies within: who knows when those registered who stayed knows it of everybody.
    """
    if len(roots_of(figure)) > 1:  # reports of needs: who made them is nowhere known
        return frozenset()
    known = set(roots_of(figure))
    for part in about_people(figure):
        above = {part.of, part.within, *part.apart_from} - {""}
        if above <= known and draw(st.integers(0, 3)) == 0:
            known.add(part.name)
    return frozenset(known)


@st.composite
def kreise(draw: st.DrawFn, figure: Figure) -> list[Profile]:
    """Draw who is counted: often everybody alike, or all but one or two."""
    possible = profiles(figure)
    possible = [one for one in possible if len(roots_of(figure)) > 1 or roots_of(figure) <= one]
    blocks = draw(st.lists(st.tuples(st.sampled_from(possible), st.integers(1, 15)), max_size=5))
    return [profile for profile, number in blocks for _ in range(number)]


BUS = Figure(
    "bus",
    "",
    (
        Part("bus", counts=Counts.REPORTS),
        *(part for part in needs_with_towns(NEEDS, list("1234")).parts if part.of == "bus"),
    ),
)
"""A need by town, attacked also by somebody who knows how many reports there were."""


@pytest.mark.parametrize("figure", [*QUESTIONS.values(), CHAIN, APART, BUS], ids=lambda figure: figure.name)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_no_count_has_fewer_than_k_possible_values_and_of_nobody_is_anything_certain(
    figure: Figure, data: st.DataObject
) -> None:
    k = data.draw(st.integers(3, 5))
    present = data.draw(kreise(figure))
    assert found_in(figure, present, k, data.draw(knowledge(figure))) == []
    assert found_in(figure, present, k, frozenset()) == []


def test_needs_of_towns_with_their_sums_tell_nobody_anything() -> None:
    """All needs together; even the outsider's equations of town, need and the town without a part hold."""
    figure = needs_with_towns(NEEDS, ["99001001", "99001002", "99001003"])
    for blocks in ((20, 0, 0), (10, 10, 0), (9, 1, 10), (4, 4, 4), (0, 0, 23)):
        counts = dict.fromkeys((part.name for part in figure.parts), 0)
        for need, (number, town) in product(("bus", "childcare"), zip(blocks, range(1, 4), strict=True)):
            counts[need] += number
            if town < 3:
                counts[f"town_9900100{town}_{need}"] += number
        told = publish(figure, "99001", QUARTER, counts, k=5, today=QUARTER.closes_on).bands
        said = statements(figure, told, people(60))
        assert Attacker(said, profiles(figure)).leaks(5, [one.has for one in said]) == []


@pytest.mark.parametrize(
    ("figure", "most"),
    [(CHAIN, 15), (APART, 15), (FIGURES["counselling"], 9), (QUESTIONS["reservations"], 11)],
    ids=lambda figure: getattr(figure, "name", ""),
)
def test_even_who_plays_the_publication_through_for_every_possible_class_learns_nothing(
    figure: Figure, most: int
) -> None:
    """All worlds of so many people: those with the same publication differ in every count by k values."""
    k, roots = 3, roots_of(figure)
    possible = [one for one in profiles(figure) if roots <= one]
    asked = [part.name for part in about_people(figure) if part.of is not None]
    for size in range(1, most):
        worlds = defaultdict(list)
        for present in combinations_with_replacement(possible, size):
            counts = counted(figure, present)
            told = publish(figure, "99001", QUARTER, counts, k=k, today=QUARTER.closes_on).bands
            worlds[tuple(told.values())].append(counts)
        for same, name in product(worlds.values(), asked):
            values = {counts[name] for counts in same}
            assert len(values) >= min(k, size + 1), (size, name, values)
            assert values not in ({0}, {size})


def test_parts_that_are_not_declared_apart_would_be_solved() -> None:
    """A mutant of APART without its declarations: the check above finds it."""
    careless = Figure("careless", "", tuple(Part(part.name, of=part.of) for part in APART.parts))
    told = publish(
        careless,
        "99001",
        QUARTER,
        {"all": 10, "a": 5, "b": 5, "c": 0},
        k=5,
        today=QUARTER.closes_on,
    ).bands
    inside = [one for one in profiles(APART) if "all" in one]
    assert Attacker(statements(careless, told, people(10)), inside).leaks(5, ["a", "b", "c"]) != []


def test_every_part_counts_people_or_is_known_not_to() -> None:
    for figure in FIGURES.values():
        for part in figure.parts:
            assert part.counts in {Counts.PEOPLE, Counts.REPORTS} or part not in about_people(figure)
