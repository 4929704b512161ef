"""Invents a year of attendance without services: what providers would report of full courses."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from schemas.codes import PlacementState
from schemas.providers import ParticipantLeft
from schemas.support import AttendanceRecorded
from services.notifications.risk.attendance import CourseDay
from services.notifications.risk.evaluate.history import Enrolment, Exit, History, ReportedDay
from services.simulator.actors import providers
from services.simulator.settings import DEFAULT_START as START
from services.simulator.world.chance import name_of, stream
from services.simulator.world.courses import PlannedCourse
from services.simulator.world.records import Records
from services.simulator.world.state import Planned, Seat, State

_LATER: Final = 0.12
"""Of the seats of a course: filled at the start of each later section."""


@dataclass(slots=True)
class _Told:
    """What was told of each seat so far."""

    days: dict[tuple[str, str], list[ReportedDay]] = field(default_factory=dict)
    exits: dict[tuple[str, str], Exit] = field(default_factory=dict)


def invent(seed: int, days: int) -> History:
    """Return the attendance of so many days, of people who entered in this time."""
    state = State(seed=seed, start=START, people=1)
    records = Records.of(state)
    for course in records.courses:
        if course.starts_on >= START:
            _fill(records, course)
    told = _Told()
    for number in range(days):
        day = START + timedelta(days=number)
        for planned in providers.plan(records, day):
            _hear(records, told, day, planned)
        state.day = day
    last = START + timedelta(days=days - 1)
    return History(
        [
            Enrolment(
                seat.course,
                seat.participant,
                seat.provider,
                seat.starts_on,
                seat.ends_on,
                told.days[seat.course, seat.participant],
                told.exits.get((seat.course, seat.participant)),
            )
            for seat in state.seats.values()
            if seat.starts_on <= last and (seat.course, seat.participant) in told.days
        ]
    )


def _fill(records: Records, course: PlannedCourse) -> None:
    """Seat people in a course, most at its start and some at each later section."""
    rng = stream(records.state.seed, "fill", course.provider, course.own_id)
    seats = course.capacity - course.taken_elsewhere
    number = len(records.state.seats)
    for part in course.sections:
        entering = round(seats * (1 if part.number == 1 else _LATER) * rng.uniform(0.8, 1.0))
        for _ in range(entering):
            number += 1
            seat = Seat(
                placement=str(name_of(records.state.seed, "seat", number)),
                version=1,
                state=PlacementState.STARTED,
                person=number,
                participant=str(name_of(records.state.seed, "person", number)),
                provider=course.provider,
                course=course.own_id,
                office="",
                section=part.number,
                starts_on=part.starts_on,
                ends_on=course.ends_on,
                heard=course.announced,
            )
            records.state.seats[seat.placement] = seat
            records.index(seat)


def _hear(records: Records, told: _Told, day: date, planned: Planned) -> None:
    match planned.type:
        case AttendanceRecorded.type_:
            report = AttendanceRecorded.model_validate(planned.data)
            for entry in report.entries:
                mark = CourseDay(report.day, entry.mark, float(entry.ue), float(report.ue_held))
                found = told.days.setdefault((report.course, str(entry.participant)), [])
                found.append(ReportedDay(mark, day))
        case ParticipantLeft.type_:
            left = ParticipantLeft.model_validate(planned.data)
            told.exits[left.course, str(left.participant)] = Exit(left.kind, left.left_on, day)
            _end(records, left)
        case _:
            pass


def _end(records: Records, left: ParticipantLeft) -> None:
    for seat in records.state.seats.values():
        if (seat.course, seat.participant) == (left.course, str(left.participant)):
            ended = seat.model_copy(update={"state": PlacementState.LEFT, "ended_on": left.left_on})
            records.state.seats[seat.placement] = ended
            records.index(ended)
            return
