"""Which office is responsible and why; office hours."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.offices.domain import (
    USUAL,
    CounsellingOffice,
    OfficeHours,
    PersonFacts,
    after_office_hours,
    deciding,
    rank,
)

TODAY = date(2026, 3, 2)
HERE = frozenset({"99001"})
MBE = CounsellingOffice(
    "mbe", "awo", "mbe", age_from=27, catchment=HERE, languages=frozenset({"de", "ar"}), capacity=10
)
MBE_TOWN = CounsellingOffice(
    "mbe-town", "drk", "mbe", age_from=27, catchment=frozenset({"99001002"}), capacity=10
)
JMD = CounsellingOffice("jmd", "ib", "jmd", age_below=27, catchment=HERE, capacity=10)
ASYLUM = CounsellingOffice(
    "asyl", "awo", "asylum", asylum_phases=frozenset({"procedure"}), catchment=HERE, capacity=10
)
ALL = (MBE, MBE_TOWN, JMD, ASYLUM)


@pytest.mark.parametrize(
    ("facts", "relations", "first", "why"),
    [
        (PersonFacts("99001001"), (), "mbe", "catchment"),
        (PersonFacts("99001002"), (), "mbe-town", "catchment"),
        (PersonFacts("99001001", youth_until="2026-03"), (), "jmd", "asylum"),
        (PersonFacts("99001001", youth_until="2026-02"), (), "mbe", "catchment"),
        (PersonFacts("99001001", date(1999, 3, 3)), (), "jmd", "asylum"),
        (PersonFacts("99001001", date(1999, 3, 2)), (), "mbe", "catchment"),
        (PersonFacts("99001001", date(1990, 1, 1), "2027-01"), (), "mbe", "catchment"),
        (PersonFacts("99001001", asylum_phase="procedure"), (), "asyl", "asylum"),
        (PersonFacts("99001001"), ("mbe-town",), "mbe-town", "relation"),
        (PersonFacts("99001001", date(2005, 1, 1)), ("mbe",), "mbe", "relation"),
        (PersonFacts("99002001", languages=frozenset({"ar"})), (), "mbe", "language"),
        (PersonFacts(), (), "mbe", "order_of_slugs"),
    ],
)
def test_responsibility(facts: PersonFacts, relations: tuple[str, ...], first: str, why: str) -> None:
    ranked = rank(facts, ALL, TODAY, relations=relations)
    assert (ranked[0].office, deciding(ranked)) == (first, why)
    assert len(ranked) == len(ALL)


def test_each_criterion_says_what_it_found() -> None:
    ranked = rank(
        PersonFacts("99001001", date(1990, 1, 1), asylum_phase="none", languages=frozenset({"ar"})),
        [MBE],
        TODAY,
    )
    assert ranked[0].criteria == {
        "relation": "none",
        "age": "fits",
        "asylum": "any",
        "catchment": "kreis",
        "language": "spoken",
        "capacity": "free",
        "stand_in": "no",
    }
    assert deciding(ranked) == "only_one"


def test_a_full_office_comes_later_and_is_still_asked() -> None:
    twin = CounsellingOffice(
        "a-twin",
        "x",
        "mbe",
        age_from=27,
        catchment=frozenset({"99001"}),
        languages=frozenset({"de", "ar"}),
        capacity=10,
    )
    ranked = rank(PersonFacts("99001001"), [MBE, twin], TODAY, load={"a-twin": 10})
    assert [entry.office for entry in ranked] == ["mbe", "a-twin"]
    assert deciding(ranked) == "capacity"


def test_the_stand_in_of_a_closed_office_comes_first_among_equals() -> None:
    closed = CounsellingOffice(
        "mbe-zu", "x", "mbe", age_from=27, catchment=frozenset({"99001"}), stand_in="z-mbe", active=False
    )
    others = [
        CounsellingOffice(slug, "x", "mbe", age_from=27, catchment=frozenset({"99001"}), capacity=5)
        for slug in ("a-mbe", "z-mbe")
    ]
    ranked = rank(PersonFacts("99001001"), [closed, *others], TODAY)
    assert [entry.office for entry in ranked] == ["z-mbe", "a-mbe"]
    assert deciding(ranked) == "stand_in"


def test_without_consent_no_office_is_ranked() -> None:
    assert rank(PersonFacts("99001001"), [], TODAY) == []


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


HOURS = OfficeHours(USUAL, frozenset({date(2026, 4, 3), date(2026, 4, 6)}))  # Good Friday, Easter Monday


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-03-02T08:00:00+00:00", 2, "2026-03-02T10:00:00+00:00"),  # Monday nine o'clock
        ("2026-03-02T05:00:00+00:00", 1, "2026-03-02T09:00:00+00:00"),  # before opening
        ("2026-03-02T14:00:00+00:00", 2, "2026-03-03T09:00:00+00:00"),  # over the night
        ("2026-03-06T14:30:00+00:00", 1, "2026-03-09T08:30:00+00:00"),  # over the weekend
        ("2026-03-27T14:00:00+00:00", 2, "2026-03-30T08:00:00+00:00"),  # over the change of clocks
        ("2026-04-02T13:00:00+00:00", 2, "2026-04-07T08:00:00+00:00"),  # over Easter
        ("2026-03-07T12:00:00+00:00", 7, "2026-03-09T15:00:00+00:00"),  # from a Saturday, a whole day
    ],
)
def test_office_hours(start: str, hours: float, due: str) -> None:
    assert after_office_hours(at(start), hours, HOURS) == at(due)


def test_an_office_without_hours_counts_as_always_open() -> None:
    start = at("2026-03-02T08:00:00+00:00")
    assert after_office_hours(start, 5, OfficeHours({})) == start + timedelta(hours=5)


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - made aware below
    st.floats(0.25, 60),
    st.floats(0.25, 60),
)
def test_hours_add_up_and_end_in_office_hours(start: datetime, first: float, second: float) -> None:
    begin = start.replace(tzinfo=UTC)
    middle = after_office_hours(begin, first, HOURS)
    assert middle > begin
    both = after_office_hours(begin, first + second, HOURS)
    assert abs(after_office_hours(middle, second, HOURS) - both) < timedelta(seconds=1)
    local = middle.astimezone(at("2026-03-02T08:00:00+00:00").tzinfo)
    assert local.weekday() < 5
    assert time(6, 59) < local.time() <= time(15, 0)
