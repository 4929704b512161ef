"""The law as dated data: course types, access routes, priority classes, deadlines, each with its source."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

PACKAGED = Path(__file__).parent / "rules"


class _Dated(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    valid_from: date
    valid_until: date | None = None
    """Last day on which the entry holds; None: until a later entry of the same code."""
    source: Annotated[str, Field(min_length=3)]

    def holds(self, day: date) -> bool:
        """Say whether the entry has begun and not ended on the day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


class CourseTypeRule(_Dated):
    """What the law says about a type of course."""

    code: str
    placed_by: Literal["section", "level"]
    language_ue: int
    orientation_ue: int
    section_ue: int
    cap_should: int
    cap_must: int
    runs_from: int | None = None
    women_only: bool = False


class RouteRule(_Dated):
    """Whether an access route admits people from this day on, and to which kinds of courses."""

    code: str
    open: bool
    kinds: tuple[str, ...]


class PriorityClass(BaseModel):
    """Who belongs to a class: one of the standings, or a Kooperationsplan where it counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    standings: tuple[str, ...]
    cooperation_plan: bool = False


class Priorities(_Dated):
    """The classes, the most urgent first; everybody fits the last one."""

    classes: Annotated[tuple[PriorityClass, ...], Field(min_length=1)]


class Deadline(_Dated):
    """A clock of the law with the event that starts it."""

    code: str
    days: int
    starts_with: str
    routes: tuple[str, ...] = ()
    """Access routes for which it runs from the grant; empty: its start is not known to steering."""
    lapses: bool = False
    """What was granted is lost afterwards: a place has to start in time. Else a goal, never a hard rule."""


class StandingRule(_Dated):
    """By what right somebody takes part, and whether this right is a duty."""

    code: str
    obliged: bool
    """People without a duty choose freely among the courses (IntV § 7(3))."""


class Limit(_Dated):
    """A single number of the law."""

    code: str
    value: int


class Rules(BaseModel):
    """The rule book as it stood on one day. Routes come with their history: grants lie in the past."""

    model_config = ConfigDict(frozen=True)

    day: date
    version: str
    """SHA-256 of the content; the same rules on two days have the same version."""
    course_types: Mapping[str, CourseTypeRule]
    routes: Mapping[str, tuple[RouteRule, ...]]
    priorities: Priorities
    deadlines: Mapping[str, Deadline]
    limits: Mapping[str, int]
    standings: Mapping[str, StandingRule]

    def class_place(self, standing: str, *, cooperation_plan: bool) -> int:
        """Return the place of somebody's priority class, 0 the most urgent; the last one takes everybody."""
        classes = self.priorities.classes
        for place, known in enumerate(classes):
            if standing in known.standings or (known.cooperation_plan and cooperation_plan):
                return place
        return len(classes) - 1

    def class_code(self, standing: str, *, cooperation_plan: bool) -> str:
        """Return the code of somebody's priority class."""
        return self.priorities.classes[self.class_place(standing, cooperation_plan=cooperation_plan)].code

    def chooses_freely(self, standing: str) -> bool:
        """Say whether somebody is merely entitled; an unknown standing is no duty."""
        known = self.standings.get(standing)
        return known is None or not known.obliged

    def route_admits(self, route: str, granted_on: date) -> bool:
        """Say whether the route was open on the day of the grant; an unknown route never is."""
        latest = [rule for rule in self.routes.get(route, ()) if rule.holds(granted_on)]
        return bool(latest) and latest[-1].open


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All dated entries."""

    course_types: tuple[CourseTypeRule, ...]
    routes: tuple[RouteRule, ...]
    priorities: tuple[Priorities, ...]
    deadlines: tuple[Deadline, ...]
    limits: tuple[Limit, ...]
    standings: tuple[StandingRule, ...]

    def on(self, day: date) -> Rules:
        """Return the rules of one day."""
        routes: dict[str, tuple[RouteRule, ...]] = {}
        for rule in self.routes:
            if rule.valid_from <= day:
                routes[rule.code] = (*routes.get(rule.code, ()), rule)
        rules = Rules(
            day=day,
            version="",
            course_types={rule.code: rule for rule in self.course_types if rule.holds(day)},
            routes=routes,
            priorities=[entry for entry in self.priorities if entry.holds(day)][-1],
            deadlines={rule.code: rule for rule in self.deadlines if rule.holds(day)},
            limits={rule.code: rule.value for rule in self.limits if rule.holds(day)},
            standings={rule.code: rule for rule in self.standings if rule.holds(day)},
        )
        content = rules.model_dump(mode="json", exclude={"day", "version"})
        digest = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
        return rules.model_copy(update={"version": digest})


T = TypeVar("T", bound=_Dated)


def _entries(path: Path, kind: type[T]) -> tuple[T, ...]:
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    entries: Sequence[T] = TypeAdapter(list[kind]).validate_python(raw)  # type: ignore[valid-type]
    return tuple(sorted(entries, key=lambda entry: entry.valid_from))


def load_rulebook(folder: Path = PACKAGED) -> RuleBook:
    """Read the rule book; a mistake in it is a ValidationError or a YAMLError naming the place."""
    return RuleBook(
        course_types=_entries(folder / "course_types.yaml", CourseTypeRule),
        routes=_entries(folder / "access_routes.yaml", RouteRule),
        priorities=_entries(folder / "priorities.yaml", Priorities),
        deadlines=_entries(folder / "deadlines.yaml", Deadline),
        limits=_entries(folder / "limits.yaml", Limit),
        standings=_entries(folder / "standings.yaml", StandingRule),
    )
