"""Which office is responsible and why; office hours."""

import itertools
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
    merged,
)
from services.notifications.offices.ranking import deciding, rank
from services.notifications.offices.store import hours_of
from services.places.public_holidays import LAENDER, holidays_of, land_of

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
        "phase": "any",
        "catchment": "kreis",
        "language": "spoken",
        "target": "none",
        "capacity": "free",
        "kind": "free",
        "load": "light",
        "open": "open",
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


def test_the_stand_in_of_a_stand_in_comes_first_and_a_circle_ends() -> None:
    def one(slug: str, stand_in: str | None, *, active: bool) -> CounsellingOffice:
        return CounsellingOffice(
            slug, "x", "mbe", catchment=HERE, capacity=5, stand_in=stand_in, active=active
        )

    chain = [one("c", "d", active=False), one("d", "z", active=False), one("y", None, active=True)]
    ranked = rank(PersonFacts("99001001"), [*chain, one("z", "c", active=True)], TODAY)
    assert [entry.office for entry in ranked] == ["z", "y"]
    circle = [one("c", "d", active=False), one("d", "c", active=False), one("y", None, active=True)]
    assert [entry.office for entry in rank(PersonFacts("99001001"), circle, TODAY)] == ["y"]


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


@pytest.mark.parametrize(
    ("seat", "catchment", "day", "works"),
    [
        (None, ["99001"], date(2026, 4, 3), False),  # Good Friday, everywhere
        (None, ["99001"], date(2026, 4, 6), False),  # Easter Monday
        (None, ["99001"], date(2026, 6, 4), True),  # Corpus Christi, not everywhere
        (None, ["09161"], date(2026, 6, 4), False),
        (None, ["11000"], date(2026, 6, 4), True),
        (None, ["11000"], date(2027, 3, 8), False),  # Women's Day in Berlin
        (None, ["14511", "14625"], date(2026, 11, 18), False),  # Day of Repentance in Saxony
        (None, ["05111"], date(2026, 11, 18), True),
        (None, ["05111"], date(2027, 11, 1), False),  # All Saints in North Rhine-Westphalia
        (None, ["03241"], date(2027, 11, 1), True),
        (None, ["16051"], date(2027, 9, 20), False),  # Children's Day in Thuringia
        (None, ["01001"], date(2028, 10, 31), False),  # Reformation Day in Schleswig-Holstein
        (None, ["09161", "14511"], date(2026, 11, 18), True),  # several Länder, no seat: the whole country's
        ("14511", ["09161", "14511"], date(2026, 11, 18), False),
        ("09161", ["09161", "14511"], date(2026, 11, 18), True),
        (None, ["09761"], date(2028, 8, 8), True),  # Augsburg's own: among its closed days
        (None, ["09162"], date(2028, 8, 15), True),  # Assumption Day hangs on the municipality
        (None, ["05111"], date(2026, 12, 24), True),
        (None, ["05111"], date(2026, 5, 1), False),
    ],
)
def test_public_holidays_of_the_land_are_no_working_days(
    seat: str | None, catchment: list[str], day: date, works: bool
) -> None:
    hours = OfficeHours(USUAL, holidays=holidays_of(land_of(seat, catchment)))
    assert bool(hours.of(day)) is works


@pytest.mark.parametrize("land", sorted(LAENDER))
def test_no_alert_falls_due_on_a_holiday(land: str) -> None:
    hours = OfficeHours(USUAL, holidays=holidays_of(land))
    for day in range(366):
        due = after_office_hours(at("2026-01-01T08:00:00+00:00") + timedelta(days=day), 7, hours)
        assert hours.of(due.date())
    assert after_office_hours(at("2026-04-02T13:00:00+00:00"), 2, hours) == at("2026-04-07T08:00:00+00:00")


def test_spans_stored_out_of_order_overlapping_or_reversed_count_each_hour_once() -> None:
    stored = {"mon": [["14:00", "18:00"], ["09:00", "12:00"], ["11:00", "13:00"], ["16:00", "09:00"]]}
    hours = OfficeHours(hours_of(stored))
    assert hours.of(date(2026, 3, 2)) == ((time(9), time(13)), (time(14), time(18)))
    start = at("2026-03-02T08:00:00+00:00")  # nine in Germany
    assert after_office_hours(start, 8, hours) == at("2026-03-02T17:00:00+00:00")


@given(st.lists(st.tuples(st.times(), st.times()), max_size=8))
def test_merged_spans_are_sorted_apart_and_cover_the_same_times(spans: list[tuple[time, time]]) -> None:
    joined = merged(spans)
    assert all(opens < closes for opens, closes in joined)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(joined))
    for probe in {moment for span in spans for moment in span}:
        inside = any(opens <= probe < closes for opens, closes in spans)
        assert inside == any(opens <= probe < closes for opens, closes in joined)


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
