"""Says whom the desk can register on a day, and for which kinds of courses: dated, from registrable.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from schemas.codes import CourseType

_FILE = Path(__file__).with_name("registrable.yaml")


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds on a day."""

    youngest: int
    """In whole years."""
    course_types: frozenset[str]

    def too_young(self, birth: date, today: date) -> bool:
        """Return whether somebody is younger than a participant can be.

        >>> limits = Limits(15, frozenset())
        >>> limits.too_young(date(2011, 11, 30), date(2026, 11, 29))
        True
        >>> limits.too_young(date(2011, 11, 29), date(2026, 11, 29))
        False
        """
        years = today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
        return years < self.youngest


@cache
def _rules() -> Mapping[str, Any]:
    read: Mapping[str, Any] = yaml.safe_load(_FILE.read_text("utf-8"))
    return read


def limits_on(day: date) -> Limits:
    """Return what holds on a day."""
    rules = _rules()
    begun = [one for one in rules["youngest"] if one["valid_from"] <= day]
    ended = {code for code, last in rules["course_types_end"].items() if last < day}
    years = begun[-1]["years"] if begun else 0
    return Limits(years, frozenset(code.value for code in CourseType) - ended)
