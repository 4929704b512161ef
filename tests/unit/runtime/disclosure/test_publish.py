"""What a publication says: bands chosen by what is known, closed quarters, each once."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.disclosure.bands import UNTOLD, Band, band, share
from services.runtime.disclosure.figures import Counts, Figure, NotClosedError, Part, Publication, publish
from services.runtime.disclosure.quarters import Quarter, last_closed, quarter_of
from services.texts.figures import COMPLETIONS, COUNSELLING

QUARTER = Quarter(date(2026, 1, 1))
DAYS = st.dates(date(2020, 1, 1), date(2100, 1, 1))


def told(figure: Figure, k: int = 5, **counted: float | None) -> dict[str, Band]:
    counts = {part.name: 0 for part in figure.parts} | counted
    return dict(publish(figure, "99001", QUARTER, counts, k=k, today=QUARTER.closes_on).bands)


def test_all_of_a_small_group_and_none_of_it_look_alike() -> None:
    assert told(COUNSELLING, began=4, consented=4) == told(COUNSELLING, began=4)
    assert told(COUNSELLING, began=9, consented=9) == told(COUNSELLING, began=9)


def test_all_but_a_few_look_like_all() -> None:
    assert told(COUNSELLING, began=20, consented=20) == told(COUNSELLING, began=20, consented=16)
    assert told(COUNSELLING, began=20, consented=20)["consented"] == Band(15)


def test_a_part_of_a_part_is_told_by_what_is_published_of_it() -> None:
    bands = told(COUNSELLING, began=60, consented=44, at_risk=12, taken_up=12)
    assert (bands["consented"], bands["at_risk"]) == (Band(40, 44), Band(10, 14))
    assert bands["taken_up"] == Band(5)
    assert told(COUNSELLING, began=60, consented=44, at_risk=4, taken_up=3)["taken_up"] == UNTOLD


def test_totals_that_do_not_add_up_are_cut_to_their_group() -> None:
    bands = told(COMPLETIONS[0], in_courses=20, finished=25, sat=30, qualified=30, left=9)
    assert (bands["finished"], bands["left"]) == (Band(15), UNTOLD)


def test_courses_and_seats_are_told_as_they_are() -> None:
    figure = Figure("f", "", (Part("courses", counts=Counts.COURSES), Part("seats", counts=Counts.SEATS)))
    assert told(figure, courses=1, seats=17) == {"courses": Band(1, 1), "seats": Band(17, 17)}


@pytest.mark.parametrize(("people", "weeks"), [(9, UNTOLD), (10, Band(6, 6))])
def test_a_median_is_told_of_two_bands_of_people_at_least(people: int, weeks: Band) -> None:
    figure = Figure("f", "", (Part("all"), Part("median", of="all", counts=Counts.WEEKS)))
    assert told(figure, all=people, median=6.4)["median"] == weeks
    assert told(figure, all=people, median=None)["median"] == UNTOLD


def test_a_quarter_is_published_when_it_is_closed_and_once() -> None:
    counts = {part.name: 12 for part in COUNSELLING.parts}

    def attempt(today: date, *before: Quarter) -> Publication:
        return publish(COUNSELLING, "99001", QUARTER, counts, k=5, today=today, before=before)

    assert attempt(QUARTER.closes_on).counted_on == date(2026, 5, 26)
    for today, before in ((QUARTER.closes_on - timedelta(days=1), ()), (QUARTER.closes_on, (QUARTER,))):
        with pytest.raises(NotClosedError):
            attempt(today, *before)


@pytest.mark.parametrize("wrong", [{"k": 2}, {"began": -1}, {"began": None}])
def test_what_cannot_be_published_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"at least|missing"):
        told(COUNSELLING, **wrong)


@pytest.mark.parametrize(
    "parts",
    [
        (Part("a"), Part("a")),
        (Part("a", of="b"), Part("b")),
        (Part("a"), Part("b", of="a"), Part("c", apart_from=("b",))),
    ],
)
def test_a_figure_names_each_part_once_below_its_group(parts: tuple[Part, ...]) -> None:
    with pytest.raises(ValueError, match="is"):
        Figure("f", "", parts)


def test_no_quarter_begins_in_february() -> None:
    with pytest.raises(ValueError, match="quarter"):
        Quarter(date(2026, 2, 1))


@given(DAYS)
def test_quarters_follow_each_other_and_the_last_closed_one_is_closed(day: date) -> None:
    quarter, closed = quarter_of(day), last_closed(day)
    assert quarter.first <= day <= quarter.last
    assert quarter_of(quarter.last + timedelta(days=1)) > quarter
    after = quarter_of(closed.last + timedelta(days=1))
    assert closed.closes_on <= day < after.closes_on
    assert [month[:4] for month in quarter.months] == [str(quarter.first.year)] * 3


@given(st.integers(0, 200), st.integers(3, 9), st.integers(0, 200))
def test_a_band_holds_its_count_and_k_counts_that_the_group_allows(count: int, k: int, size: int) -> None:
    count = min(count, size)
    for at_least in (None, size, max(0, size - k)):
        found = band(count, k, at_least)
        top = found.high if at_least is None or found.high is not None else size
        assert top is not None
        assert found.low <= count <= top
        assert top - found.low + 1 >= min(k, size + 1)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(3, 6))
def test_the_share_of_two_bands_holds_the_true_one(part: int, rest: int, k: int) -> None:
    whole = band(part + rest, k)
    found = share(band(part, k, whole.low), whole)
    if found is not None:
        assert found[0] <= 100 * part / (part + rest) <= found[1]
