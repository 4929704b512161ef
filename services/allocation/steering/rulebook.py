"""The law as dated data: course types, access routes, priority classes, deadlines, each with its source."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from schemas.codes import AccessRoute, CourseKind, CourseType, Standing
from services.allocation.steering import documents
from services.allocation.steering.checked import checked
from services.allocation.steering.mistakes import DocumentError, Mistake

PACKAGED = Path(__file__).parent / "rules"


class Dated(BaseModel):
    """An entry of the rule book: from when to when it holds, and by what law."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    valid_from: date
    valid_until: date | None = None
    """Last day on which the entry holds; None: until a later entry of the same code."""
    source: Annotated[str, Field(min_length=3)]

    def holds(self, day: date) -> bool:
        """Say whether the entry has begun and not ended on the day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


class CourseTypeRule(Dated):
    """What the law says about a type of course; None: it says nothing, the course itself does."""

    code: str
    law: Literal["federal", "land", "municipal"] = "federal"
    placed_by: Literal["section", "level"]
    language_ue: int | None = None
    """At most so many UE of language."""
    language_ue_from: int | None = None
    orientation_ue: int = 0
    sections: int | None = None
    section_ue: int | None = None
    cap_should: int | None = None
    cap_must: int | None = None
    late_entry_ue: int | None = None
    """Entry into a running section up to so many UE of it; None: as `limits.late_entry_ue`."""
    runs_from: int | None = None
    women_only: bool = False
    kursnet: str | None = None
    """The code that providers use already."""


class RouteRule(Dated):
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
    """A clock of the law with the event that starts it."""

    code: str
    days: int
    starts_with: str
    routes: tuple[str, ...] = ()
    """Access routes for which it runs from the grant; empty: its start is not known to steering."""
    group: str = ""
    """Whom it concerns, in words."""
    exceptions: str = ""
    lapses: bool = False
    """What was granted is lost afterwards: a place has to start in time. Else a goal, never a hard rule."""


class StandingRule(Dated):
    """By what right somebody takes part, and whether this right is a duty."""

    code: str
    obliged: bool
    """People without a duty choose freely among the courses (IntV § 7(3))."""


class Limit(Dated):
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

    def late_entry_ue(self, course_type: str) -> int:
        """Return up to which UE of a section the law allows to enter it."""
        known = self.course_types.get(course_type)
        if known is None or known.late_entry_ue is None:
            return self.limits["late_entry_ue"]
        return known.late_entry_ue

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
        """Return the rules of one day.

        Raises:
            LookupError: the book begins later.
        """
        routes: dict[str, tuple[RouteRule, ...]] = {}
        for rule in self.routes:
            if rule.valid_from <= day:
                routes[rule.code] = (*routes.get(rule.code, ()), rule)
        priorities = [entry for entry in self.priorities if entry.holds(day)]
        if not priorities:
            raise LookupError(f"the rule book says nothing about {day}")
        rules = Rules(
            day=day,
            version="",
            course_types={rule.code: rule for rule in self.course_types if rule.holds(day)},
            routes=routes,
            priorities=priorities[-1],
            deadlines={rule.code: rule for rule in self.deadlines if rule.holds(day)},
            limits={rule.code: rule.value for rule in self.limits if rule.holds(day)},
            standings={rule.code: rule for rule in self.standings if rule.holds(day)},
        )
        content = rules.model_dump(mode="json", exclude={"day", "version"})
        digest = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
        return rules.model_copy(update={"version": digest})

    def first_day(self) -> date:
        """Return the day from which on the book says something."""
        return min(entry.valid_from for entry in self.priorities)

    def source_of_limit(self, code: str, day: date) -> str:
        """Name the source of a limit as it stood on a day; empty: there is none."""
        holding = [rule.source for rule in self.limits if rule.code == code and rule.holds(day)]
        return holding[-1] if holding else ""


T = TypeVar("T", bound=Dated)
_UNKNOWN = {"classes": "standing_unknown", "routes": "route_unknown"}


class _File(Generic[T]):
    """One file of the book: its entries in their order, and where each stands."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        self._path = path
        kinds: TypeAdapter[list[T]] = TypeAdapter(list[kind])  # type: ignore[valid-type] # known when it runs
        try:
            self._document = documents.read(path.read_text(encoding="utf-8"))
            self.entries: list[T] = checked(self._document, kinds, kind.model_fields)
        except DocumentError as error:
            raise DocumentError(error.mistakes, str(path)) from None

    def wrong(self, at: int, field: str, kind: str, /, **params: str | int) -> Mistake:
        """Make a mistake in a field of an entry."""
        return self._document.mistake((at, field), kind, params)

    def unknown(
        self, at: int, field: str, values: Sequence[str], known: Collection[str]
    ) -> Iterator[Mistake]:
        """Make a mistake of each code that is not a known one."""
        for value in values:
            if value not in known:
                yield self.wrong(at, field, _UNKNOWN.get(field, "code_unknown"), value=value)

    def settled(self, mistakes: Iterator[Mistake]) -> tuple[T, ...]:
        """Return the entries by their day.

        Raises:
            DocumentError: there are mistakes, of this check or between entries.
        """
        found = [*mistakes, *self._days()]
        if found:
            raise DocumentError(found, str(self._path))
        return tuple(sorted(self.entries, key=lambda entry: entry.valid_from))

    def _days(self) -> Iterator[Mistake]:
        """Look for entries of one code that begin on one day, or that hold at once by their own word."""
        earlier: dict[str, list[int]] = {}
        for at in sorted(range(len(self.entries)), key=lambda at: self.entries[at].valid_from):
            entry = self.entries[at]
            if entry.valid_until is not None and entry.valid_until < entry.valid_from:
                yield self.wrong(at, "valid_until", "ends_before_it_begins")
            code = str(getattr(entry, "code", ""))
            for other in earlier.get(code, ())[-1:]:
                yield from self._overlap(code, other, at)
            earlier.setdefault(code, []).append(at)

    def _overlap(self, code: str, other: int, at: int) -> Iterator[Mistake]:
        before, entry = self.entries[other], self.entries[at]
        day = entry.valid_from.isoformat()
        if before.valid_from == entry.valid_from:
            first, later = sorted((other, at))
            line = self._document.place((first,)).line
            yield self.wrong(later, "valid_from", "entry_twice", code=code, day=day, first=line)
        elif before.valid_until is not None and before.valid_until >= entry.valid_from:
            yield self.wrong(other, "valid_until", "overlaps_next", code=code, day=day)


def _type_mistakes(file: _File[CourseTypeRule]) -> Iterator[Mistake]:
    for at, rule in enumerate(file.entries):
        yield from file.unknown(at, "code", [rule.code], set(CourseType))
        if rule.sections is not None and rule.section_ue is not None and rule.language_ue is not None:
            total = rule.sections * rule.section_ue
            if total != rule.language_ue:
                numbers = {"sections": rule.sections, "ue": rule.section_ue, "total": rule.language_ue}
                yield file.wrong(at, "sections", "section_hours", **numbers)
        if rule.cap_should is not None and rule.cap_must is not None and rule.cap_should > rule.cap_must:
            yield file.wrong(at, "cap_should", "cap_order")


def _route_mistakes(file: _File[RouteRule]) -> Iterator[Mistake]:
    for at, rule in enumerate(file.entries):
        yield from file.unknown(at, "code", [rule.code], set(AccessRoute))
        yield from file.unknown(at, "kinds", rule.kinds, set(CourseKind))


def _standing_mistakes(file: _File[StandingRule]) -> Iterator[Mistake]:
    for at, rule in enumerate(file.entries):
        yield from file.unknown(at, "code", [rule.code], set(Standing))


def _priority_mistakes(file: _File[Priorities], standings: set[str]) -> Iterator[Mistake]:
    for at, rule in enumerate(file.entries):
        for known in rule.classes:
            yield from file.unknown(at, "classes", known.standings, standings)
        if rule.classes[-1].standings or rule.classes[-1].cooperation_plan:
            yield file.wrong(at, "classes", "last_class_has_conditions")


def _deadline_mistakes(file: _File[Deadline], routes: set[str]) -> Iterator[Mistake]:
    for at, rule in enumerate(file.entries):
        yield from file.unknown(at, "routes", rule.routes, routes)


def read_rulebook(folder: Path) -> RuleBook:
    """Read the files of a rule book.

    Raises:
        DocumentError: with file, line and column of each mistake of the first file that has some.
    """
    routes = _File(folder / "access_routes.yaml", RouteRule)
    standings = _File(folder / "standings.yaml", StandingRule)
    types = _File(folder / "course_types.yaml", CourseTypeRule)
    priorities = _File(folder / "priorities.yaml", Priorities)
    deadlines = _File(folder / "deadlines.yaml", Deadline)
    limits = _File(folder / "limits.yaml", Limit)
    of_routes = {rule.code for rule in routes.entries}
    of_standings = {rule.code for rule in standings.entries}
    return RuleBook(
        course_types=types.settled(_type_mistakes(types)),
        routes=routes.settled(_route_mistakes(routes)),
        priorities=priorities.settled(_priority_mistakes(priorities, of_standings)),
        deadlines=deadlines.settled(_deadline_mistakes(deadlines, of_routes)),
        limits=limits.settled(iter(())),
        standings=standings.settled(_standing_mistakes(standings)),
    )


@cache
def load_rulebook(folder: Path = PACKAGED) -> RuleBook:
    """Read a rule book once; see `read_rulebook`."""
    return read_rulebook(folder)
