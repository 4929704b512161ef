"""Decides providers' events about courses, one after the other on a batch's UnitOfWork."""

from dataclasses import replace
from datetime import date
from typing import cast
from uuid import UUID

from schemas.base import AboutCourse
from schemas.codes import ENROLLED, SEATED, PlacementState, SectionDecision, kind_of
from schemas.providers import (
    CourseAnnounced,
    CourseCancelled,
    CourseChanged,
    CourseCompleted,
    SectionCompleted,
    SectionStep,
)
from services.allocation.acts.leave_list import leave_list
from services.allocation.courses import domain
from services.allocation.courses.domain import Course, CourseFacts, Lesson, Notice, Section, Venue
from services.allocation.figures.course_outcomes import report
from services.allocation.participants.domain import repeat_from
from services.allocation.placements.domain import (
    Decision,
    Placement,
    Reason,
    Refusal,
    Step,
    Unchanged,
    hold_until,
    seated_in,
    take_back,
)
from services.allocation.placements.held_until import end_of, last_day
from services.allocation.placements.running import (
    after_section,
    correct_end,
    finish_course,
    lose_course,
    sit_in,
)
from services.allocation.policy.terms import COMPLETE
from services.allocation.unit_of_work import UnitOfWork
from services.runtime.events.subscription import Applied, Incoming, Parked, Problem, Rejected, Verdict


def course_key(course: UUID) -> str:
    """Return what an event about an unknown course waits for."""
    return f"course:{course}"


def _known(work: UnitOfWork, incoming: Incoming, *states: str) -> Course | Verdict:
    """Find the course that an event is about if it is in one of these states, or what stands against it."""
    id_ = cast(AboutCourse, incoming.event.data).course_id(incoming.publisher or "")
    known = work.courses.get(id_)
    if known is None:
        return Parked(course_key(id_), Problem("course_unknown", field="course"))
    if known.state not in states:
        return Rejected(Problem(f"course_{known.state}", field="course"))
    return known


def _problem(notice: Notice) -> Problem:
    return Problem(notice.code, notice.field, notice.params or {})


def announced(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """Enter a course or replace what was announced; one that had ended comes back."""
    said = cast(CourseAnnounced, incoming.event.data)
    slug = incoming.publisher or ""
    id_ = said.course_id(slug)
    if said.kreis not in work.kreise.get(slug, frozenset()):
        return Rejected(Problem("kreis_not_yours", field="kreis"))
    facts, sections = _facts(said), _sections(said)
    known = work.courses.get(id_)
    if known is None:
        written = domain.announce(id_, said.kreis, slug, said.course, facts, sections)
    elif known.state == "completed":
        return Rejected(Problem("course_completed", field="course"))
    else:
        people = work.live_in(id_)
        if people and (said.kreis != known.kreis or facts.kind != known.facts.kind):
            return Rejected(
                Problem("course_has_people", field="kreis" if said.kreis != known.kreis else "course_type")
            )
        again = replace(known, state="announced", ended_on=None, cancel_reason=None)
        written = domain.rewrite(again, said.kreis, facts, sections)
    _put(work, written)
    return Applied(tuple(_problem(notice) for notice in written.warnings), (course_key(id_),))


def changed(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """Change what was announced; fields left out stay."""
    said = cast(CourseChanged, incoming.event.data)
    known = _known(work, incoming, "announced")
    if not isinstance(known, Course):
        return known
    facts = _changed_facts(known.facts, said)
    if facts.kind != known.facts.kind and work.live_in(known.course):
        return Rejected(Problem("course_has_people", field="course_type"))
    written = domain.rewrite(known, known.kreis, facts, None if said.sections is None else _sections(said))
    _put(work, written)
    return Applied(tuple(_problem(notice) for notice in written.warnings))


def _put(work: UnitOfWork, written: domain.Written) -> None:
    course = written.course
    starts = [section.starts_on for section in course.held]
    soon = bool(starts) and work.terms.near(course.kreis, min(starts), work.now)
    work.put_course(course, more_room=True, urgent=written.more_room and soon)
    for placement in work.live_in(course.course):
        if placement.state in SEATED:
            if written.added:
                work.put_placement(sit_in(placement, written.added), anyway=True)
            _hold_no_longer(work, work.placements[placement.placement], course)
        elif course.section(placement.entry_section) not in course.held:
            _step(work, take_back(placement, Reason("section_removed")), None)


def _hold_no_longer(work: UnitOfWork, placement: Placement, course: Course) -> None:
    """Let a reservation end before the course begins, if that is sooner now; the office is told."""
    last = last_day(work.terms, placement.kreis, course, placement.entry_section, work.now)
    _step(work, hold_until(placement, end_of(last)), None)


def _step(work: UnitOfWork, decision: Decision, incoming: Incoming | None) -> Problem | None:
    """Take a step of somebody in the course; what cannot be done becomes a warning."""
    match decision:
        case Step() as step:
            work.take(step, f"provider:{incoming.publisher}" if incoming else "policy", incoming)
            return None
        case Unchanged():
            return None
        case Refusal(code, params):
            return Problem(code, params=params)


def cancelled(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """End a course; everybody in it waits again."""
    said = cast(CourseCancelled, incoming.event.data)
    known = _known(work, incoming, "announced", "cancelled")
    if not isinstance(known, Course):
        return known
    for placement in work.live_in(known.course):
        reason = Reason("course_cancelled", {"reason": said.reason})
        _step(work, lose_course(placement, known, reason, said.cancelled_on), incoming)
    _correct_end(work, known, said.cancelled_on, incoming)
    work.put_course(domain.end(work.courses[known.course], "cancelled", said.cancelled_on, said.reason))
    work.request_rerun(known.kreis, "course_cancelled", urgent=True)
    return Applied()


def _correct_end(work: UnitOfWork, known: Course, day: date, incoming: Incoming) -> None:
    """Give those whose places ended with the course the day that is said now."""
    if known.ended_on is not None:
        for placement in work.ended_in(known.course):
            _step(work, correct_end(placement, known, day), incoming)


def section_completed(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """Move seats after a section: who goes on, repeats, skips, pauses, ends."""
    said = cast(SectionCompleted, incoming.event.data)
    known = _known(work, incoming, "announced")
    if not isinstance(known, Course):
        return known
    if known.section(said.section) is None:
        return Rejected(Problem("section_unknown", field="section", params={"section": said.section}))
    later = [s.number for s in known.sections if s.completed_on is not None and s.number > said.section]
    if later:
        return Applied((Problem("later_section_known", field="section", params={"section": later[0]}),))
    sections = tuple(
        replace(s, completed_on=said.completed_on) if s.number == said.section else s for s in known.sections
    )
    work.put_course(replace(known, sections=sections))
    warnings = []
    for index, step in enumerate(said.steps):
        problem = _section_step(work, incoming, said, step)
        if problem is not None:
            warnings.append(replace(problem, field=f"steps.{index}"))
    return Applied(tuple(warnings))


def _section_step(
    work: UnitOfWork, incoming: Incoming, said: SectionCompleted, step: SectionStep
) -> Problem | None:
    course = work.courses[said.course_id(incoming.publisher or "")]
    person = work.person(step.participant)
    placement = None if person is None else seated_in(work.placements_of(person.participant), course.course)
    if person is None or placement is None:
        return Problem("participant_not_in_course")
    day = said.completed_on
    decision = after_section(placement, course, said.section, step.decision, step.next_section, day)
    problem = _step(work, decision, incoming)
    if isinstance(decision, Step):
        match decision.after.state:
            case PlacementState.TRANSFERRED if step.decision == SectionDecision.REPEATS:
                work.put_person(repeat_from(person, step.next_section or said.section))
            case PlacementState.LEFT:
                leave_list(work, decision.after)
            case _:
                pass
    return problem


def completed(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """Close a course with its totals; told again, the totals are replaced.

    Where the policy leaves completing to people, those who sit in it wait for a coordinator's word.
    """
    said = cast(CourseCompleted, incoming.event.data)
    known = _known(work, incoming, "announced", "completed")
    if not isinstance(known, Course):
        return known
    for placement in work.live_in(known.course):
        by_itself = work.terms.automatic(placement.kreis, COMPLETE, work.now)
        if placement.state in ENROLLED and not by_itself:
            continue
        decision = finish_course(placement, known, said.completed_on)
        _step(work, decision, incoming)
        if isinstance(decision, Step):
            leave_list(work, decision.after)
    _correct_end(work, known, said.completed_on, incoming)
    course = work.courses[known.course]
    started = max((section.taken for section in course.held), default=0)
    if known.state == "announced" or known.ended_on != said.completed_on:
        course = domain.end(course, "completed", said.completed_on)
        work.put_course(course)
    report(work, incoming, course, said, started)
    return Applied()


def _sections(said: CourseAnnounced | CourseChanged) -> list[Section]:
    return [Section(s.number, s.starts_on, s.ends_on, s.ue) for s in said.sections or ()]


def _lessons(said: CourseAnnounced | CourseChanged) -> tuple[Lesson, ...]:
    return tuple(Lesson(one.weekday, one.starts_at, one.ends_at) for one in said.lessons or ())


def _venue(said: CourseAnnounced | CourseChanged) -> Venue | None:
    return None if said.venue is None else Venue(**said.venue.model_dump())


def _facts(said: CourseAnnounced) -> CourseFacts:
    plain = {name: getattr(said, name) for name in _PLAIN}
    return CourseFacts(**plain, kind=kind_of(said.course_type), lessons=_lessons(said), venue=_venue(said))


_PLAIN = frozenset({
    "title", "course_type", "capacity", "taken_elsewhere", "minimum", "town", "target_level", "online",
    "childcare", "women_only", "registration_until", "own_number",
})  # fmt: skip


def _changed_facts(facts: CourseFacts, said: CourseChanged) -> CourseFacts:
    plain = {name: value for name in _PLAIN if (value := getattr(said, name)) is not None}
    facts = replace(facts, **plain)
    if said.course_type is not None:
        facts = replace(facts, kind=kind_of(said.course_type))
    if said.lessons is not None:
        facts = replace(facts, lessons=_lessons(said))
    if said.venue is not None:
        facts = replace(facts, venue=_venue(said))
    return facts
