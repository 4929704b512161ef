"""Parameters and results that the counting queries share."""

from collections.abc import Mapping

import asyncpg

from services.runtime.disclosure.figures import Value
from services.texts.figures import COURSES_OF, Courses


def kinds(courses: Courses) -> tuple[list[str], bool]:
    """Return course types, and whether the courses to be counted are of these or of all others."""
    if courses is Courses.OTHER:
        return [one for types in COURSES_OF.values() for one in types], False
    return list(COURSES_OF[courses]), True


def counted(row: asyncpg.Record | None) -> Mapping[str, Value]:
    """Return the counts of a row.

    Raises:
        LookupError: there is none.
    """
    if row is None:
        raise LookupError("a count returned no row")
    return dict(row)
