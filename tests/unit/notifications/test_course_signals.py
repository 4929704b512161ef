"""What the totals of a course tell without any person: reports that stop, attendance that collapses."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifications.participation.signals import (
    Collapsed,
    CourseTotals,
    FirstTold,
    Silent,
    first_told,
    longest_gap,
    of_many,
    signals,
)

START = date(2028, 1, 3)
END = START + timedelta(days=200)


def reports(number: int, every: int = 1, share: float = 0.9, first: int = 0) -> list[CourseTotals]:
    """One day of 20 people and 5 UE a day, reported `every` so many days at once."""
    return [
        CourseTotals(
            START + timedelta(days=n), START + timedelta(days=(n // every + 1) * every), 5, 20, 100 * share
        )
        for n in range(first, first + number)
    ]


@pytest.mark.parametrize(
    ("days", "today", "usual", "expected"),
    [
        (reports(10), 12, None, []),
        (reports(10), 25, None, []),
        (reports(10), 26, None, [Silent(START + timedelta(days=10))]),
        (reports(28, every=28), 71, 28, [Silent(START + timedelta(days=28))]),
        (reports(56, every=28), 98, None, []),
        (reports(56, every=28), 99, None, [Silent(START + timedelta(days=56))]),
        ([], 21, 7, []),
        ([], 22, 7, [Silent(START)]),
        ([], 35, None, []),
        ([], 36, None, [Silent(START)]),
        ([], -5, None, []),
        (reports(10), 300, None, []),
    ],
)
def test_a_course_is_silent_when_its_own_rhythm_does_not_explain_it(
    days: list[CourseTotals], today: int, usual: int | None, expected: list[object]
) -> None:
    assert signals(days, START, END, START + timedelta(days=today), usual) == expected


def test_attendance_that_halves_is_told_and_thin_attendance_is_not() -> None:
    today = START + timedelta(days=21)
    fallen = reports(15) + reports(5, share=0.4, first=15)
    assert signals(fallen, START, END, today, None) == [Collapsed(90, 40)]
    assert signals(reports(15, share=0.45) + reports(5, share=0.4, first=15), START, END, today, None) == []
    assert signals(reports(15) + reports(5, share=0.7, first=15), START, END, today, None) == []
    assert signals(reports(3) + reports(5, share=0.1, first=3), START, END, today, None) == []


def test_days_of_few_people_tell_nothing() -> None:
    hidden = [CourseTotals(day.day, day.reported_on, 5, 2, None) for day in reports(20)]
    assert signals(hidden, START, END, START + timedelta(days=20), None) == []


def test_days_from_before_reports_were_dated_count_as_reported_at_once() -> None:
    old = [CourseTotals(day.day, None, 5, 20, 90) for day in reports(10)]
    assert signals(old, START, END, START + timedelta(days=25), 1) == [Silent(START + timedelta(days=9))]
    assert longest_gap([]) is None


DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@given(
    st.lists(
        st.builds(
            CourseTotals,
            DAYS,
            st.none() | DAYS,
            st.floats(0, 12),
            st.integers(1, 100),
            st.none() | st.floats(0, 1200),
        ),
        max_size=40,
    ),
    DAYS,
    DAYS,
    DAYS,
)
def test_whatever_was_reported_is_judged(
    days: list[CourseTotals], starts_on: date, ends_on: date, today: date
) -> None:
    assert len(signals(days, starts_on, ends_on, today, None)) <= 2


CALENDAR = st.dates(START - timedelta(days=20), END + timedelta(days=20))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            CourseTotals,
            CALENDAR,
            st.none() | CALENDAR,
            st.just(5.0),
            st.integers(1, 12),
            st.none() | st.integers(0, 60).map(float),
        ),
        max_size=30,
    ),
    st.none() | st.integers(1, 60),
)
def test_the_first_day_is_that_of_the_first_signal_seen_day_by_day(
    days: list[CourseTotals], usual: int | None
) -> None:
    first: dict[type, date] = {}
    for number in range((END - START).days + 1):
        today = START + timedelta(days=number)
        known = [day for day in days if day.told_on <= today]
        for signal in signals(known, START, END, today, usual):
            first.setdefault(type(signal), today)
    assert first_told(days, START, END, usual) == FirstTold(first.get(Silent), first.get(Collapsed))


def test_a_course_that_broke_down_is_told_on_the_day_of_the_report() -> None:
    fallen = reports(15) + reports(5, share=0.4, first=15)
    assert first_told(fallen, START, START + timedelta(days=25), None).collapsed == START + timedelta(days=20)
    assert first_told(fallen, START, START + timedelta(days=19), None) == FirstTold(None, None)
    assert first_told([], START, END, None) == FirstTold(START + timedelta(days=36), None)
    assert first_told([], START, START - timedelta(days=1), None) == FirstTold(None, None)
    assert first_told(of_many(fallen, 21), START, START + timedelta(days=25), None).collapsed is None
