"""Lists the places to enter: sections of courses, with what is free in them on the day of a snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from services.allocation.law import late_entry
from services.allocation.law.rulebook import Rules
from services.allocation.steering.matching.domain import Course, EntryKey, Section
from services.allocation.steering.matching.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Entry:
    """A place to enter: a section of a course, running or to come."""

    course: Course
    section: Section
    starts_on: date
    """First day of somebody who enters today or later."""
    seats: int
    """Seats free in this section, within what the law allows for the type."""
    free: int
    """Seats free in this and every later section."""
    late: bool

    @property
    def key(self) -> EntryKey:
        """Return what names the entry."""
        return EntryKey(self.course.id, self.section.number)


def _seats(course: Course, section: Section, rules: Rules) -> int:
    """Count what is free in a section, without going over the law's cap for the type (IntV § 14)."""
    known = rules.type_of(course.course_type)
    if known is None or known.cap_must is None or course.capacity is None:
        return max(0, section.free)
    return max(0, min(section.free, known.cap_must - (course.capacity - section.free)))


def entries_of(snapshot: Snapshot) -> tuple[Entry, ...]:
    """List the entries of all courses, by course id and section."""
    entries = []
    for course in snapshot.courses:
        coming = [section for section in course.sections if section.ends_on >= snapshot.day]
        seats = [_seats(course, section, snapshot.rules) for section in coming]
        for place, section in enumerate(coming):
            late = section.starts_on < snapshot.day
            begins = max(section.starts_on, snapshot.day)
            entries.append(Entry(course, section, begins, seats[place], min(seats[place:]), late))
    return tuple(entries)


def ue_held(section: Section, day: date, unknown: int) -> int:
    """Estimate how many UE of a section lie before the day, spread evenly over its days.

    `unknown`: how many it has if nobody has said it.
    """
    return late_entry.ue_held(section.starts_on, section.ends_on, section.ue or unknown, day)


def begins_on(course: Course) -> date:
    """Return the first day of a course, also of one whose first sections are over."""
    return course.begins_on or course.sections[0].starts_on


def at_the_beginning(entry: Entry) -> bool:
    """Return whether somebody who enters here is there from the course's beginning on."""
    return entry.section.starts_on <= begins_on(entry.course)


def minimum_of(course: Course, snapshot: Snapshot) -> int:
    """Return the larger minimum of provider and municipality; where both are silent, that of the rules."""
    known = snapshot.rules.type_of(course.course_type)
    law = known.runs_from if known is not None and known.runs_from is not None else 0
    said = max(course.minimum or 0, snapshot.policy.sizes.minimum.get(course.course_type, 0))
    return said or law


def need_of(course: Course, snapshot: Snapshot) -> int:
    """Return how many more people a course needs to start; 0: it starts anyway, runs already, or collects.

    The minimum counts from `decide_days` before the start on; a coordinator's decision and the policy's
    protection go before it.
    """
    sizes, begins = snapshot.policy.sizes, begins_on(course)
    soon = begins <= snapshot.day + timedelta(days=sizes.decide_days)
    running = begins < snapshot.day
    if running or not soon or course.decision == "start" or sizes.protects(course.course_type, course.id):
        return 0
    return max(0, minimum_of(course, snapshot) - course.seated)
