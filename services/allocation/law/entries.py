"""Defines the entries of the rule book: what the law says about one thing from a day on, and its source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.days import add_days, add_months

Count = Annotated[int, Field(ge=0, le=10_000)]
"""UE, people or days."""
Code = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]


class Dated(BaseModel):
    """An entry of the rule book: from when to when it holds, and by what law."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    valid_from: date
    valid_until: date | None = None
    """Last day on which the entry holds; None: until a later entry of the same code."""
    source: Annotated[str, Field(min_length=3)]
    day_assumed: bool = False
    """The day is the book's own: on which day the law began to say so is not known here (ADR 0014)."""

    def holds(self, day: date) -> bool:
        """Return whether the entry has begun and not ended on the day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


class CourseTypeRule(Dated):
    """What the law says about a type of course; None: it says nothing, the course itself does."""

    code: Code
    law: Literal["federal", "land", "municipal"] = "federal"
    placed_by: Literal["section", "level"]
    language_ue: Count | None = None
    """At most so many UE of language."""
    language_ue_from: Count | None = None
    orientation_ue: Count = 0
    sections: Count | None = None
    section_ue: Count | None = None
    cap_should: Annotated[int, Field(ge=1, le=100)] | None = None
    cap_must: Annotated[int, Field(ge=1, le=100)] | None = None
    late_entry_ue: Count | None = None
    """Entry into a running section up to so many UE of it; None: as `limits.late_entry_ue`."""
    runs_from: Annotated[int, Field(ge=0, le=100)] | None = None
    women_only: bool = False
    kursnet: str | None = None
    """The code that providers use already."""


class RouteRule(Dated):
    """Whether an access route admits people from this day on, and to which kinds of courses."""

    code: Code
    open: bool
    kinds: tuple[str, ...]


class PriorityClass(BaseModel):
    """Who belongs to a class: one of the standings, or a Kooperationsplan where it counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Code
    standings: tuple[str, ...]
    cooperation_plan: bool = False


class Priorities(Dated):
    """The classes, the most urgent first; everybody fits the last one."""

    classes: Annotated[tuple[PriorityClass, ...], Field(min_length=1)]

    def place_of(self, standing: str, *, cooperation_plan: bool) -> int:
        """Return the place of somebody's class, 0 the most urgent; the last one takes everybody."""
        for place, known in enumerate(self.classes):
            if standing in known.standings or (known.cooperation_plan and cooperation_plan):
                return place
        return len(self.classes) - 1

    def code_of(self, standing: str, *, cooperation_plan: bool) -> str:
        """Return the code of somebody's class."""
        return self.classes[self.place_of(standing, cooperation_plan=cooperation_plan)].code


class Deadline(Dated):
    """A clock of the law with the event that starts it; it runs for days or for months, never both."""

    code: Code
    days: Annotated[int, Field(ge=1, le=3660)] | None = None
    months: Annotated[int, Field(ge=1, le=120)] | None = None
    """Months of the calendar: a year from 29 February ends on 28 February (BGB §§ 187, 188)."""
    starts_with: str
    routes: tuple[str, ...] = ()
    """Access routes for which it runs from the grant; empty: its start is not known to steering."""
    group: str = ""
    """Whom it concerns, in words."""
    exceptions: str = ""
    lapses: bool = False
    """What was granted is lost afterwards: a place has to start in time. Else a goal, never a hard rule."""

    @model_validator(mode="after")
    def _runs_for_one(self) -> Deadline:
        if (self.days is None) == (self.months is None):
            raise PydanticCustomError("days_or_months", "days or months", {"path": ("code",)})
        return self

    def last_day(self, event: date) -> date:
        """Return the last day of a clock that an event has started; the day of the event is not counted."""
        if self.months is None:
            return add_days(event, self.days or 0)
        return add_months(event, self.months)

    def shortest(self) -> int:
        """Return how many days it runs at least."""
        return self.days if self.days is not None else 28 * (self.months or 0)


class StandingRule(Dated):
    """By what right somebody takes part, and whether this right is a duty."""

    code: Code
    obliged: bool
    """People without a duty choose freely among the courses (IntV § 7(3))."""


class Limit(Dated):
    """A single number of the law."""

    code: Code
    value: Count


@dataclass(frozen=True, slots=True)
class Entries:
    """All dated entries, each kind in the order of their days."""

    course_types: tuple[CourseTypeRule, ...]
    routes: tuple[RouteRule, ...]
    priorities: tuple[Priorities, ...]
    deadlines: tuple[Deadline, ...]
    limits: tuple[Limit, ...]
    standings: tuple[StandingRule, ...]
