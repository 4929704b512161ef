"""Decides when a mail may go out: as early as the office allows, never earlier, and never not at all."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Protocol
from uuid import UUID

from schemas.days import LOCAL, local_day

_LONGEST = 366  # days without an open hour after which an office is taken as always open
MOST_IN_ONE = 50
"""A mail tells of so many alerts at most; the next mail tells of the others."""


class Hours(Protocol):
    """The opening hours of an office."""

    def of(self, day: date, /) -> Sequence[tuple[time, time]]:
        """Return the spans of a day, sorted; none if the office is closed."""
        ...


class Enrolments(StrEnum):
    """When an office hears of enrolments."""

    AT_ONCE = "at_once"
    DAILY = "daily"


class Hold(StrEnum):
    """At which hours mails to an office wait."""

    NEVER = "never"
    OFFICE_HOURS = "office_hours"
    """Outside of its office hours."""
    QUIET_HOURS = "quiet_hours"
    """From an hour in the evening to one in the morning."""


class HeldFor(StrEnum):
    """Why a mail waits."""

    NEW = "new"
    """Nobody has looked at it yet."""
    DIGEST = "digest"
    OFFICE_HOURS = "office_hours"
    QUIET_HOURS = "quiet_hours"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Telling:
    """How an office wants to be told."""

    enrolments: Enrolments = Enrolments.AT_ONCE
    digest_at: time = time(8)
    hold: Hold = Hold.NEVER
    quiet_from: time = time(20)
    quiet_to: time = time(7)
    repeat_hours: int | None = None
    by_mail: bool = True


@dataclass(frozen=True, slots=True)
class Silence:
    """Holds mails to the office's own mailbox from one moment to another."""

    starts_at: datetime
    ends_at: datetime
    about: str = "everything"
    """`everything`, or one kind of alert."""

    def mutes(self, kind: str, at: datetime) -> bool:
        """Return whether it holds a mail about this kind of alert."""
        return self.about in {"everything", kind} and self.starts_at <= at < self.ends_at


@dataclass(frozen=True, slots=True)
class Message:
    """A mail as far as it decides about when it may go out."""

    created_at: datetime
    kind: str
    """Kind of its alert: enrolment or risk."""
    role: str
    """To whom in the office it goes: office, lead, head or last."""
    step: str
    """The first word of its delivery's step: notice, escalation, repeat, withdrawn, ..."""


@dataclass(frozen=True, slots=True)
class GoesOut:
    """The mail may go out now."""


@dataclass(frozen=True, slots=True)
class Held:
    """The mail waits until then; `why` is what holds it last."""

    until: datetime
    why: HeldFor


@dataclass(frozen=True, slots=True)
class Office:
    """What an office has chosen, its hours, and the silences that have not ended."""

    telling: Telling
    hours: Hours
    silences: Sequence[Silence] = ()


def when(message: Message, office: Office, now: datetime) -> GoesOut | Held:
    """Decide whether a mail may go out now, or until when it is held.

    Digest first, then whatever holds: the mail goes at the first moment that all of them allow.
    What goes to the last resort is never held; a silence holds what goes to the office's own mailbox only.
    """
    at, why = now, HeldFor.NEW
    if _in_digest(message, office.telling):
        digest = first_digest(message.created_at, office)
        if digest > at:
            at, why = digest, HeldFor.DIGEST
    if message.role != "last":
        while True:
            later, reason = _held(message, office, at)
            if later == at:
                break
            at, why = later, reason
    return GoesOut() if at <= now else Held(at, why)


class Needless(StrEnum):
    """Why a held mail does not go out at all; stored with the delivery."""

    ANSWERED = "answered"
    """The office has dealt with the alert, or no longer has it."""
    OUTDATED = "outdated"
    """What it says was true when it was written."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert as it stands when a mail about it may go out; `asked`: it is with the mail's office."""

    state: str
    opening: int
    snoozed_until: datetime | None = None
    asked: bool = True


_UNANSWERED = frozenset({"new", "seen"})
_ASKS = frozenset({"notice", "repeat", "snooze"})
"""Steps by which an office is asked to look; needless as soon as it has answered."""


def needless(step: str, role: str, alert: Standing, now: datetime) -> Needless | None:
    """Return why a mail has nothing true to say any more; None if it has.

    >>> night = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
    >>> needless("repeat-1-1", "office", Standing("seen", 1), night)
    <Needless.OUTDATED: 'outdated'>
    """
    kind, _, rest = step.partition("-")
    if role != "office" and kind != "declined":
        return None
    if kind in _ASKS and (alert.state not in _UNANSWERED or not alert.asked):
        return Needless.ANSWERED
    return None if _still_so(kind, rest.partition("-")[0], alert, now) else Needless.OUTDATED


def _still_so(kind: str, opening: str, alert: Standing, now: datetime) -> bool:
    same = opening == str(alert.opening)
    match kind:
        case "withdrawn":
            return alert.state == "withdrawn" and same
        case "declined":
            return alert.state == "declined" and same and alert.asked
        case "repeat":
            return alert.state == "new" and same
        case "snooze":
            return same and (alert.snoozed_until is None or alert.snoozed_until <= now)
        case _:
            return True


def _in_digest(message: Message, telling: Telling) -> bool:
    daily = telling.enrolments is Enrolments.DAILY
    return daily and message.kind == "enrolment" and message.role == "office" and message.step == "notice"


def _held(message: Message, office: Office, at: datetime) -> tuple[datetime, HeldFor]:
    """Return the first moment from `at` on that the next rule allows; `at` itself if all allow it."""
    telling = office.telling
    if message.role == "office":
        muted = [one.ends_at for one in office.silences if one.mutes(message.kind, at)]
        if muted:
            return max(muted), HeldFor.SILENCE
    if telling.hold is Hold.QUIET_HOURS:
        return after_quiet(at, telling.quiet_from, telling.quiet_to), HeldFor.QUIET_HOURS
    if telling.hold is Hold.OFFICE_HOURS:
        return next_open(at, office.hours), HeldFor.OFFICE_HOURS
    return at, HeldFor.NEW


def moment(day: date, clock: time) -> datetime:
    """Return the moment of a local time; one that a change of clocks leaves out comes an hour later.

    >>> (
    ...     moment(date(2026, 3, 29), time(2, 30)).isoformat(),
    ...     moment(date(2026, 10, 25), time(2, 30)).isoformat(),
    ... )
    ('2026-03-29T01:30:00+00:00', '2026-10-25T00:30:00+00:00')
    """
    return datetime.combine(day, clock, LOCAL).astimezone(UTC)


def _days(start: datetime) -> Iterator[date]:
    day = local_day(start)
    return (day + timedelta(days=number) for number in range(_LONGEST + 1))


def next_open(at: datetime, hours: Hours) -> datetime:
    """Return the first moment from `at` on at which an office is open.

    An office without any hours in a year is taken as always open: nothing waits for ever.
    """
    for day in _days(at):
        for opens, closes in hours.of(day):
            begins, ends = moment(day, opens), moment(day, closes)
            if at < ends and begins < ends:
                return max(at, begins)
    return at


def after_quiet(at: datetime, starts: time, ends: time) -> datetime:
    """Return the first moment from `at` on that lies outside of the quiet hours; they may span midnight.

    >>> night = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
    >>> after_quiet(night, time(20), time(7)).isoformat(), after_quiet(night, time(1), time(7)) == night
    ('2026-03-03T06:00:00+00:00', True)
    """
    today = local_day(at)
    for day in (today - timedelta(days=1), today):
        over = day if starts < ends else day + timedelta(days=1)
        if moment(day, starts) <= at < moment(over, ends):
            return moment(over, ends)
    return at


def first_digest(since: datetime, office: Office) -> datetime:
    """Return the first time of the digest, from `since` on, on a day on which the office works."""
    for day in _days(since):
        at = moment(day, office.telling.digest_at)
        if at >= since and office.hours.of(day):
            return at
    return since


@dataclass(frozen=True, slots=True)
class Waiting:
    """A held mail that may go out now."""

    delivery: UUID
    recipient: str
    step: str
    created_at: datetime


def grouped(due: Iterable[Waiting]) -> list[list[Waiting]]:
    """Put mails to one mailbox that say the same together, the oldest first; the first carries the rest."""
    ordered = sorted(due, key=lambda one: (*_key(one), one.created_at, one.delivery))
    groups = [list(group) for _, group in groupby(ordered, _key)]
    return [
        group[begin : begin + MOST_IN_ONE] for group in groups for begin in range(0, len(group), MOST_IN_ONE)
    ]


def _key(one: Waiting) -> tuple[str, str]:
    return one.recipient, kind_of(one.step)


def kind_of(step: str) -> str:
    """Return what a delivery's step says: notice, escalation, undelivered, declined, repeat, ...

    >>> kind_of("escalation-1-2"), kind_of("undelivered-notice-1")
    ('escalation', 'undelivered')
    """
    return step.partition("-")[0]


LEVELS = ("lead", "head", "last")
"""To whom an alert that nobody answers goes, one after the other, all within the office's organisation."""


def level_of(step: int, known: Mapping[str, str | None]) -> str:
    """Return who hears at a step of the escalation (1, 2, ...): the step's own level, or the next below.

    >>> level_of(2, {"lead": "a", "head": None, "last": "c"}), level_of(3, {"lead": "a", "last": "c"})
    ('lead', 'last')
    >>> level_of(9, {})
    'lead'
    """
    for level in reversed(LEVELS[: max(1, min(step, len(LEVELS)))]):
        if known.get(level):
            return level
    return LEVELS[0]


_LAST_STEP = LEVELS.index("last") + 1
_REPEATS = 3


def escalation_hours(hours: Sequence[float], known: Mapping[str, str | None]) -> Sequence[float]:
    """Return after how many office hours an alert escalates; without a last resort not that far.

    >>> escalation_hours([8, 24, 40], {"lead": "a"}), escalation_hours([8], {"last": "c"})
    ([8, 24], [8])
    """
    return hours if known.get("last") else hours[: _LAST_STEP - 1]


def repeat_hours(telling: Telling) -> Sequence[float]:
    """Return after how many office hours the office is reminded until somebody looks.

    >>> repeat_hours(Telling(repeat_hours=4)), repeat_hours(Telling())
    ([4.0, 8.0, 12.0], [])
    """
    every = telling.repeat_hours
    return [] if every is None else [float(every * number) for number in range(1, _REPEATS + 1)]
