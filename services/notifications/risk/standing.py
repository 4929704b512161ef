"""Finds what the calendar brings about for somebody before, during and after a course.

Everything is judged from how a person stands on a day, so a matter that is settled is found no more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from schemas.codes import ENROLLED, SEATED, PlacementState
from services.notifications.risk.domain import Finding, Matter, Rule, joined

Key = tuple[Matter, UUID | None]
"""A matter and the course it is about, None: before any course."""


@dataclass(frozen=True, slots=True)
class StandingRules:
    """How many days before, or after, something the rules apply; an open matter stays a little longer."""

    offer_days: int
    """Before an offer expires."""
    right_days: int
    """Before the entitlement ends."""
    right_clear_days: int
    """Days before its end from which an entitlement that was extended is far enough."""
    waiting_days: int
    """Without a seat, since registration or since the last course ended."""
    interrupted_days: int
    """Since an interruption began: one of more than a year may end the entitlement (IntV § 4)."""
    cap_ue: int
    """Most hours that are funded (IntV §§ 10-14)."""
    hours_left_ue: int
    """Hours left below which it is time to plan the end."""
    hours_clear_ue: int
    cancelled_days: int
    """After a cancellation: by then somebody has talked to them, or nobody will."""
    next_step_days: int
    """After the end of a course without a new place."""
    afterwards_days: int
    """After the end of a course: how long anything about it is still news."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place of somebody in a course, as it stands."""

    course: UUID
    state: str
    since: date
    """The day of its last step."""
    starts_on: date
    expires_on: date | None = None
    ended_on: date | None = None
    integration: bool = True
    """Whether B1 and Leben in Deutschland are the aim."""

    @property
    def over_since(self) -> date:
        """The day on which it ended; one that is told ahead, or wrong, ended when that was told."""
        return self.since if self.ended_on is None else min(self.ended_on, self.since)


@dataclass(frozen=True, slots=True)
class Result:
    """A result that was reported: of a section test or a final examination."""

    course: UUID
    day: date
    kind: str
    """`section`, `language` or `lid`."""
    reached: bool
    sat: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands."""

    registered_on: date | None = None
    withdrawn: bool = False
    right_until: date | None = None
    places: tuple[Place, ...] = ()
    results: tuple[Result, ...] = ()
    ue_used: int = 0
    """Hours of courses held while the person sat in them, as far as reported."""
    open: frozenset[Key] = frozenset()
    """Matters about which a risk is open already."""
    elsewhere: frozenset[UUID] = frozenset()
    """Courses of places that are known under another of the person's ids only."""


def assess(standing: Standing, today: date, rules: StandingRules) -> dict[Key, Finding]:
    """Return what applies to somebody today, by matter and course."""
    if standing.withdrawn:
        return {}
    found: dict[Key, list[Finding]] = {}
    for course, finding in _findings(standing, today, rules):
        found.setdefault((finding.matter, course), []).append(finding)
    return {key: joined(of_matter) for key, of_matter in found.items()}


def _findings(standing: Standing, today: date, rules: StandingRules) -> Iterator[tuple[UUID | None, Finding]]:
    seated = any(place.state in SEATED for place in standing.places)
    for place in standing.places:
        yield from ((place.course, finding) for finding in _of_place(standing, place, today, rules))
    yield from ((None, finding) for finding in _without_place(standing, today, rules, seated=seated))


def _of_place(standing: Standing, place: Place, today: date, rules: StandingRules) -> Iterator[Finding]:
    seated = [other for other in standing.places if other.state in SEATED]
    match place.state:
        case PlacementState.RESERVED if place.expires_on is not None:
            left = (place.expires_on - today).days
            if 0 <= left <= rules.offer_days:
                yield Finding(Rule.OFFER_UNANSWERED, place.since, {"until": place.expires_on.isoformat()})
        case PlacementState.INTERRUPTED:
            days = (today - place.since).days
            if days >= rules.interrupted_days:
                yield Finding(Rule.INTERRUPTED_LONG, place.since, _since(place.since, days))
        case PlacementState.COURSE_CANCELLED if not any(_replaces(other, place) for other in seated):
            if (today - place.since).days < rules.cancelled_days:
                yield Finding(Rule.COURSE_CANCELLED, place.since, {"since": place.since.isoformat()})
        case PlacementState.COMPLETED:
            yield from _afterwards(standing, place, seated, today, rules)
        case _:
            pass
    if place.state in ENROLLED:
        yield from _progress(standing.results, place)
        yield from _hours(standing, place, rules)


def _replaces(other: Place, cancelled: Place) -> bool:
    """Return whether a seat is there instead of a cancelled one.

    Of one kind of course a person has one seat at a time. Of another kind only a seat that was settled
    since counts: a vocational course that was to follow begins no sooner. Steps of one day have no order.
    """
    return other.integration == cancelled.integration or other.since >= cancelled.since


def _follows(other: Place, completed: Place) -> bool:
    """Return whether a seat was settled, or its course began, since a course was completed."""
    return other.since >= completed.since or other.starts_on >= completed.over_since


def _progress(results: Sequence[Result], place: Place) -> Iterator[Finding]:
    """Judge the latest result of each kind in a course that goes on."""
    latest = _latest(results, place.course)
    for kind in ("language", "lid"):
        result = latest.get(kind)
        if result is not None and not result.reached:
            rule = Rule.EXAM_FAILED if result.sat else Rule.EXAM_NOT_SAT
            yield Finding(rule, result.day, {"since": result.day.isoformat()})
    section = latest.get("section")
    if section is not None and not section.reached:
        yield Finding(Rule.SECTION_BELOW, section.day, {"since": section.day.isoformat()})


def _latest(results: Sequence[Result], course: UUID) -> dict[str, Result]:
    return {one.kind: one for one in sorted(results, key=lambda one: one.day) if one.course == course}


def _hours(standing: Standing, place: Place, rules: StandingRules) -> Iterator[Finding]:
    if not place.integration:
        return
    is_open = (Matter.HOURS, place.course) in standing.open
    left = rules.cap_ue - standing.ue_used
    if left < (rules.hours_clear_ue if is_open else rules.hours_left_ue):
        yield Finding(Rule.HOURS_NEARLY_USED, place.starts_on, {"ue": max(left, 0)})


def _afterwards(
    standing: Standing, place: Place, seated: Sequence[Place], today: date, rules: StandingRules
) -> Iterator[Finding]:
    ended = place.over_since
    days = (today - ended).days
    if not 0 <= days < rules.afterwards_days:
        return
    latest = _latest(standing.results, place.course)
    follows = any(_follows(other, place) for other in seated)
    for kind, rule in (("language", Rule.COMPLETED_WITHOUT_B1), ("lid", Rule.COMPLETED_WITHOUT_LID)):
        result = latest.get(kind)
        if place.integration and result is not None and not result.reached and not follows:
            yield Finding(rule, ended, {"since": ended.isoformat()})
    if days >= rules.next_step_days and not seated:
        yield Finding(Rule.NO_NEXT_STEP, ended, _since(ended, days))


def _without_place(
    standing: Standing, today: date, rules: StandingRules, *, seated: bool
) -> Iterator[Finding]:
    if seated or standing.registered_on is None:
        return
    if standing.right_until is not None:
        left = (standing.right_until - today).days
        is_open = (Matter.WAITING, None) in standing.open
        if 0 <= left <= (rules.right_clear_days if is_open else rules.right_days):
            since = standing.right_until - timedelta(days=rules.right_clear_days)
            yield Finding(Rule.RIGHT_LAPSES, since, {"until": standing.right_until.isoformat()})
    ended = [place.over_since for place in standing.places if place.ended_on is not None]
    if any(place.state == PlacementState.COMPLETED for place in standing.places):
        return  # what follows a course that was finished is a matter of its own
    waits_since = max([standing.registered_on, *ended])
    days = (today - waits_since).days
    if days >= rules.waiting_days:
        yield Finding(Rule.WAITS_LONG, waits_since, _since(waits_since, days))


def _since(day: date, days: int) -> dict[str, str | int]:
    return {"since": day.isoformat(), "days": days}
