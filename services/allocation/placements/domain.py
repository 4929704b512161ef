"""Defines the chain of a placement: which step may follow which, which seats it takes and frees."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from schemas.codes import ENROLLED, SEATED, CourseKind, PlacementState
from services.allocation.courses.domain import Course

OFFERED = frozenset({PlacementState.PROPOSED, PlacementState.SENT_TO_AUTHORITY})
"""States of a proposal that nobody has approved: no seat is held."""

PROMISED = frozenset({PlacementState.RESERVED, PlacementState.ACCEPTED})
"""States in which a seat is held that the provider has not confirmed."""

LIVE = OFFERED | SEATED
"""States that can still become something else."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was decided: a code with parameters, rendered where it is shown."""

    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another place the person could have been offered, and why it was not."""

    course: UUID
    provider: str
    section: int
    starts_on: date
    reason: Reason


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a steering run wants for one person."""

    participant: UUID
    course: UUID
    entry_section: int
    reason: Reason
    reasons: tuple[Reason, ...] = ()
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """A placement as it stands; `seats` are the sections in which it is counted."""

    placement: UUID
    kreis: str
    participant: UUID
    course: UUID
    provider: str
    office: str
    course_kind: CourseKind
    entry_section: int
    state: PlacementState
    reason: Reason
    proposed_at: datetime
    changed_at: datetime
    seats: tuple[int, ...] = ()
    version: int = 1
    published: bool = False
    run: UUID | None = None
    reasons: tuple[Reason, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    expires_at: datetime | None = None
    own_number: str | None = None
    started_on: date | None = None
    ended_on: date | None = None
    exit_kind: str | None = None
    exit_event: UUID | None = None
    past_exits: tuple[UUID, ...] = ()
    """Reports of an exit that were corrected or retracted."""

    def stepped(self, version: int, now: datetime) -> "Placement":
        """Number and date a step."""
        return replace(self, version=version, changed_at=now)


@dataclass(frozen=True, slots=True)
class Step:
    """The placement moves on: how it stood (None: not at all) and how it now stands."""

    before: Placement | None
    after: Placement


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nothing has to change; the code says why."""

    code: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The step is not possible; the code says why and what to do."""

    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)


Decision = Step | Unchanged | Refusal


def offer(  # noqa: PLR0917 - a placement's first facts
    placement: UUID,
    person: tuple[UUID, str, str],
    course: Course,
    proposal: Proposal,
    run: UUID | None,
    now: datetime,
) -> Step:
    """Propose a place; it takes no seat and nobody outside hears of it. `person`: id, office, Kreis."""
    participant, office, kreis = person
    return Step(
        None,
        Placement(
            placement=placement,
            kreis=kreis,
            participant=participant,
            course=course.course,
            provider=course.provider,
            office=office,
            course_kind=course.facts.kind,
            entry_section=proposal.entry_section,
            state=PlacementState.PROPOSED,
            reason=proposal.reason,
            proposed_at=now,
            changed_at=now,
            run=run,
            reasons=proposal.reasons,
            alternatives=proposal.alternatives,
        ),
    )


def obstacle(course: Course, entry: int, kind_rivals: Iterable[Placement], day: date) -> Refusal | None:
    """Return what stands against taking a seat from this section on: the course, a rival place, no seat."""
    if course.state != "announced":
        return Refusal("course_over", {"state": course.state})
    section = course.section(entry)
    if section is None or section.removed:
        return Refusal("section_unknown", {"section": entry})
    if section.ends_on < day:
        return Refusal("section_over", {"section": entry})
    if any(rival.state in SEATED and rival.course_kind == course.facts.kind for rival in kind_rivals):
        return Refusal("already_placed")
    full = course.full(course.seats_from(entry))
    return None if full is None else Refusal("no_seat", {"section": full})


def rivals(placement: Placement, others: Iterable[Placement]) -> list[Placement]:
    """Leave a placement itself out of its person's placements."""
    return [other for other in others if other.placement != placement.placement]


def seated_in(placements: Iterable[Placement], course: UUID) -> Placement | None:
    """Find the placement that holds a seat in a course, if one of a person's does."""
    return next((one for one in placements if one.course == course and one.state in SEATED), None)


def reserve(  # noqa: PLR0917 - all that a reservation depends on
    placement: Placement,
    course: Course,
    others: Iterable[Placement],
    expires_at: datetime | None,
    reason: Reason,
    day: date,
) -> Decision:
    """Approve a proposal: a seat is held until `expires_at`."""
    if placement.state in PROMISED | ENROLLED:
        return Unchanged("already_approved")
    if placement.state not in OFFERED:
        return Refusal("placement_over", {"state": placement.state})
    against = obstacle(course, placement.entry_section, rivals(placement, others), day)
    if against is not None:
        return against
    return Step(
        placement,
        replace(
            placement,
            state=PlacementState.RESERVED,
            seats=course.seats_from(placement.entry_section),
            expires_at=expires_at,
            reason=reason,
            published=True,
        ),
    )


def send_to_authority(placement: Placement) -> Decision:
    """Note that the authority was asked."""
    match placement.state:
        case PlacementState.SENT_TO_AUTHORITY:
            return Unchanged("already_sent")
        case PlacementState.PROPOSED:
            return Step(
                placement,
                replace(
                    placement, state=PlacementState.SENT_TO_AUTHORITY, reason=Reason("sent_to_authority")
                ),
            )
        case _:
            return Refusal("placement_over", {"state": placement.state})


def refused_by_authority(placement: Placement) -> Decision:
    """The authority does not agree to a proposal that was sent to it."""
    if placement.state != PlacementState.SENT_TO_AUTHORITY:
        return Refusal("not_with_authority")
    return Step(placement, gone(placement, PlacementState.SUPERSEDED, Reason("refused_by_authority")))


def accept(placement: Placement, reason: Reason) -> Decision:
    """The person takes the place."""
    if placement.state == PlacementState.RESERVED:
        after = replace(placement, state=PlacementState.ACCEPTED, expires_at=None, reason=reason)
        return Step(placement, after)
    if placement.state in SEATED or placement.state == PlacementState.COMPLETED:
        return Unchanged("already_accepted")
    return _too_late(placement)


def decline(placement: Placement, reason: Reason) -> Decision:
    """The person does not take the place; never a breach of duty."""
    if placement.state in PROMISED:
        return Step(placement, gone(placement, PlacementState.DECLINED, reason))
    if placement.state in {PlacementState.DECLINED, PlacementState.EXPIRED}:
        return Unchanged(f"already_{placement.state}")
    if placement.state in ENROLLED:
        return Refusal("already_confirmed")
    return _too_late(placement)


def _too_late(placement: Placement) -> Refusal:
    match placement.state:
        case PlacementState.PROPOSED | PlacementState.SENT_TO_AUTHORITY | PlacementState.SUPERSEDED:
            return Refusal("not_reserved")
        case PlacementState.EXPIRED:
            return Refusal("reservation_expired")
        case PlacementState.DECLINED:
            return Refusal("already_declined")
        case _:
            return Refusal("placement_over", {"state": placement.state})


def confirm(
    placement: Placement, own_number: str | None, reason: Reason = Reason("confirmed_by_provider")
) -> Decision:
    """The provider confirms the place, or tells its own number of the person."""
    number = own_number or placement.own_number
    if placement.state in PROMISED:
        after = replace(
            placement,
            state=PlacementState.CONFIRMED,
            expires_at=None,
            own_number=number,
            reason=reason,
        )
        return Step(placement, after)
    if placement.state in ENROLLED:
        if number == placement.own_number:
            return Unchanged("already_confirmed")
        return Step(placement, replace(placement, own_number=number, reason=Reason("own_number_changed")))
    return _too_late(placement)


def refuse(placement: Placement, reason: Reason) -> Decision:
    """The provider cannot take the person."""
    if placement.state in PROMISED | {PlacementState.CONFIRMED}:
        return Step(placement, gone(placement, PlacementState.REFUSED, reason))
    if placement.state in ENROLLED:
        return Refusal("already_started")
    if placement.state in OFFERED or not placement.published:
        return Refusal("not_reserved")
    return Unchanged("already_over")


def expire(placement: Placement, now: datetime) -> Decision:
    """Nobody answered in time; never a breach of duty."""
    if (
        placement.state != PlacementState.RESERVED
        or placement.expires_at is None
        or placement.expires_at >= now
    ):
        return Unchanged("not_due")
    return Step(placement, gone(placement, PlacementState.EXPIRED, Reason("no_answer")))


def hold_until(placement: Placement, last: datetime) -> Decision:
    """End a reservation sooner than was said: its course begins earlier."""
    if placement.state != PlacementState.RESERVED or placement.expires_at is None:
        return Unchanged("not_reserved")
    if placement.expires_at <= last:
        return Unchanged("ends_before")
    return Step(placement, replace(placement, expires_at=last, reason=Reason("begins_earlier")))


def withdraw_proposal(placement: Placement, reason: Reason) -> Decision:
    """Withdraw a proposal that nobody has approved."""
    if placement.state in OFFERED:
        return Step(placement, gone(placement, PlacementState.SUPERSEDED, reason))
    if placement.state in SEATED:
        return Refusal("already_approved")
    return Unchanged("already_over")


def give_up(placement: Placement, reason: Reason) -> Decision:
    """Give up a seat that is held and has not been taken yet: a person's or the office's decision."""
    if placement.state in PROMISED | {PlacementState.CONFIRMED}:
        return Step(placement, gone(placement, PlacementState.RELEASED, reason))
    if placement.state in ENROLLED:
        return Refusal("already_started")
    if placement.state in OFFERED:
        return Refusal("not_reserved")
    return Unchanged("already_over")


def take_back(placement: Placement, reason: Reason) -> Decision:
    """Withdraw a proposal, or give up a seat that has not been taken yet."""
    return (withdraw_proposal if placement.state in OFFERED else give_up)(placement, reason)


def stay_in_merged(placement: Placement) -> Step:
    """Note that somebody keeps the seat in a course that was merged with one that is nothing for them."""
    return Step(placement, replace(placement, reason=Reason("stays_in_merged")))


def gone(placement: Placement, state: PlacementState, reason: Reason) -> Placement:
    """End a placement that has not started: every seat is free again."""
    return replace(placement, state=state, seats=(), expires_at=None, reason=reason)
