"""Moves a placement along once its course runs: it starts, changes sections, ends with it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from schemas.codes import ENROLLED, SEATED, ExitKind, PlacementState, SectionDecision
from services.allocation.courses.domain import Course
from services.allocation.placements.domain import (
    OFFERED,
    PROMISED,
    Decision,
    Placement,
    Reason,
    Refusal,
    Step,
    Unchanged,
    gone,
    rivals,
)

TO_THE_END = "interrupted_to_the_end"


def start(placement: Placement, course: Course, day: date) -> Decision:
    """The first day of the entry section has come."""
    section = course.section(placement.entry_section)
    if placement.state != PlacementState.CONFIRMED or section is None or section.starts_on > day:
        return Unchanged("not_due")
    return Step(
        placement,
        replace(
            placement,
            state=PlacementState.STARTED,
            started_on=section.starts_on,
            reason=Reason("section_began", {"section": section.number}),
        ),
    )


def _began(placement: Placement, course: Course, day: date) -> date | None:
    """Return since when somebody with a confirmed place sat in the course; None: they lost it before."""
    entry = course.section(placement.entry_section)
    if entry is None or entry.starts_on > day:
        return None
    return placement.started_on or entry.starts_on


def _end(placement: Placement, course: Course, state: PlacementState, reason: Reason, day: date) -> Placement:
    """End a placement on a day; seats in sections that are over by then stay counted."""
    return replace(
        placement,
        state=state,
        seats=_sat_through(placement, course, day),
        expires_at=None,
        started_on=_began(placement, course, day) if placement.state in ENROLLED else None,
        ended_on=day,
        reason=reason,
    )


def _sat_through(placement: Placement, course: Course, day: date) -> tuple[int, ...]:
    """Return the sections of a placement that are over by a day."""
    open_ = frozenset(course.not_over(placement.seats, day))
    return tuple(number for number in placement.seats if number not in open_)


def leave(placement: Placement, course: Course, kind: str, day: date, event: UUID) -> Decision:
    """Somebody no longer attends."""
    reason = Reason("left", {"kind": kind})
    if placement.state in PROMISED:
        after = gone(placement, PlacementState.RELEASED, reason)
        return Step(placement, replace(after, exit_event=event))
    if placement.state in ENROLLED:
        state = PlacementState.TRANSFERRED if kind == ExitKind.TRANSFER else PlacementState.LEFT
        after = _end(placement, course, state, reason, day)
        return Step(placement, replace(after, exit_kind=kind, exit_event=event))
    if placement.state in {PlacementState.LEFT, PlacementState.TRANSFERRED}:
        return Unchanged("already_left")
    if placement.state in OFFERED or not placement.published:
        return Refusal("not_enrolled")
    return Refusal("placement_over", {"state": placement.state})


def correct_exit(placement: Placement, course: Course, kind: str, day: date, event: UUID) -> Decision:
    """The provider had told the wrong kind or day; seats that were free meanwhile are not taken again."""
    if placement.state not in {PlacementState.LEFT, PlacementState.TRANSFERRED}:
        return Refusal("placement_over", {"state": placement.state})
    return Step(
        placement,
        replace(
            placement,
            state=PlacementState.TRANSFERRED if kind == ExitKind.TRANSFER else PlacementState.LEFT,
            seats=_sat_through(placement, course, day),
            started_on=_began(placement, course, day),
            ended_on=day,
            exit_kind=kind,
            exit_event=event,
            past_exits=_past_exits(placement),
            reason=Reason("exit_corrected", {"kind": kind}),
        ),
    )


def _past_exits(placement: Placement) -> tuple[UUID, ...]:
    last = () if placement.exit_event is None else (placement.exit_event,)
    return placement.past_exits + last


def reopen(
    placement: Placement, course: Course, others: Iterable[Placement], until: datetime | None = None
) -> Decision:
    """The exit was reported wrongly: the person has the place back if the seats are still there.

    Whose place was not confirmed yet is asked again, and has time `until` then.
    """
    promised = placement.state == PlacementState.RELEASED and placement.exit_event is not None
    if not promised and placement.state not in {PlacementState.LEFT, PlacementState.TRANSFERRED}:
        return Refusal("placement_over", {"state": placement.state})
    if course.state != "announced":
        return Refusal("course_over", {"state": course.state})
    kind = placement.course_kind
    if any(rival.state in SEATED and rival.course_kind == kind for rival in rivals(placement, others)):
        return Refusal("already_placed")
    wanted = course.seats_from(placement.entry_section)
    missing = [number for number in wanted if number not in placement.seats]
    full = course.full(missing)
    if full is not None:
        return Refusal("no_seat", {"section": full})
    state = PlacementState.CONFIRMED if placement.started_on is None else PlacementState.STARTED
    return Step(
        placement,
        replace(
            placement,
            state=PlacementState.RESERVED if promised else state,
            expires_at=until if promised else None,
            seats=tuple(sorted({*placement.seats, *wanted})),
            ended_on=None,
            exit_kind=None,
            exit_event=None,
            past_exits=_past_exits(placement),
            reason=Reason("exit_retracted"),
        ),
    )


def after_section(  # noqa: PLR0911, PLR0917 - one return for each decision
    placement: Placement, course: Course, section: int, decision: str, next_section: int | None, day: date
) -> Decision:
    """What a person does after a section: a question of seats."""
    if placement.state not in ENROLLED:
        return Refusal("not_enrolled")
    if section < placement.entry_section:
        return Unchanged("not_in_section")
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
        case SectionDecision.ENDS if not course.seats_from(section + 1):
            # Who ends with the last section has not left: the course's totals complete them.
            return _go_on(placement, began, course, section, section)
        case SectionDecision.ENDS:
            reason = Reason("ended_after_section", {"section": section})
            ended = _after(began, course, section, PlacementState.LEFT, reason, day)
            return Step(placement, replace(ended, exit_kind=ExitKind.OTHER))
        case _:
            return Refusal("code_unknown", {"section": section})


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
    past = tuple(number for number in began.seats if number < min(section + 1, onward))
    seats = (*past, *course.seats_from(onward))
    if onward not in seats:
        seats = past or began.seats
    full = course.full(number for number in seats if number not in before.seats)
    if full is not None:
        return Refusal("no_seat", {"section": full})
    if seats == before.seats and before.state == PlacementState.STARTED:
        return Unchanged("goes_on")
    reason = Reason("goes_on", {"section": onward})
    return Step(before, replace(began, state=PlacementState.STARTED, seats=seats, reason=reason))


def _pause(before: Placement, began: Placement, course: Course, section: int, onward: int | None) -> Decision:
    """Pause; with a section to come back at, the seats before it are freed, else all are held."""
    seats = began.seats
    if onward is not None:
        back = frozenset(course.seats_from(onward))
        seats = tuple(number for number in began.seats if number <= section or number in back)
    if before.state == PlacementState.INTERRUPTED and seats == before.seats:
        return Unchanged("already_interrupted")
    reason = Reason("pauses", {} if onward is None else {"section": onward})
    return Step(before, replace(began, state=PlacementState.INTERRUPTED, seats=seats, reason=reason))


def lose_course(placement: Placement, course: Course, reason: Reason, day: date) -> Decision:
    """The course does not take place or not go on; everybody in it waits again."""
    if placement.state in OFFERED:
        return Step(placement, gone(placement, PlacementState.SUPERSEDED, reason))
    if placement.state in PROMISED:
        return Step(placement, gone(placement, PlacementState.COURSE_CANCELLED, reason))
    if placement.state in ENROLLED:
        return Step(placement, _end(placement, course, PlacementState.COURSE_CANCELLED, reason, day))
    return Unchanged("already_over")


def finish_course(placement: Placement, course: Course, day: date) -> Decision:
    """The course has ended: who sat in it has completed, who had not come gives the seat up.

    Who was to enter at a section that did not begin any more has lost the course, and waits again.
    """
    reason = Reason("course_completed")
    entry = course.section(placement.entry_section)
    if placement.state == PlacementState.CONFIRMED and entry is not None and entry.starts_on > day:
        return lose_course(placement, course, reason, day)
    match placement.state:
        case PlacementState.PROPOSED | PlacementState.SENT_TO_AUTHORITY:
            return Step(placement, gone(placement, PlacementState.SUPERSEDED, reason))
        case PlacementState.RESERVED | PlacementState.ACCEPTED:
            return Step(placement, gone(placement, PlacementState.RELEASED, reason))
        case PlacementState.CONFIRMED | PlacementState.STARTED:
            started = placement.started_on or (min(entry.starts_on, day) if entry else day)
            after = replace(
                placement, state=PlacementState.COMPLETED, started_on=started, ended_on=day, reason=reason
            )
            return Step(placement, after)
        case PlacementState.INTERRUPTED:
            after = _end(placement, course, PlacementState.LEFT, Reason(TO_THE_END), day)
            return Step(placement, replace(after, exit_kind=ExitKind.OTHER))
        case _:
            return Unchanged("already_over")


def correct_end(placement: Placement, course: Course, day: date) -> Decision:
    """The provider had told the wrong day on which the course ended; `course` still says it."""
    with_course = {PlacementState.COURSE_CANCELLED, PlacementState.COMPLETED}
    to_the_end = placement.state == PlacementState.LEFT and placement.reason.code == TO_THE_END
    if placement.state not in with_course and not to_the_end:
        return Unchanged("ended_before")
    if placement.ended_on != course.ended_on or day == course.ended_on:
        return Unchanged("ended_before")
    began = _began(placement, course, day)
    if placement.state == PlacementState.COMPLETED:  # has begun for good, also if the course did not last
        began = min(placement.started_on or day, day)
    code = TO_THE_END if to_the_end else "course_end_corrected"
    return Step(placement, replace(placement, started_on=began, ended_on=day, reason=Reason(code)))


def sit_in(placement: Placement, added: Iterable[int]) -> Placement:
    """Count a seated person in sections that were added after they entered."""
    new = [number for number in added if number >= placement.entry_section]
    return replace(placement, seats=tuple(sorted({*placement.seats, *new})))
