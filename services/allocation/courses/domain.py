"""Defines courses: their sections, and how many seats each has, has given away and has left."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from uuid import UUID

from schemas.codes import CourseKind, TimeOfDay

NOON = time(12)
EVENING = time(17)


@dataclass(frozen=True, slots=True)
class Section:
    """One section; `capacity` holds now, `taken` includes what the provider gave away itself."""

    number: int
    starts_on: date
    ends_on: date
    ue: int | None = None
    capacity: int = 0
    taken: int = 0
    removed: bool = False
    completed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Lesson:
    """A weekly teaching time."""

    weekday: str
    starts_at: time
    ends_at: time


@dataclass(frozen=True, slots=True)
class Venue:
    """Where a course is held."""

    name: str | None = None
    street: str | None = None
    postcode: str | None = None
    town: str | None = None
    barrier_free: bool | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class CourseFacts:
    """What a provider says about a course apart from its sections."""

    title: str
    course_type: str
    kind: CourseKind
    capacity: int
    taken_elsewhere: int = 0
    minimum: int | None = None
    town: str | None = None
    target_level: str | None = None
    lessons: tuple[Lesson, ...] = ()
    venue: Venue | None = None
    online: bool = False
    childcare: bool | None = None
    women_only: bool = False
    registration_until: date | None = None
    own_number: str | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """A course as it stands; sections by number, removed ones too."""

    course: UUID
    kreis: str
    provider: str
    own_course: str
    facts: CourseFacts
    sections: tuple[Section, ...]
    state: str = "announced"
    cancel_reason: str | None = None
    ended_on: date | None = None
    version: int = 1
    stated: int = 0
    """Version of the last CourseStated; 0: none was told yet."""
    stated_as: int = 0
    """Which facts that CourseStated had (`messages.COURSE_FACTS`)."""

    @property
    def held(self) -> tuple[Section, ...]:
        """The sections that are held, in order."""
        return tuple(section for section in self.sections if not section.removed)

    @property
    def ends_on(self) -> date:
        """The last day of the last section."""
        return max(section.ends_on for section in (self.held or self.sections))

    def section(self, number: int) -> Section | None:
        """Find a section by number, removed or not."""
        return next((section for section in self.sections if section.number == number), None)

    def seats_from(self, entry: int) -> tuple[int, ...]:
        """Return which sections somebody who enters here sits in."""
        return tuple(section.number for section in self.held if section.number >= entry)

    def full(self, numbers: Iterable[int]) -> int | None:
        """Return the first of these sections without a free seat."""
        wanted = frozenset(numbers)
        return next((s.number for s in self.sections if s.number in wanted and s.taken >= s.capacity), None)

    def not_over(self, numbers: Iterable[int], day: date) -> tuple[int, ...]:
        """Return which of these sections are not over on a day."""
        wanted = frozenset(numbers)
        return tuple(s.number for s in self.sections if s.number in wanted and s.ends_on >= day)

    def seat(self, change: Mapping[int, int], *, anyway: bool = False) -> "Course":
        """Take (+1) or free (-1) seats by section.

        Taking never raises the capacity, so that one too many breaks the constraint; only what a
        provider changes under seated people is taken `anyway`.
        """
        return replace(
            self,
            sections=tuple(
                _seated(section, change[section.number], self.facts, anyway=anyway)
                if section.number in change
                else section
                for section in self.sections
            ),
        )


def _seated(section: Section, change: int, facts: CourseFacts, *, anyway: bool) -> Section:
    if change > 0 and not anyway:
        return replace(section, taken=section.taken + change)
    return _fit(section, section.taken + change, facts)


def _fit(section: Section, taken: int, facts: CourseFacts) -> Section:
    """Set what is taken; capacity is as announced but never below that."""
    return replace(section, taken=taken, capacity=max(facts.capacity, taken))


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the provider should know though the event had its effect."""

    code: str
    field: str | None = None
    params: Mapping[str, str | int] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The course as it now stands, which sections are new, and what to tell the provider."""

    course: Course
    added: tuple[int, ...] = ()
    warnings: tuple[Notice, ...] = ()
    more_room: bool = False


def announce(  # noqa: PLR0917 - a course's first facts
    course: UUID, kreis: str, provider: str, own: str, facts: CourseFacts, sections: Iterable[Section]
) -> Written:
    """Enter a course that was not known."""
    fitted = tuple(_fit(section, facts.taken_elsewhere, facts) for section in sections)
    fresh = Course(course, kreis, provider, own, facts, fitted)
    return Written(fresh, tuple(s.number for s in fitted), _doubts(fresh), more_room=True)


def rewrite(course: Course, kreis: str, facts: CourseFacts, sections: Iterable[Section] | None) -> Written:
    """Replace what was announced; seats that people hold stay, whatever the new numbers are."""
    elsewhere = facts.taken_elsewhere - course.facts.taken_elsewhere
    told: list[Notice] = []
    said = {section.number: section for section in sections or ()}
    kept: dict[int, Section] = {}
    for old in course.sections:
        ours = old.taken - course.facts.taken_elsewhere
        stays = old if sections is None else _next(old, ours, said, told)
        kept[old.number] = _fit(stays, old.taken + elsewhere, facts)
    added = [number for number in said if number not in kept]
    back = [section.number for section in course.sections if section.removed and section.number in said]
    kept |= {number: _fit(said[number], facts.taken_elsewhere, facts) for number in added}
    changed = replace(
        course,
        kreis=kreis,
        facts=facts,
        sections=tuple(kept[number] for number in sorted(kept)),
        version=course.version + 1,
    )
    return Written(
        changed,
        tuple(sorted([*added, *back])),
        (*told, *_doubts(changed)),
        more_room=_free(changed) > _free(course),
    )


def _next(old: Section, ours: int, said: Mapping[int, Section], told: list[Notice]) -> Section:
    new = said.get(old.number)
    if new is not None:
        return replace(old, starts_on=new.starts_on, ends_on=new.ends_on, ue=new.ue, removed=False)
    if ours > 0 and not old.removed:
        told.append(Notice("section_kept", "sections", {"section": old.number, "people": ours}))
        return old
    return replace(old, removed=True)


def _free(course: Course) -> int:
    return sum(section.capacity - section.taken for section in course.held)


def _doubts(course: Course) -> tuple[Notice, ...]:
    """Return what is taken as it was said, but can hardly be meant."""
    facts, found = course.facts, []
    most = max((section.taken for section in course.held), default=0)
    if most > facts.capacity:
        found.append(Notice("capacity_below_taken", "capacity", {"capacity": facts.capacity, "taken": most}))
    if facts.minimum is not None and facts.minimum > facts.capacity:
        numbers = {"minimum": facts.minimum, "capacity": facts.capacity}
        found.append(Notice("minimum_above_capacity", "minimum", numbers))
    found += [
        Notice("lesson_ends_first", f"lessons.{number}.ends_at")
        for number, lesson in enumerate(facts.lessons)
        if lesson.ends_at <= lesson.starts_at
    ]
    if facts.registration_until is not None and facts.registration_until > course.ends_on:
        found.append(Notice("registration_after_end", "registration_until"))
    return tuple(found)


def end(course: Course, state: str, day: date, reason: str | None = None) -> Course:
    """Cancel or complete a course."""
    return replace(course, state=state, ended_on=day, cancel_reason=reason, version=course.version + 1)


def times_of_day(lessons: Iterable[Lesson]) -> tuple[str, ...]:
    """Return at which times of day a course is held, from its lessons; empty if it has none."""
    found = set()
    for lesson in lessons:
        if lesson.weekday in {"sat", "sun"}:
            found.add(TimeOfDay.WEEKEND)
        elif lesson.starts_at < NOON:
            found.add(TimeOfDay.MORNING)
        elif lesson.starts_at < EVENING:
            found.add(TimeOfDay.AFTERNOON)
        else:
            found.add(TimeOfDay.EVENING)
    return tuple(time_of_day for time_of_day in TimeOfDay if time_of_day in found)
