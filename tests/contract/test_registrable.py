"""What the desk may register agrees with the steering side's law on every day on which that changes."""

from datetime import date, timedelta

import pytest

from services.allocation.law.rulebook import load_rulebook
from services.texts.registrable import limits_on

ENDS = (date(2024, 11, 30),)
DAYS = [date(2020, 1, 1), date(2026, 11, 29), *ENDS, *(day + timedelta(days=1) for day in ENDS)]


@pytest.mark.parametrize("day", DAYS)
def test_the_desk_offers_the_course_types_of_the_law(day: date) -> None:
    assert limits_on(day).course_types == set(load_rulebook().on(day).course_types)


def test_every_end_that_the_law_knows_is_tried() -> None:
    book = load_rulebook()
    last = {starts for day in DAYS for starts in book.on(day).last_starts.values()}
    assert last == set(ENDS)
