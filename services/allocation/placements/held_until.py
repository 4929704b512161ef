"""Says until when a reserved place can be answered: by the policy, and before it is too late."""

from datetime import UTC, date, datetime, time, timedelta

from schemas.days import LOCAL, add_days, local_day
from services.allocation.courses.domain import Course
from services.allocation.policy.terms import Terms
from services.places.public_holidays import holidays_of, working_day_before


def last_day(terms: Terms, kreis: str, course: Course, entry_section: int, now: datetime) -> date:
    """Return the last day on which a place reserved from a section on can be answered; at least today.

    That is the working day before the section begins, by the public holidays of the Kreis's Land. Once it
    runs, it is the last day on which it may be entered late.
    """
    section, today = course.section(entry_section), local_day(now)
    if section is None:
        return today
    if section.starts_on >= today:
        last = working_day_before(section.starts_on, holidays_of(kreis[:2]))
    else:
        last = terms.last_entry(kreis, course.facts.course_type, section, now) or today
    return max(last, today)


def held_until(  # noqa: PLR0917 - all that the end of a reservation depends on
    terms: Terms,
    kreis: str,
    course: Course,
    entry_section: int,
    now: datetime,
    priority_class: str | None = None,
    *,
    present: bool = False,
) -> datetime:
    """Return until when a place that is reserved now is held; `present`: the person is in the room."""
    by_policy = terms.reserved_until(kreis, now, present, priority_class)
    return min(by_policy, end_of(last_day(terms, kreis, course, entry_section, now)))


def end_of(day: date) -> datetime:
    """Return the end of a day in Germany; days beyond the calendar's last years end with them."""
    return datetime.combine(min(add_days(day, 1), _LAST), time(), LOCAL).astimezone(UTC)


_LAST = date.max - timedelta(days=1)
