"""Suggests the sections of a course from its first day and its weekly teaching times."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from schemas.codes import Weekday
from schemas.providers import Lesson, Section
from services.allocation.law.entries import CourseTypeRule

_MINUTES_OF_A_UNIT = 45
_WEEKDAYS = tuple(Weekday)
_LONGEST = timedelta(days=3 * 366)
MOST_SECTIONS = 12


@dataclass(frozen=True, slots=True)
class _Part:
    number: int
    ue: int


def units_of(lesson: Lesson) -> int:
    """Return how many whole teaching units of 45 minutes fit into a weekly teaching time."""
    minutes = (lesson.ends_at.hour - lesson.starts_at.hour) * 60
    minutes += lesson.ends_at.minute - lesson.starts_at.minute
    return max(0, minutes // _MINUTES_OF_A_UNIT)


def parts_of(rule: CourseTypeRule) -> list[_Part]:
    """Return the sections that the law foresees, the orientation course last; one where it says nothing.

    Source: IntV §§ 10-14.
    """
    if rule.sections and rule.section_ue:
        sizes = [rule.section_ue] * rule.sections
    else:
        sizes = [rule.language_ue] if rule.language_ue else []
    if rule.orientation_ue:
        sizes.append(rule.orientation_ue)
    return [_Part(number, ue) for number, ue in enumerate(sizes[:MOST_SECTIONS], 1)]


def suggest(
    rule: CourseTypeRule, first_day: date, lessons: Sequence[Lesson], holidays: Container[date]
) -> list[Section]:
    """Lay the sections out one after the other, without public holidays; school holidays are not known.

    Empty where the law names no size, or nothing is taught: then only the provider can say.
    """
    units = [sum(units_of(lesson) for lesson in lessons if lesson.weekday == day.value) for day in _WEEKDAYS]
    found: list[Section] = []
    if not any(units):
        return found
    day, last = first_day, first_day + _LONGEST
    for part in parts_of(rule):
        starts, done = None, 0
        while done < part.ue:
            if day > last:
                return found
            taught = 0 if day in holidays else units[day.weekday()]
            if taught and starts is None:
                starts = day
            done += taught
            day += timedelta(days=1)
        if starts is not None:
            found.append(
                Section(number=part.number, starts_on=starts, ends_on=day - timedelta(days=1), ue=part.ue)
            )
    return found
