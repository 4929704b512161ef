"""The chain of a placement: which step may follow which, which seats it takes and frees."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from schemas.codes import ENROLLED, SEATED, CourseKind, ExitKind, PlacementState, SectionDecision
from services.allocation.courses.domain import Course

OFFERED = frozenset({PlacementState.PROPOSED, PlacementState.SENT_TO_AUTHORITY})
"""States of a proposal that nobody has released: no seat is held."""

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

    def stepped(self, version: int, now: datetime) -> "Placement":
        """Number and date a step."""
        return replace(self, version=version, changed_at=now)


@dataclass(frozen=True, slots=True)
class Step:
    """The placement moves on: how it stood (None: not at all) and how it now stands."""

    before: Placement | None
    after: Placement


@dataclass(frozen=True, slots=True)
class Stay:
    """Nothing has to change; the code says why."""

    code: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The step is not possible; the code says why and what to do."""

    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)


Decision = Step | Stay | Refuse


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


def obstacle(course: Course, entry: int, kind_rivals: Iterable[Placement], day: date) -> Refuse | None:
    """Say what stands against taking a seat from this section on: the course, a rival place, or no seat."""
    if course.state != "announced":
        return Refuse("course_over", {"state": course.state})
    section = course.section(entry)
    if section is None or section.removed:
        return Refuse("section_unknown", {"section": entry})
    if section.ends_on < day:
        return Refuse("section_over", {"section": entry})
    if any(rival.state in SEATED and rival.course_kind == course.facts.kind for rival in kind_rivals):
        return Refuse("already_placed")
    full = course.full(course.seats_from(entry))
    return None if full is None else Refuse("no_seat", {"section": full})


def _rivals(placement: Placement, others: Iterable[Placement]) -> list[Placement]:
    return [other for other in others if other.placement != placement.placement]


def reserve(  # noqa: PLR0917 - all that a reservation depends on
    placement: Placement,
    course: Course,
    others: Iterable[Placement],
    expires_at: datetime | None,
    reason: Reason,
    day: date,
) -> Decision:
    """Release a proposal: a seat is held until `expires_at`."""
    if placement.state in PROMISED | ENROLLED:
        return Stay("already_released")
    if placement.state not in OFFERED:
        return Refuse("placement_over", {"state": placement.state})
    against = obstacle(course, placement.entry_section, _rivals(placement, others), day)
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
            return Stay("already_sent")
        case PlacementState.PROPOSED:
            return Step(
                placement,
                replace(
                    placement, state=PlacementState.SENT_TO_AUTHORITY, reason=Reason("sent_to_authority")
                ),
            )
        case _:
            return Refuse("placement_over", {"state": placement.state})


def accept(placement: Placement, reason: Reason) -> Decision:
    """The person takes the place."""
    if placement.state == PlacementState.RESERVED:
        after = replace(placement, state=PlacementState.ACCEPTED, expires_at=None, reason=reason)
        return Step(placement, after)
    if placement.state in SEATED or placement.state == PlacementState.COMPLETED:
        return Stay("already_accepted")
    return _too_late(placement)


def decline(placement: Placement, reason: Reason) -> Decision:
    """The person does not take the place; never a breach of duty."""
    if placement.state in PROMISED:
        return Step(placement, _gone(placement, PlacementState.DECLINED, reason))
    if placement.state in {PlacementState.DECLINED, PlacementState.EXPIRED}:
        return Stay(f"already_{placement.state}")
    if placement.state in ENROLLED:
        return Refuse("already_confirmed")
    return _too_late(placement)


def _too_late(placement: Placement) -> Refuse:
    match placement.state:
        case PlacementState.PROPOSED | PlacementState.SENT_TO_AUTHORITY | PlacementState.SUPERSEDED:
            return Refuse("not_reserved")
        case PlacementState.EXPIRED:
            return Refuse("reservation_expired")
        case PlacementState.DECLINED:
            return Refuse("already_declined")
        case _:
            return Refuse("placement_over", {"state": placement.state})


def confirm(placement: Placement, own_number: str | None) -> Decision:
    """The provider confirms the place, or tells its own number of the person."""
    number = own_number or placement.own_number
    if placement.state in PROMISED:
        after = replace(
            placement,
            state=PlacementState.CONFIRMED,
            expires_at=None,
            own_number=number,
            reason=Reason("confirmed_by_provider"),
        )
        return Step(placement, after)
    if placement.state in ENROLLED:
        if number == placement.own_number:
            return Stay("already_confirmed")
        return Step(placement, replace(placement, own_number=number, reason=Reason("own_number_changed")))
    return _too_late(placement)


def refuse(placement: Placement, reason: Reason) -> Decision:
    """The provider cannot take the person."""
    if placement.state in PROMISED | {PlacementState.CONFIRMED}:
        return Step(placement, _gone(placement, PlacementState.REFUSED, reason))
    if placement.state in ENROLLED:
        return Refuse("already_started")
    if placement.state in OFFERED or not placement.published:
        return Refuse("not_reserved")
    return Stay("already_over")


def expire(placement: Placement, now: datetime) -> Decision:
    """Nobody answered in time; never a breach of duty."""
    if (
        placement.state != PlacementState.RESERVED
        or placement.expires_at is None
        or placement.expires_at >= now
    ):
        return Stay("not_due")
    return Step(placement, _gone(placement, PlacementState.EXPIRED, Reason("no_answer")))


def give_up(placement: Placement, reason: Reason) -> Decision:
    """Take back a proposal or a place that has not started: a person's or the office's decision."""
    if placement.state in OFFERED:
        return Step(placement, _gone(placement, PlacementState.SUPERSEDED, reason))
    if placement.state in PROMISED | {PlacementState.CONFIRMED}:
        return Step(placement, _gone(placement, PlacementState.RELEASED, reason))
    if placement.state in ENROLLED:
        return Refuse("already_started")
    return Stay("already_over")


def _gone(placement: Placement, state: PlacementState, reason: Reason) -> Placement:
    """End a placement that has not started: every seat is free again."""
    return replace(placement, state=state, seats=(), expires_at=None, reason=reason)


def start(placement: Placement, course: Course, day: date) -> Decision:
    """The first day of the entry section has come."""
    section = course.section(placement.entry_section)
    if placement.state != PlacementState.CONFIRMED or section is None or section.starts_on > day:
        return Stay("not_due")
    return Step(
        placement,
        replace(
            placement,
            state=PlacementState.STARTED,
            started_on=section.starts_on,
            reason=Reason("section_began", {"section": section.number}),
        ),
    )


def _end(placement: Placement, course: Course, state: PlacementState, reason: Reason, day: date) -> Placement:
    """End a placement on a day; seats in sections that are over by then stay counted."""
    over = frozenset(course.not_over(placement.seats, day))
    entry = course.section(placement.entry_section)
    began = None if entry is None or entry.starts_on > day else entry.starts_on
    return replace(
        placement,
        state=state,
        seats=tuple(number for number in placement.seats if number not in over),
        expires_at=None,
        started_on=placement.started_on or (began if placement.state in ENROLLED else None),
        ended_on=day,
        reason=reason,
    )


def leave(placement: Placement, course: Course, kind: str, day: date, event: UUID) -> Decision:
    """Somebody no longer attends."""
    reason = Reason("left", {"kind": kind})
    if placement.state in PROMISED:
        return Step(placement, _gone(placement, PlacementState.RELEASED, reason))
    if placement.state in ENROLLED:
        state = PlacementState.TRANSFERRED if kind == ExitKind.TRANSFER else PlacementState.LEFT
        after = _end(placement, course, state, reason, day)
        return Step(placement, replace(after, exit_kind=kind, exit_event=event))
    if placement.state in {PlacementState.LEFT, PlacementState.TRANSFERRED}:
        return Stay("already_left")
    if placement.state in OFFERED or not placement.published:
        return Refuse("not_enrolled")
    return Refuse("placement_over", {"state": placement.state})


def correct_exit(placement: Placement, kind: str, day: date, event: UUID) -> Decision:
    """The provider had told the wrong kind or day."""
    if placement.state not in {PlacementState.LEFT, PlacementState.TRANSFERRED}:
        return Refuse("placement_over", {"state": placement.state})
    return Step(
        placement,
        replace(
            placement,
            state=PlacementState.TRANSFERRED if kind == ExitKind.TRANSFER else PlacementState.LEFT,
            ended_on=day,
            exit_kind=kind,
            exit_event=event,
            reason=Reason("exit_corrected", {"kind": kind}),
        ),
    )


def reopen(placement: Placement, course: Course, others: Iterable[Placement]) -> Decision:
    """The exit was reported wrongly: the person has the place back if the seats are still there."""
    if placement.state not in {PlacementState.LEFT, PlacementState.TRANSFERRED}:
        return Refuse("placement_over", {"state": placement.state})
    if course.state != "announced":
        return Refuse("course_over", {"state": course.state})
    rivals = _rivals(placement, others)
    if any(rival.state in SEATED and rival.course_kind == placement.course_kind for rival in rivals):
        return Refuse("already_placed")
    wanted = course.seats_from(placement.entry_section)
    missing = [number for number in wanted if number not in placement.seats]
    full = course.full(missing)
    if full is not None:
        return Refuse("no_seat", {"section": full})
    state = PlacementState.CONFIRMED if placement.started_on is None else PlacementState.STARTED
    return Step(
        placement,
        replace(
            placement,
            state=state,
            seats=tuple(sorted({*placement.seats, *wanted})),
            ended_on=None,
            exit_kind=None,
            exit_event=None,
            reason=Reason("exit_retracted"),
        ),
    )


def after_section(  # noqa: PLR0911, PLR0917 - one return for each decision
    placement: Placement, course: Course, section: int, decision: str, next_section: int | None, day: date
) -> Decision:
    """What a person does after a section: a question of seats."""
    if placement.state not in ENROLLED:
        return Refuse("not_enrolled")
    if section < placement.entry_section:
        return Stay("not_in_section")
    entry = course.section(placement.entry_section)
    began = replace(
        placement, started_on=placement.started_on or (entry.starts_on if entry else day), expires_at=None
    )
    match decision:
        case SectionDecision.CONTINUES:
            return _go_on(placement, began, course, section, next_section or section + 1)
        case SectionDecision.SKIPS:
            return _go_on(placement, began, course, section, next_section or section + 2)
        case SectionDecision.REPEATS if _comes_again(course, next_section or section, day):
            return _go_on(placement, began, course, section, next_section or section)
        case SectionDecision.REPEATS:
            reason = Reason("repeats_section", {"section": next_section or section})
            return Step(placement, _after(began, course, section, PlacementState.TRANSFERRED, reason, day))
        case SectionDecision.PAUSES:
            return _pause(placement, began, course, section, next_section)
        case SectionDecision.ENDS:
            reason = Reason("ended_after_section", {"section": section})
            ended = _after(began, course, section, PlacementState.LEFT, reason, day)
            return Step(placement, replace(ended, exit_kind=ExitKind.OTHER))
        case _:
            return Refuse("code_unknown", {"section": section})


def _comes_again(course: Course, section: int, day: date) -> bool:
    found = course.section(section)
    return found is not None and not found.removed and found.starts_on > day


def _after(  # noqa: PLR0917
    began: Placement, course: Course, section: int, state: PlacementState, reason: Reason, day: date
) -> Placement:
    ended = _end(began, course, state, reason, day)
    return replace(ended, seats=tuple(number for number in began.seats if number <= section))


def _go_on(before: Placement, began: Placement, course: Course, section: int, onward: int) -> Decision:
    """Sit on from a section; seats between are freed, seats not yet held must be free."""
    past = tuple(number for number in began.seats if number <= section and number < onward)
    seats = (*past, *course.seats_from(onward))
    if not seats or onward not in seats:
        seats = past or began.seats
    full = course.full(number for number in seats if number not in before.seats)
    if full is not None:
        return Refuse("no_seat", {"section": full})
    if seats == before.seats and before.state == PlacementState.STARTED:
        return Stay("goes_on")
    reason = Reason("goes_on", {"section": onward})
    return Step(before, replace(began, state=PlacementState.STARTED, seats=seats, reason=reason))


def _pause(before: Placement, began: Placement, course: Course, section: int, onward: int | None) -> Decision:
    """Pause; with a section to come back at, the seats before it are freed, else all are held."""
    seats = began.seats
    if onward is not None:
        back = frozenset(course.seats_from(onward))
        seats = tuple(number for number in began.seats if number <= section or number in back)
    if before.state == PlacementState.INTERRUPTED and seats == before.seats:
        return Stay("already_interrupted")
    reason = Reason("pauses", {} if onward is None else {"section": onward})
    return Step(before, replace(began, state=PlacementState.INTERRUPTED, seats=seats, reason=reason))


def lose_course(placement: Placement, course: Course, reason: Reason, day: date) -> Decision:
    """The course does not take place or not go on; everybody in it waits again."""
    if placement.state in OFFERED:
        return Step(placement, _gone(placement, PlacementState.SUPERSEDED, reason))
    if placement.state in PROMISED:
        return Step(placement, _gone(placement, PlacementState.COURSE_CANCELLED, reason))
    if placement.state in ENROLLED:
        return Step(placement, _end(placement, course, PlacementState.COURSE_CANCELLED, reason, day))
    return Stay("already_over")


def finish_course(placement: Placement, course: Course, day: date) -> Decision:
    """The course has ended: who sat in it has completed, who had not come gives the seat up."""
    reason = Reason("course_completed")
    match placement.state:
        case PlacementState.PROPOSED | PlacementState.SENT_TO_AUTHORITY:
            return Step(placement, _gone(placement, PlacementState.SUPERSEDED, reason))
        case PlacementState.RESERVED | PlacementState.ACCEPTED:
            return Step(placement, _gone(placement, PlacementState.RELEASED, reason))
        case PlacementState.CONFIRMED | PlacementState.STARTED:
            entry = course.section(placement.entry_section)
            started = placement.started_on or (min(entry.starts_on, day) if entry else day)
            after = replace(
                placement, state=PlacementState.COMPLETED, started_on=started, ended_on=day, reason=reason
            )
            return Step(placement, after)
        case PlacementState.INTERRUPTED:
            after = _end(placement, course, PlacementState.LEFT, Reason("interrupted_to_the_end"), day)
            return Step(placement, replace(after, exit_kind=ExitKind.OTHER))
        case _:
            return Stay("already_over")


def sit_in(placement: Placement, added: Iterable[int]) -> Placement:
    """Count a seated person in sections that were added after they entered."""
    new = [number for number in added if number >= placement.entry_section]
    return replace(placement, seats=tuple(sorted({*placement.seats, *new})))
