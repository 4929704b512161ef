"""Plans the events of the course providers on a day."""

from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Final
from uuid import UUID

from schemas.codes import (
    CancelReason,
    CourseKind,
    Exam,
    ExamResult,
    Mark,
    PlacementState,
    SectionDecision,
    TimeOfDay,
    Weekday,
    kind_of,
)
from schemas.providers import (
    CourseAnnounced,
    CourseCancelled,
    CourseChanged,
    CourseCompleted,
    Lesson,
    ParticipantLeft,
    PlaceConfirmed,
    PlaceRefused,
    Section,
    SectionCompleted,
    SectionStep,
    Venue,
)
from schemas.support import AttendanceEntry, AttendanceRecorded, ExamResultRecorded, SectionResultRecorded
from services.simulator.actors import behaviour
from services.simulator.world import kreis
from services.simulator.world.calendar import is_working_day, working_day_from
from services.simulator.world.chance import chance
from services.simulator.world.courses import PlannedCourse, PlannedSection
from services.simulator.world.records import Records
from services.simulator.world.state import Planned, Seat

_HOURS: Final = {
    TimeOfDay.MORNING: 8,
    TimeOfDay.AFTERNOON: 13,
    TimeOfDay.EVENING: 17,
    TimeOfDay.WEEKEND: 9,
}
_WEEKDAYS: Final = tuple(Weekday)


def plan(records: Records, day: date) -> Iterator[Planned]:
    """List all events of the providers on a day, in order."""
    if not is_working_day(day):
        return
    for course in records.courses:
        if course.announced > day:
            continue
        yield from _of_course(records, course, day)


def _of_course(records: Records, course: PlannedCourse, day: date) -> Iterator[Planned]:
    state = records.state
    if course.own_id in state.cancelled or course.own_id in state.completed:
        return
    if course.own_id not in state.announced:
        state.announced.add(course.own_id)
        yield records.plan(course.provider, f"announce-{course.own_id}", day, announcement(course))
    yield from _may_change(records, course, day)
    seats = records.seats_of_course.get((course.provider, course.own_id), [])
    if course.starts_on > day:
        yield from _may_cancel(records, course, seats, day)
    if course.own_id in state.cancelled:
        return
    for seat in seats:
        yield from _confirm(records, course, seat, day)
    if course.starts_on < day:
        yield from _attendance(records, course, seats, day)
        yield from _exits(records, course, seats, day)
        yield from _sections(records, course, seats, day)
        yield from _end(records, course, seats, day)


def _may_change(records: Records, course: PlannedCourse, day: date) -> Iterator[Planned]:
    id_ = f"change-{course.own_id}"
    if course.changes_on is not None and course.changes_on <= day and records.once(id_):
        title = f"{course.track.title} (neuer Raum)"
        changed = CourseChanged(course=course.own_id, capacity=course.capacity + 2, title=title)
        yield records.plan(course.provider, id_, day, changed)


def announcement(course: PlannedCourse) -> CourseAnnounced:
    """Write the announcement of a course."""
    track = course.track
    town = kreis.TOWN[track.town]
    hour = _HOURS[track.time]
    minutes = track.ue_a_day * 45 + 30
    lessons = tuple(
        Lesson(
            weekday=_WEEKDAYS[weekday],
            starts_at=time(hour, 30),
            ends_at=time(hour + (30 + minutes) // 60, (30 + minutes) % 60),
        )
        for weekday in sorted(track.weekdays)
    )
    return CourseAnnounced(
        course=course.own_id,
        title=track.title,
        course_type=track.course_type,
        kreis=town.kreis,
        town=track.town,
        sections=tuple(
            Section(number=part.number, starts_on=part.starts_on, ends_on=part.ends_on, ue=part.ue)
            for part in course.sections
        ),
        capacity=course.capacity,
        minimum=course.minimum,
        taken_elsewhere=course.taken_elsewhere,
        target_level=track.target,
        lessons=lessons,
        venue=Venue(
            name=f"Kursort {town.name} (erfunden)",
            postcode=town.postcode,
            town=town.name,
            barrier_free=track.town == "99001001",
            latitude=town.latitude,
            longitude=town.longitude,
        ),
        childcare=track.childcare,
        women_only=track.women_only,
        own_number=course.own_id,
    )


def _may_cancel(records: Records, course: PlannedCourse, seats: list[Seat], day: date) -> Iterator[Planned]:
    if day < working_day_from(course.starts_on - timedelta(days=5)) or course.stubborn:
        return
    coming = sum(seat.holds for seat in seats) + course.taken_elsewhere
    if coming < course.minimum:
        records.state.cancelled.add(course.own_id)
        cancelled = CourseCancelled(course=course.own_id, cancelled_on=day, reason=CancelReason.TOO_FEW)
        yield records.plan(course.provider, f"cancel-{course.own_id}", day, cancelled)


def _confirm(records: Records, course: PlannedCourse, seat: Seat, day: date) -> Iterator[Planned]:
    if seat.state != PlacementState.ACCEPTED:
        return
    says = behaviour.confirmation(records.state.seed, seat.person, course.own_id)
    due = seat.heard + timedelta(days=says.after)
    if min(due, seat.starts_on - timedelta(days=1)) > day or not records.once(f"confirm-{seat.placement}"):
        return
    if says.refusal is not None:
        refused = PlaceRefused(
            course=course.own_id,
            participant=UUID(seat.participant),
            placement=UUID(seat.placement),
            reason=says.refusal,
        )
        yield records.plan(course.provider, f"refuse-{seat.placement}", day, refused)
        return
    confirmed = PlaceConfirmed(
        course=course.own_id,
        participant=UUID(seat.participant),
        placement=UUID(seat.placement),
        own_number=f"TN-{course.own_id}-{seat.person % 997:03d}" if says.own_number else None,
    )
    yield records.plan(course.provider, f"confirm-{seat.placement}", day, confirmed)


def _lessons(course: PlannedCourse, seat: Seat, until: date) -> list[date]:
    return [
        lesson
        for part in course.sections
        for lesson in part.days
        if seat.starts_on <= lesson <= until and (seat.ended_on is None or lesson <= seat.ended_on)
    ]


def _in_class(seat: Seat, day: date) -> bool:
    sat = seat.enrolled or (seat.ended_on is not None and seat.state != PlacementState.COURSE_CANCELLED)
    return sat and seat.starts_on <= day and (seat.ended_on is None or day <= seat.ended_on)


def _reports(records: Records, course: PlannedCourse, day: date) -> date | None:
    """Return the last lesson that is reported on this day, by the provider's rhythm."""
    match kreis.RHYTHM[course.provider]:
        case "daily":
            return day - timedelta(days=1)
        case "weekly":
            friday = day - timedelta(days=day.weekday() + 3)
            return (
                friday if friday > records.state.reported_until.get(course.own_id, course.announced) else None
            )
        case "section":
            ended = [part.ends_on for part in course.sections if part.ends_on < day]
            return max(ended, default=None)


def _attendance(records: Records, course: PlannedCourse, seats: list[Seat], day: date) -> Iterator[Planned]:
    until = _reports(records, course, day)
    since = records.state.reported_until.get(course.own_id, max(course.announced, course.starts_on - _DAY))
    if until is None or until <= since:
        return
    records.state.reported_until[course.own_id] = until
    for part in course.sections:
        for lesson in part.days:
            if since < lesson <= until:
                entries = tuple(
                    _entry(records, course, seat, lesson) for seat in seats if _in_class(seat, lesson)
                )
                if entries:
                    record = AttendanceRecorded(
                        course=course.own_id, day=lesson, ue_held=course.track.ue_a_day, entries=entries
                    )
                    yield records.plan(course.provider, f"att-{course.own_id}-{lesson}", day, record)


_DAY: Final = timedelta(days=1)


def _entry(records: Records, course: PlannedCourse, seat: Seat, lesson: date) -> AttendanceEntry:
    number = len(_lessons(course, seat, lesson)) - 1
    mark = behaviour.mark(records.state.seed, seat.person, course.own_id, number)
    ue = course.track.ue_a_day if mark is Mark.PRESENT else 0
    return AttendanceEntry(participant=UUID(seat.participant), mark=mark, ue=ue)


def _exits(records: Records, course: PlannedCourse, seats: list[Seat], day: date) -> Iterator[Planned]:
    for seat in seats:
        if not seat.enrolled or seat.starts_on > day:
            continue
        path = behaviour.course_path(records.state.seed, seat.person, course.own_id)
        if path.leaves_at is None:
            continue
        lessons = _lessons(course, seat, day - _DAY)
        if len(lessons) < path.leaves_at + path.told_after or not records.once(f"left-{seat.placement}"):
            continue
        left_on = lessons[max(0, path.leaves_at - 1)]
        left = ParticipantLeft(
            course=course.own_id,
            participant=UUID(seat.participant),
            kind=path.exit_kind,
            left_on=left_on,
        )
        if path.returns_after is not None:
            records.state.returns[seat.person] = day + timedelta(days=path.returns_after)
        records.state.count("exits.no_show" if path.no_show else "exits.left")
        yield records.plan(course.provider, f"left-{seat.placement}", day, left)


def _sections(records: Records, course: PlannedCourse, seats: list[Seat], day: date) -> Iterator[Planned]:
    done = records.state.sections_done.get(course.own_id, 0)
    for part in course.sections:
        if part.number <= done or part.ends_on >= day:
            continue
        records.state.sections_done[course.own_id] = part.number
        if part.ends_on < course.announced:
            continue
        present = [seat for seat in seats if seat.enrolled and seat.starts_on <= part.ends_on]
        last = part.number == len(course.sections)
        yield records.plan(
            course.provider,
            f"section-{course.own_id}-{part.number}",
            day,
            SectionCompleted(
                course=course.own_id,
                section=part.number,
                completed_on=part.ends_on,
                steps=tuple(_step(records, course, part, seat, last=last) for seat in present),
            ),
        )
        for seat in present:
            if chance(0.75, records.state.seed, "graded", seat.person, course.own_id, part.number):
                grade = behaviour.section_grade(records.state.seed, seat.person, course.own_id, part.number)
                result = SectionResultRecorded(
                    course=course.own_id,
                    participant=UUID(seat.participant),
                    section=part.number,
                    grade=grade,
                    tested_on=part.ends_on,
                )
                yield records.plan(course.provider, f"grade-{seat.placement}-{part.number}", day, result)


def _step(
    records: Records, course: PlannedCourse, part: PlannedSection, seat: Seat, *, last: bool
) -> SectionStep:
    decision = behaviour.section_decision(records.state.seed, seat.person, course.own_id, part.number)
    if last:
        decision = SectionDecision.ENDS
    following = {
        SectionDecision.CONTINUES: part.number + 1,
        SectionDecision.REPEATS: part.number,
        SectionDecision.SKIPS: min(part.number + 2, len(course.sections)),
    }
    return SectionStep(
        participant=UUID(seat.participant), decision=decision, next_section=following.get(decision)
    )


def _end(records: Records, course: PlannedCourse, seats: list[Seat], day: date) -> Iterator[Planned]:
    if course.ends_on >= day:
        return
    records.state.completed.add(course.own_id)
    seed, integration = records.state.seed, kind_of(course.track.course_type) is CourseKind.INTEGRATION
    finished = [seat for seat in seats if seat.enrolled]
    guests = [f"guest-{n}" for n in range(course.taken_elsewhere * 2 // 3)]
    results = [behaviour.exam(seed, who, course.own_id) for who in (*(s.person for s in finished), *guests)]
    completed = _completed(course, results, integration=integration)
    yield records.plan(course.provider, f"complete-{course.own_id}", day, completed)
    for seat in finished:
        yield from _exam(records, course, seat, day, integration=integration)


def _completed(
    course: PlannedCourse, results: list[behaviour.ExamOutcome], *, integration: bool
) -> CourseCompleted:
    language = [result.language for result in results]
    passed = [result.lid is ExamResult.PASSED and integration for result in results]
    return CourseCompleted(
        course=course.own_id,
        completed_on=course.ends_on,
        finished=len(results),
        sat=sum(result is not None for result in language),
        b1=language.count(ExamResult.B1),
        a2=language.count(ExamResult.A2),
        below=language.count(ExamResult.BELOW_A2),
        lid=sum(passed),
        both=sum(lid and result is ExamResult.B1 for lid, result in zip(passed, language, strict=True)),
    )


def _exam(
    records: Records, course: PlannedCourse, seat: Seat, day: date, *, integration: bool
) -> Iterator[Planned]:
    outcome = behaviour.exam(records.state.seed, seat.person, course.own_id)
    sat = [(Exam.DTZ if integration else Exam.VOCATIONAL, outcome.language)]
    if integration:
        sat.append((Exam.LID, outcome.lid))
    for exam, what in sat:
        if what is not None:
            record = ExamResultRecorded(
                course=course.own_id,
                participant=UUID(seat.participant),
                exam=exam,
                result=what,
                taken_on=course.ends_on,
            )
            yield records.plan(course.provider, f"exam-{exam}-{seat.placement}", day, record)
