"""Simulates what is the same in every world: courses start or not, seats are held, answered, taken, left.

Worlds differ only in who is offered which seat; that is the caller's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.allocation.law.rulebook import Rules
from services.allocation.steering.matching.domain import Course, EntryKey, Person, Section
from services.allocation.steering.matching.goals import class_of
from services.simulator.year.courses import Plan
from services.simulator.year.model import Year, answer, gives_up, path
from services.simulator.year.people import Someone
from services.simulator.year.travel_times import TRAVEL

PUT_OFF: Final = 21
"""Days by which a provider puts off a weak course, once."""
STEERING_ONLY: Final = frozenset({"course_not_sure", "free_choice", "on_hold"})
"""Hard rules that are no law: they hold only where somebody steers."""
UNANSWERED: Final = 2
"""Unanswered offers after which nobody offers the person anything any more."""


class CourseState(StrEnum):
    """The states of a course."""

    PLANNED = "planned"
    ANNOUNCED = "announced"
    RUNNING = "running"
    CANCELLED = "cancelled"


class SeatState(StrEnum):
    """The states of a seat."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    STARTED = "started"
    NO_SHOW = "no_show"
    ENDED = "ended"


class PersonState(StrEnum):
    """The states of a person."""

    TO_COME = "to_come"
    WAITING = "waiting"
    SEATED = "seated"
    """Offered, accepted or started."""
    MOVED = "moved"
    UNREACHABLE = "unreachable"
    GAVE_UP = "gave_up"
    AWAY = "away"
    """Did not come on the first day."""
    LEFT = "left"


@dataclass(slots=True)
class Seat:
    """A seat that somebody holds or held from one section on."""

    person: int
    course: UUID
    section: int
    since: date
    expires_on: date
    """Last day on which an answer counts."""
    state: SeatState = SeatState.OFFERED
    started_on: date | None = None

    @property
    def taken(self) -> bool:
        """Return whether nobody else can have it."""
        return self.state is not SeatState.ENDED


@dataclass(slots=True)
class CourseProgress:
    """A course and how far it has come."""

    plan: Plan
    state: CourseState = CourseState.PLANNED
    shift: int = 0
    seats: list[Seat] = field(default_factory=list)
    at_start: int = 0
    decided_on: date | None = None

    def starts_on(self, section: int) -> date:
        """Return the first day of a section."""
        return self.plan.starts_on + timedelta(days=self.shift + (section - 1) * self.plan.section_days)

    def ends_on(self, section: int) -> date:
        """Return the last day of a section."""
        return self.starts_on(section + 1) - timedelta(days=3)

    def taken(self, section: int) -> int:
        """Count the seats taken in a section."""
        own = sum(seat.taken and seat.section <= section for seat in self.seats)
        return self.plan.outside[section - 1] + own

    def free(self, section: int) -> int:
        """Count the seats free in a section and all after it."""
        if section > 1 or any(self.plan.outside):
            most = max(self.taken(later) for later in range(section, self.plan.sections + 1))
        else:
            most = sum(seat.taken for seat in self.seats)
        return self.plan.capacity - most


@dataclass(slots=True)
class PersonProgress:
    """A person and how far they have come."""

    someone: Someone
    state: PersonState = PersonState.TO_COME
    seat: Seat | None = None
    excluded: list[UUID] = field(default_factory=list)
    unanswered: int = 0
    started_on: date | None = None
    minutes: int | None = None
    """The way to the course that was started."""
    ended_on: date | None = None
    offers: int = 0
    declined: int = 0
    expired: int = 0

    def person(self, day: date) -> Person:
        """Return what is known of the person on a day."""
        facts, tested = self.someone.facts, day >= self.someone.tested_on
        return Person(
            id=facts.id,
            version=1,
            office=facts.office,
            town=facts.town,
            standing=facts.standing,
            route=facts.route,
            registered_on=facts.registered_on,
            last_course_ended_on=facts.last_course_ended_on,
            course_types=facts.course_types,
            granted_on=facts.granted_on,
            valid_until=facts.valid_until,
            cooperation_plan=facts.cooperation_plan,
            available=facts.available,
            needs_childcare=facts.needs_childcare,
            needs_women_only=facts.needs_women_only,
            needs_barrier_free=facts.needs_barrier_free,
            max_travel_minutes=facts.max_travel_minutes,
            level=self.someone.level if tested else None,
            section=self.someone.section if tested else None,
            excluded=tuple(sorted(self.excluded)),
        )


class World:
    """One Kreis in the course of a year; a caller offers seats once a day."""

    def __init__(self, year: Year) -> None:
        self.year = year
        self.seed = year.setting.seed
        self.lives = [PersonProgress(someone) for someone in year.people]
        self.number = {someone.facts.id: someone.number for someone in year.people}
        self.courses = {plan.id: CourseProgress(plan) for plan in year.plans}
        self.section_seats = self.section_taken = 0
        """Summed over all sections that have begun in the year, on their first day."""
        self.dropped = 0
        """How often somebody who had accepted lost the seat because the course was cancelled."""
        self.fell_free = False
        """A seat has become free today."""
        self.announced_today: list[CourseProgress] = []
        self.cancelled_today: list[int] = []
        """People whose course was cancelled today and who still wait."""
        self._due: dict[date, list[Seat]] = defaultdict(list)

    def waiting(self) -> Iterator[PersonProgress]:
        """Yield the people who wait without a seat, by number."""
        return (life for life in self.lives if life.state is PersonState.WAITING)

    def rules(self, day: date) -> Rules:
        """Return the rules of a day."""
        return self.year.rulebook.on(day)

    def minutes(self, person: int, course: UUID) -> int:
        """Return how long somebody travels to a course."""
        return TRAVEL[self.lives[person].someone.facts.town, self.courses[course].plan.town]

    def begin(self, day: date) -> None:
        """Do what happens on a day before anybody is offered a seat: arrivals, answers, starts of courses."""
        self.fell_free, self.announced_today, self.cancelled_today = False, [], []
        for life in self.lives:
            self._comes_or_moves(life, day)
        for seat in self._due.pop(day, ()):
            self._comes_due(seat, day)
        for course in self.courses.values():
            self._goes_on(course, day)

    def offer(self, person: int, entry: EntryKey, day: date, *, in_the_room: bool = False) -> bool:
        """Hold a seat for somebody; in the room the answer is there at once. Return whether it is held.

        Raises:
            ValueError: no seat is free, or the person does not wait.
        """
        life, course = self.lives[person], self.courses[entry.course]
        if life.state is not PersonState.WAITING or course.free(entry.section) < 1:
            raise ValueError(f"person {person} cannot have a seat in {entry}")
        reserved = self.year.policy.reservation
        expires_on = day + timedelta(days=reserved.days)
        said = answer(self.seed, person, str(entry.course), self.minutes(person, entry.course))
        life.offers += 1
        if in_the_room and said.kind == "decline":
            life.declined += 1
            life.excluded.append(entry.course)
            return False
        seat = Seat(person, entry.course, entry.section, day, expires_on)
        course.seats.append(seat)
        life.seat, life.state = seat, PersonState.SEATED
        if in_the_room:
            self._accept(seat, day)
        elif said.kind == "silence":
            self._due[expires_on + timedelta(days=1)].append(seat)
        else:
            self._due[day + timedelta(days=1 + said.after)].append(seat)
        return True

    def _comes_or_moves(self, life: PersonProgress, day: date) -> None:
        someone = life.someone
        if life.state is PersonState.TO_COME and someone.arrives <= day:
            life.state = PersonState.WAITING
        if someone.moves_on != day or not someone.tells:
            return
        if life.state is PersonState.WAITING or (life.seat is not None and life.started_on is None):
            self._end(life, PersonState.MOVED, day)

    def _end(self, life: PersonProgress, state: PersonState, day: date) -> None:
        if life.seat is not None:
            life.seat.state = SeatState.ENDED
            self.fell_free = True
        life.seat, life.state, life.ended_on = None, state, day

    def _back(self, seat: Seat, day: date) -> None:
        """Let somebody wait again without the course."""
        life = self.lives[seat.person]
        seat.state, life.seat, life.state = SeatState.ENDED, None, PersonState.WAITING
        life.excluded.append(seat.course)
        self.fell_free = True
        if life.unanswered >= UNANSWERED:
            self._end(life, PersonState.UNREACHABLE, day)

    def _comes_due(self, seat: Seat, day: date) -> None:
        """Let an answer arrive, an offer expire, or a provider take somebody off its list."""
        life = self.lives[seat.person]
        if life.seat is not seat or not seat.taken:
            return
        match seat.state:
            case SeatState.OFFERED:
                self._answered(seat, life, day)
            case SeatState.NO_SHOW:
                self._end(life, PersonState.AWAY, day)
            case SeatState.STARTED:
                self._end(life, PersonState.LEFT, day)
            case SeatState.ACCEPTED | SeatState.ENDED:
                pass

    def _answered(self, seat: Seat, life: PersonProgress, day: date) -> None:
        said = answer(self.seed, seat.person, str(seat.course), self.minutes(seat.person, seat.course))
        moved = life.someone.moves_on <= day
        if moved and day <= seat.expires_on:
            self._due[seat.expires_on + timedelta(days=1)].append(seat)
        elif moved or said.kind == "silence":
            life.expired += 1
            life.unanswered += 1
            self._back(seat, day)
        elif said.kind == "decline":
            life.declined += 1
            self._back(seat, day)
        else:
            self._accept(seat, day)

    def _accept(self, seat: Seat, day: date) -> None:
        seat.state = SeatState.ACCEPTED
        course = self.courses[seat.course]
        if course.state is CourseState.RUNNING and course.starts_on(seat.section) <= day:
            self._starts(seat, day)

    def _goes_on(self, course: CourseProgress, day: date) -> None:
        plan = course.plan
        if course.state is CourseState.PLANNED and plan.announced <= day:
            begun = plan.announced == plan.starts_on and any(plan.outside)
            course.state = CourseState.RUNNING if begun else CourseState.ANNOUNCED
            self.announced_today.append(course)
        if course.state is CourseState.ANNOUNCED and course.starts_on(1) == day:
            self._decide(course, day)
        if course.state is CourseState.RUNNING:
            self._begin_sections(course, day)

    def _begin_sections(self, course: CourseProgress, day: date) -> None:
        for seat in course.seats:
            if seat.state is SeatState.ACCEPTED and course.starts_on(seat.section) == day:
                self._starts(seat, day)
        for section in range(1, course.plan.sections + 1):
            if course.starts_on(section) == day:
                self.section_seats += course.plan.capacity
                self.section_taken += course.taken(section)

    def _decide(self, course: CourseProgress, day: date) -> None:
        """Let a provider start, put off or cancel its course on the first day."""
        sure = sum(seat.state is SeatState.ACCEPTED for seat in course.seats)
        if sure >= course.plan.minimum or (course.plan.stubborn and sure > 0):
            course.state, course.decided_on = CourseState.RUNNING, day
            course.at_start = sure
        elif course.plan.waits and not course.shift and 2 * sure >= course.plan.minimum:
            course.shift = PUT_OFF
        else:
            course.state, course.decided_on = CourseState.CANCELLED, day
            for seat in [seat for seat in course.seats if seat.taken]:
                self._cancelled(seat, day)

    def _cancelled(self, seat: Seat, day: date) -> None:
        life = self.lives[seat.person]
        self.dropped += seat.state is SeatState.ACCEPTED
        self._back(seat, day)
        if life.state is PersonState.WAITING and gives_up(self.seed, seat.person, str(seat.course)):
            self._end(life, PersonState.GAVE_UP, day)
        elif life.state is PersonState.WAITING:
            self.cancelled_today.append(seat.person)

    def _starts(self, seat: Seat, day: date) -> None:
        life = self.lives[seat.person]
        found = path(self.seed, seat.person, str(seat.course))
        if not found.shows_up or life.someone.moves_on <= day:
            seat.state = SeatState.NO_SHOW
            self._due[day + timedelta(days=found.told_after)].append(seat)
            return
        seat.state, seat.started_on = SeatState.STARTED, day
        life.started_on, life.minutes = day, self.minutes(seat.person, seat.course)
        if found.leaves_after is not None:
            self._due[day + timedelta(days=found.leaves_after + found.told_after)].append(seat)

    def course(self, course: CourseProgress, day: date, rules: Rules) -> Course | None:
        """Return what steering or a provider knows of a course on a day; None: nothing, or it is over."""
        plan = course.plan
        if (
            course.state in {CourseState.PLANNED, CourseState.CANCELLED}
            or course.ends_on(plan.sections) < day
        ):
            return None
        sections = tuple(
            Section(
                number,
                course.starts_on(number),
                course.ends_on(number),
                plan.ue,
                plan.capacity - course.taken(number),
            )
            for number in range(1, plan.sections + 1)
            if course.ends_on(number) >= day
        )
        held = [seat for seat in course.seats if seat.taken]
        codes = [
            rules.priorities.classes[class_of(self.lives[seat.person].someone.facts, rules)].code
            for seat in held
        ]
        return Course(
            id=plan.id,
            version=1,
            provider=plan.provider,
            course_type=plan.course_type,
            kind=plan.kind,
            sections=sections,
            town=plan.town,
            times_of_day=(plan.time,),
            target_level=plan.target_level,
            childcare=plan.childcare,
            women_only=plan.women_only,
            barrier_free=plan.barrier_free,
            weekdays=plan.weekdays,
            capacity=plan.capacity,
            minimum=plan.minimum,
            seated=len(held),
            seated_by=tuple((code, codes.count(code)) for code in sorted(set(codes))),
        )
