"""Held mails: never dropped, never out earlier than allowed, always out at the first moment allowed."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemas.days import LOCAL
from services.notifications.delivery.holding.domain import (
    LEVELS,
    MOST_IN_ONE,
    Enrolments,
    GoesOut,
    Held,
    HeldFor,
    Hold,
    Message,
    Office,
    Silence,
    Telling,
    Waiting,
    grouped,
    level_of,
    moment,
    next_open,
    when,
)
from services.notifications.offices.domain import USUAL, WEEKDAYS, OfficeHours, merged
from services.places.public_holidays import holidays_of

BAVARIA, NRW = holidays_of("09"), holidays_of("05")
DST_AND_LEAP = [
    datetime(2026, 3, 28, 22, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 59, tzinfo=UTC),
    datetime(2026, 10, 24, 23, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 0, tzinfo=UTC),
    datetime(2028, 2, 28, 23, 0, tzinfo=UTC),
    datetime(2028, 2, 29, 12, 0, tzinfo=UTC),
    datetime(2026, 12, 23, 15, 0, tzinfo=UTC),
]
moments = st.one_of(
    st.sampled_from(DST_AND_LEAP),
    st.datetimes(datetime(2025, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
clocks = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 30, 59]))
spans = st.lists(st.tuples(clocks, clocks), max_size=3).map(lambda found: tuple(merged(found)))
weeks = st.one_of(st.just(USUAL), st.dictionaries(st.sampled_from(WEEKDAYS), spans))
hours = st.builds(OfficeHours, weeks, st.just(frozenset()), st.sampled_from([BAVARIA, NRW, frozenset()]))
tellings = st.builds(
    Telling,
    st.sampled_from(Enrolments),
    clocks,
    st.sampled_from(Hold),
    clocks,
    clocks,
).filter(lambda telling: telling.quiet_from != telling.quiet_to)
messages = st.builds(
    Message,
    moments,
    st.sampled_from(["enrolment", "risk"]),
    st.sampled_from(["office", *LEVELS]),
    st.sampled_from(["notice", "escalation", "withdrawn", "repeat"]),
)


@st.composite
def offices(draw: st.DrawFn, around: datetime) -> Office:
    silences = draw(
        st.lists(
            st.builds(
                lambda start, hours, about: Silence(
                    around + timedelta(hours=start), around + timedelta(hours=start + hours), about
                ),
                st.integers(-200, 200),
                st.integers(1, 31 * 24),
                st.sampled_from(["everything", "enrolment", "risk"]),
            ),
            max_size=3,
        )
    )
    return Office(draw(tellings), draw(hours), silences)


def quiet(telling: Telling, at: datetime) -> bool:
    """Written a second time: by the day's own moments."""
    day = at.astimezone(LOCAL).date()
    for begins in (day - timedelta(days=1), day):
        ends = begins if telling.quiet_from < telling.quiet_to else begins + timedelta(days=1)
        if moment(begins, telling.quiet_from) <= at < moment(ends, telling.quiet_to):
            return True
    return False


def works(found: OfficeHours, at: datetime) -> bool:
    day = at.astimezone(LOCAL).date()
    return any(moment(day, a) <= at < moment(day, b) for a, b in found.of(day))


def ever_works(found: OfficeHours, at: datetime) -> bool:
    day = at.astimezone(LOCAL).date()
    return any(
        moment(one, a) < moment(one, b) and moment(one, b) > at
        for n in range(367)
        for one in [day + timedelta(days=n)]
        for a, b in found.of(one)
    )


def allowed(message: Message, office: Office, at: datetime) -> bool:
    """Say whether a mail that is in no digest may go out at a moment."""
    assert isinstance(office.hours, OfficeHours)
    if message.role == "last":
        return True
    if message.role == "office" and any(one.mutes(message.kind, at) for one in office.silences):
        return False
    if office.telling.hold is Hold.QUIET_HOURS:
        return not quiet(office.telling, at)
    if office.telling.hold is Hold.OFFICE_HOURS:
        return works(office.hours, at) or not ever_works(office.hours, at)
    return True


def edges(office: Office, start: datetime, end: datetime) -> Sequence[datetime]:
    """Every moment between two at which something begins or ends: elsewhere the answer does not change."""
    assert isinstance(office.hours, OfficeHours)
    found = {start} | {one.starts_at for one in office.silences} | {one.ends_at for one in office.silences}
    day = start.astimezone(LOCAL).date() - timedelta(days=1)
    while day <= end.astimezone(LOCAL).date():
        found |= {moment(day, office.telling.quiet_from), moment(day, office.telling.quiet_to)}
        found |= {moment(day, clock) for span in office.hours.of(day) for clock in span}
        day += timedelta(days=1)
    return sorted(at for at in found if start <= at < end)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), messages, st.integers(0, 60 * 24 * 20))
def test_a_mail_goes_out_at_the_first_moment_that_is_allowed(
    data: st.DataObject, message: Message, minutes: int
) -> None:
    now = message.created_at + timedelta(minutes=minutes)
    office = data.draw(offices(now))
    found = when(message, office, now)
    in_digest = (message.kind, message.role, message.step) == ("enrolment", "office", "notice")
    in_digest = in_digest and office.telling.enrolments is Enrolments.DAILY
    if isinstance(found, GoesOut):
        assert allowed(message, office, now)
        return
    assert now < found.until <= now + timedelta(days=500)
    assert allowed(message, office, found.until)
    # Whoever looks again at that moment, or later while it is still allowed, lets it out.
    assert when(message, office, found.until) == GoesOut()
    start = now
    if in_digest:
        (digest,) = {at for at in [_digest(message, office)] if at > now} or {now}
        start = digest
        assert start <= found.until
    assert not any(allowed(message, office, at) for at in edges(office, start, found.until)), found
    assert not allowed(message, office, found.until - timedelta(microseconds=1)) or found.until == start


def _digest(message: Message, office: Office) -> datetime:
    assert isinstance(office.hours, OfficeHours)
    day = message.created_at.astimezone(LOCAL).date()
    for n in range(367):
        one = day + timedelta(days=n)
        at = moment(one, office.telling.digest_at)
        if at >= message.created_at and office.hours.of(one):
            return at
    return message.created_at


@given(st.data(), messages, st.lists(st.integers(1, 60 * 24 * 3), min_size=30, max_size=30))
def test_whenever_somebody_looks_it_goes_out_once_and_is_never_lost(
    data: st.DataObject, message: Message, waits: list[int]
) -> None:
    """Look at the moments that are told, each some minutes late, as a busy machine does."""
    now, office = message.created_at, data.draw(offices(message.created_at))
    for late in waits:
        match when(message, office, now):
            case GoesOut():
                return
            case Held(until, _):
                assert until > now
                now = until + timedelta(seconds=late % 7)
    raise AssertionError("held for ever")


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-02T13:00Z", "2026-03-03T07:00Z"),  # Monday to Tuesday, eight o'clock in Germany
        ("2026-03-06T13:00Z", "2026-03-09T07:00Z"),  # over the weekend
        ("2026-03-27T13:00Z", "2026-03-30T06:00Z"),  # the clocks change meanwhile
        ("2026-10-23T13:00Z", "2026-10-26T07:00Z"),
        ("2026-04-02T13:00Z", "2026-04-07T06:00Z"),  # Easter: Friday and Monday
        ("2028-02-28T13:00Z", "2028-02-29T07:00Z"),  # a leap day is a day
        ("2026-12-23T13:00Z", "2026-12-24T07:00Z"),
        ("2026-12-24T13:00Z", "2026-12-28T07:00Z"),  # 25 and 26, a weekend
        ("2026-06-03T13:00Z", "2026-06-05T06:00Z"),  # Corpus Christi, a holiday in Bavaria
    ],
)
def test_enrolments_wait_for_the_morning_of_the_next_working_day(now: str, until: str) -> None:
    at = datetime.fromisoformat(now)
    office = Office(Telling(Enrolments.DAILY), OfficeHours(USUAL, holidays=BAVARIA))
    enrolled = Message(at, "enrolment", "office", "notice")
    assert when(enrolled, office, at) == Held(datetime.fromisoformat(until), HeldFor.DIGEST)
    for other in (
        Message(at, "risk", "office", "notice"),
        Message(at, "enrolment", "lead", "escalation"),
        Message(at, "enrolment", "office", "withdrawn"),
    ):
        assert when(other, office, at) == GoesOut()


def test_a_digest_missed_by_a_second_does_not_wait_another_day() -> None:
    office = Office(Telling(Enrolments.DAILY), OfficeHours(USUAL))
    message = Message(datetime(2026, 3, 2, 13, tzinfo=UTC), "enrolment", "office", "notice")
    assert when(message, office, datetime(2026, 3, 3, 7, 0, 0, 300_000, tzinfo=UTC)) == GoesOut()


@pytest.mark.parametrize(("clock", "until"), [("02:30", "2026-03-29T01:30"), ("03:00", "2026-03-29T01:00")])
def test_quiet_hours_end_on_the_day_on_which_the_clocks_change(clock: str, until: str) -> None:
    office = Office(
        Telling(hold=Hold.QUIET_HOURS, quiet_from=time(22), quiet_to=time.fromisoformat(clock)),
        OfficeHours(USUAL),
    )
    at = datetime(2026, 3, 28, 23, tzinfo=UTC)
    found = when(Message(at, "risk", "office", "notice"), office, at)
    assert found == Held(datetime.fromisoformat(until + "+00:00"), HeldFor.QUIET_HOURS)


def test_a_silence_holds_the_office_and_not_its_lead() -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    silence = Silence(at - timedelta(hours=1), at + timedelta(hours=5), "risk")
    office = Office(Telling(), OfficeHours(USUAL), [silence])
    assert when(Message(at, "risk", "office", "notice"), office, at) == Held(silence.ends_at, HeldFor.SILENCE)
    assert when(Message(at, "risk", "lead", "escalation"), office, at) == GoesOut()
    assert when(Message(at, "enrolment", "office", "notice"), office, at) == GoesOut()


def test_an_office_that_never_opens_hears_at_once() -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    never = OfficeHours(dict.fromkeys(WEEKDAYS, ()))
    assert next_open(at, never) == at
    telling = Telling(Enrolments.DAILY, hold=Hold.OFFICE_HOURS)
    assert when(Message(at, "enrolment", "office", "notice"), Office(telling, never), at) == GoesOut()


waiting = st.builds(
    Waiting,
    st.uuids(),
    st.sampled_from(["office:a", "office:b", "lead:a"]),
    st.sampled_from(["notice-1", "notice-2", "withdrawn-1", "escalation-1-1", "escalation-1-2"]),
    moments,
)


@given(st.lists(waiting, max_size=150, unique_by=lambda one: one.delivery))
@example([Waiting(UUID(int=n), "office:a", "notice-1", DST_AND_LEAP[0]) for n in range(MOST_IN_ONE * 2 + 1)])
def test_groups_hold_each_mail_once_for_one_reader_and_one_kind(due: list[Waiting]) -> None:
    groups = grouped(due)
    assert sorted(one.delivery for group in groups for one in group) == sorted(one.delivery for one in due)
    for group in groups:
        assert 1 <= len(group) <= MOST_IN_ONE
        assert len({(one.recipient, one.step.partition("-")[0]) for one in group}) == 1
        assert all(a.created_at <= b.created_at for a, b in pairwise(group))


@given(st.integers(-1, 9), st.dictionaries(st.sampled_from(LEVELS), st.sampled_from(["a@b.example", None])))
def test_a_step_goes_to_its_level_or_the_next_below_that_has_a_mailbox(
    step: int, known: dict[str, str | None]
) -> None:
    found = level_of(step, known)
    assert LEVELS.index(found) < max(step, 1)
    assert known.get(found) or found == "lead"


def test_the_moment_an_office_closes_is_no_open_moment_and_the_one_it_opens_is() -> None:
    usual = OfficeHours(USUAL)
    closes, opens = datetime(2026, 3, 2, 15, tzinfo=UTC), datetime(2026, 3, 3, 8, tzinfo=UTC)
    assert next_open(closes - timedelta(microseconds=1), usual) == closes - timedelta(microseconds=1)
    assert next_open(closes, usual) == opens
    assert next_open(opens, usual) == opens
