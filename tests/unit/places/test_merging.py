"""What an edition changes in the directory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

from services.places.domain import ALWAYS, OPEN, Town
from services.places.merging import Changes, Place, merge

AREA = frozenset({"99"})
FIRST, SECOND, THIRD = date(2023, 12, 31), date(2024, 12, 31), date(2025, 12, 31)


def after(stored: Sequence[Town], changes: Changes) -> list[Town]:
    """Return what the database holds after the changes."""
    rows = {(one.ags, one.valid_from): one for one in stored}
    for key, town in changes.changed.items():
        del rows[key]
        rows[town.ags, town.valid_from] = town
    for town in changes.new:
        assert (town.ags, town.valid_from) not in rows
        rows[town.ags, town.valid_from] = town
    found = sorted(rows.values(), key=lambda one: (one.ags, one.valid_from))
    for one, other in pairwise(found):
        assert one.ags != other.ags or one.valid_to <= other.valid_from, "periods of a town overlap"
    return found


def edition(stored: Sequence[Town], told: Sequence[Town], place: Place) -> list[Town]:
    return after(stored, merge(stored, told, AREA, place))


A = Town("99001001", "Musterstadt", postcodes=("00100",))
B = Town("99001002", "Beispielhausen", postcodes=("00110",))
C = Town("99001003", "Probeheim")


def test_towns_of_the_first_edition_have_always_been_there() -> None:
    found = edition([], [A, B], Place(FIRST))
    assert [(one.valid_from, one.valid_to) for one in found] == [(ALWAYS, OPEN)] * 2


def test_loading_the_same_again_changes_nothing() -> None:
    stored = edition([], [A, B], Place(FIRST))
    changes = merge(stored, [A, B], AREA, Place(FIRST))
    assert not changes.new
    assert not changes.changed


def test_a_town_that_vanished_ends_and_keeps_its_row_and_a_new_one_may_overlap_it() -> None:
    stored = edition([], [A, B], Place(FIRST))
    a, b, c = edition(stored, [A, C], Place(SECOND, before=FIRST))
    assert (a.valid_from, a.valid_to) == (ALWAYS, OPEN)
    assert (b.name, b.valid_to) == ("Beispielhausen", SECOND)
    assert (c.valid_from, c.valid_to) == (date(2024, 1, 1), OPEN)
    assert b.holds(date(2024, 6, 1))  # nobody knows on which day
    assert c.holds(date(2024, 6, 1))


def test_who_is_missing_from_a_file_of_another_kreis_stays() -> None:
    stored = edition([], [A, Town("98001001", "Anderswo")], Place(FIRST))
    other, a = edition(stored, [A], Place(SECOND, before=FIRST))
    assert (other.valid_to, a.valid_to) == (OPEN, OPEN)


def test_a_new_name_begins_a_new_period_and_a_new_postcode_does_not() -> None:
    stored = edition([], [A, B], Place(FIRST))
    renamed = [Town(A.ags, "Musterstadt, Stadt"), Town(B.ags, B.name, postcodes=("00111",))]
    old, new, b = edition(stored, renamed, Place(SECOND, before=FIRST))
    assert (old.name, old.valid_to) == ("Musterstadt", SECOND)
    assert (new.name, new.valid_from, new.postcodes) == ("Musterstadt, Stadt", SECOND, ("00100",))
    assert (b.postcodes, b.valid_from) == (("00111",), ALWAYS)


def test_the_official_file_keeps_further_postcodes_that_a_table_has_brought() -> None:
    stored = [Town(A.ags, A.name, postcodes=("00100", "00101", "00102"))]
    told = [Town(A.ags, A.name, postcodes=("00101",), more_postcodes=True)]
    (found,) = edition(stored, told, Place(SECOND, before=FIRST))
    assert found.postcodes == ("00101", "00100", "00102")


def test_a_table_tells_the_day_of_a_merger_and_the_successor() -> None:
    stored = edition(edition([], [A, B], Place(FIRST)), [A], Place(SECOND, before=FIRST))
    day = date(2024, 7, 1)
    told = [A, Town(B.ags, B.name, valid_to=day, successors=(A.ags,))]
    _, b = edition(stored, told, Place(THIRD, before=SECOND))
    assert (b.valid_from, b.valid_to, b.successors) == (ALWAYS, day, (A.ags,))
    assert b.holds(date(2024, 6, 30))
    assert not b.holds(day)


def test_a_town_that_a_second_file_of_the_same_day_takes_back_held_for_that_day() -> None:
    stored = [replace(A, valid_to=SECOND), Town(A.ags, "Neustadt", valid_from=SECOND)]
    _, new = edition(stored, [B], Place(SECOND, before=FIRST))[:2]
    assert (new.valid_from, new.valid_to) == (SECOND, date(2025, 1, 1))


def test_a_town_that_comes_back_begins_anew() -> None:
    stored = edition(edition([], [A, B], Place(FIRST)), [A], Place(SECOND, before=FIRST))
    _, old, new = edition(stored, [A, B], Place(THIRD, before=SECOND))
    assert (old.valid_to, new.valid_from) == (SECOND, date(2025, 1, 1))


def test_an_older_edition_adds_what_was_before() -> None:
    stored = edition([], [A, C], Place(THIRD))
    a, b, c = edition(stored, [A, B], Place(FIRST, after=THIRD))
    assert (a.valid_from, a.valid_to) == (ALWAYS, OPEN)
    assert (b.valid_from, b.valid_to) == (ALWAYS, THIRD)
    assert (c.valid_from, c.valid_to) == (date(2024, 1, 1), OPEN)
    between = edition([a, b, c], [A, B, C], Place(SECOND, before=FIRST, after=THIRD))
    assert between == [a, b, c]


def test_the_same_editions_in_any_order_tell_the_same() -> None:
    forward = edition(edition([], [A, B], Place(FIRST)), [A, C], Place(THIRD, before=FIRST))
    backward = edition(edition([], [A, C], Place(THIRD)), [A, B], Place(FIRST, after=THIRD))
    assert forward == backward


def test_many_ends_are_noticed() -> None:
    many = [Town(f"9900{at:04}", f"Ort {at}") for at in range(1000, 1100)]
    stored = edition([], many, Place(FIRST))
    assert not merge(stored, many[5:], AREA, Place(SECOND, before=FIRST)).ends_many
    assert merge(stored, many[6:], AREA, Place(SECOND, before=FIRST)).ends_many
