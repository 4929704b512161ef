"""Figures that may be shown: no small group shows, not even by subtraction."""

from hypothesis import given
from hypothesis import strategies as st

from services.allocation.outcomes.domain import Shown, Wait, shown, shown_cells, shown_stages, wait

K = st.integers(2, 5)
COUNTS = st.integers(0, 30)


def test_zero_is_not_suppressed() -> None:
    assert shown(0, 10, 3) == Shown(0)
    assert shown(10, 10, 3) == Shown(10)
    assert shown(2, 10, 3) == Shown(None)
    assert shown(9, 10, 3) == Shown(None)  # the tenth would show


def test_a_single_gap_is_closed_by_a_second_one() -> None:
    assert shown_cells({"moved": 1, "work": 7, "other": 9, "transfer": 0}, 3) == {
        "moved": Shown(None),
        "work": Shown(None),
        "other": Shown(9),
        "transfer": Shown(0),
    }
    assert shown_cells({"moved": 4, "work": 7}, 3) == {"moved": Shown(4), "work": Shown(7)}


def test_stages_that_differ_by_a_few_are_suppressed() -> None:
    assert shown_stages([20, 19, 12, 12, 2], 3) == (
        Shown(20),
        Shown(None),
        Shown(12),
        Shown(12),
        Shown(None),
    )


def test_a_median_needs_k_people() -> None:
    assert wait("registration", [10, 30], 3) == Wait("registration", None, None)
    assert wait("registration", [], 3) == Wait("registration", 0, None)
    assert wait("registration", [10, 30, 20, 40], 3) == Wait("registration", 4, 25.0)


@given(st.dictionaries(st.text(min_size=1, max_size=3), COUNTS, max_size=6), K)
def test_hidden_cells_cannot_be_computed_from_the_total(cells: dict[str, int], k: int) -> None:
    table = shown_cells(cells, k)
    hidden = [name for name, number in table.items() if number.value is None]
    assert all(table[name].value == value for name, value in cells.items() if name not in hidden)
    assert all(not 0 < value < k for name, value in cells.items() if name not in hidden)
    others = [name for name, value in cells.items() if value > 0]
    if hidden and len(others) > 1:
        assert len(hidden) > 1
        assert sum(cells[name] for name in hidden) >= k or set(hidden) == set(others)


@given(st.lists(COUNTS, min_size=1, max_size=6), K)
def test_no_two_shown_stages_differ_by_a_small_group(counts: list[int], k: int) -> None:
    stages = sorted(counts, reverse=True)
    values = [number.value for number in shown_stages(stages, k)]
    known = [value for value in values if value is not None]
    for first in range(len(known)):
        for second in range(first + 1, len(known)):
            assert not 0 < known[first] - known[second] < k


@given(COUNTS, COUNTS, K)
def test_neither_part_nor_rest_shows_if_small(value: int, rest: int, k: int) -> None:
    number = shown(value, value + rest, k).value
    if 0 < value < k or 0 < rest < k:
        assert number is None
    else:
        assert number == value
