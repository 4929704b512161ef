"""A year of publications about people whose facts change: taken together they say no more than each alone."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.disclosure.bands import band
from services.texts.figures import COUNSELLING
from tests.attacker.attack import Attacker, Leak, Statement
from tests.attacker.history import Life, changed_between, played
from tests.attacker.worlds import about_people, profiles

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
ASKED = [part.name for part in about_people(COUNSELLING) if part.of is not None]
DAYS = st.dates(FIRST, LAST)


@st.composite
def lives(draw: st.DrawFn) -> list[Life]:
    """Draw classes of people who begin on one day and mostly do alike, and some who differ."""
    found: list[Life] = []
    for _ in range(draw(st.integers(1, 5))):
        began = draw(DAYS)
        given_on = draw(st.none() | DAYS)
        until = LAST if given_on is None else draw(st.dates(given_on, LAST))
        life = Life(
            began,
            corrected_on=draw(st.none() | DAYS),
            corrected=draw(st.none() | DAYS),
            consented=None if given_on is None else (given_on, until),
            announced=draw(st.booleans()),
            unsuited=draw(st.booleans()),
            at_risk_on=draw(st.none() | DAYS),
            taken_up=draw(st.booleans()),
        )
        found += [life] * draw(st.integers(1, 14))
    return found


def test_who_was_corrected_and_changed_is_no_premise() -> None:
    """Five were counted with their consent, then, corrected into the next quarter, without it."""
    moved = Life(
        date(2026, 1, 1),
        corrected_on=date(2026, 6, 1),
        corrected=date(2026, 4, 1),
        consented=(date(2026, 1, 1), date(2026, 6, 1)),
    )
    people = [Life(date(2026, 1, 1)), Life(date(2026, 4, 1)), *[moved] * 5]
    said = list(played(COUNSELLING, people, 3, FIRST, LAST + timedelta(days=180)))
    assert sum(2 in one.truth for one in said) == 2
    assert changed_between(said)
    assert not changed_between(said[:1])


@settings(max_examples=25, deadline=None)
@given(lives(), st.integers(3, 5))
def test_a_year_of_publications_leaves_k_possible_values_for_every_count(people: list[Life], k: int) -> None:
    said = list(played(COUNSELLING, people, k, FIRST, LAST + timedelta(days=180)))
    assert len({one.quarter for one in said}) == len(said) >= 5
    known = [Statement(one.group, "began", len(one.group), len(one.group)) for one in said if one.group]
    told = [part for one in said for part in one.told if part.has in ASKED and one.group]
    together = Attacker([*known, *told], profiles(COUNSELLING))
    if known and not changed_between(said):
        assert together.consistent
        assert together.leaks(k, ASKED) == []
    for one in (one for one in said if one.group):
        size = len(one.group)
        alone = [Statement(one.group, "began", size, size), *(part for part in one.told if part.has in ASKED)]
        assert Attacker(alone, profiles(COUNSELLING)).leaks(k, ASKED) == []


def test_bands_of_windows_that_overlap_are_solved() -> None:
    """The same bands for everybody so far, published again with one person more, name that person."""
    given, k = frozenset({"given"}), 5
    told = []
    for size, consents in ((20, 14), (21, 15)):
        found = band(consents, k, size)
        told.append(Statement(frozenset(range(size)), "given", found.low, found.high))
    leaks = Attacker(told, [given, frozenset()]).leaks(k, ["given"])
    assert Leak("person", "given", 1, (1, 1)) in leaks
