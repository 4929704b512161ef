"""The law as dated data: what holds on a day, from the files of the rule book.

What holds is the latest entry of a code that began on or before the day, unless that entry has ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.allocation.law.entries import (
    CourseTypeRule,
    Dated,
    Deadline,
    Entries,
    Priorities,
    RouteRule,
    StandingRule,
)
from services.allocation.law.files import read_entries

PACKAGED = Path(__file__).parent / "rules"


class Rules(BaseModel):
    """The rule book as it stood on one day. Routes come with their history: grants lie in the past."""

    model_config = ConfigDict(frozen=True)

    day: date
    version: str
    """SHA-256 of the content; the same rules on two days have the same version."""
    course_types: Mapping[str, CourseTypeRule]
    ended_types: Mapping[str, CourseTypeRule] = Field(default_factory=dict)
    """Types that are over: what held last still holds for courses that began in time."""
    last_starts: Mapping[str, date] = Field(default_factory=dict)
    """Last day on which a course of a type may begin, where the type ends or has ended."""
    women_types: tuple[str, ...] = ("integration_women",)
    """Types for women only, ended ones too; whoever names one of them may be placed among women."""
    routes: Mapping[str, tuple[RouteRule, ...]]
    priorities: Priorities
    deadlines: Mapping[str, Deadline]
    limits: Mapping[str, int]
    standings: Mapping[str, StandingRule]

    def type_of(self, code: str) -> CourseTypeRule | None:
        """Return what holds for courses of a type, also for those that still run; None: it is not known."""
        return self.course_types.get(code) or self.ended_types.get(code)

    def late_entry_ue(self, course_type: str) -> int:
        """Return up to which UE of a section the law allows to enter it."""
        known = self.type_of(course_type)
        if known is None or known.late_entry_ue is None:
            return self.limits["late_entry_ue"]
        return known.late_entry_ue

    def section_ue(self, course_type: str) -> int:
        """Return how many UE a section has of which nobody has said it: rather too many than too few."""
        known = self.type_of(course_type)
        if known is None:
            return self.limits.get("section_ue", 100)
        return known.section_ue or known.language_ue or self.limits.get("section_ue", 100)

    def chooses_freely(self, standing: str) -> bool:
        """Return whether somebody is merely entitled; an unknown standing is no duty."""
        known = self.standings.get(standing)
        return known is None or not known.obliged

    def route_on(self, route: str, granted_on: date) -> RouteRule | None:
        """Return what held for a route on the day of a grant; None: nothing, or it is not known."""
        return _holding(self.routes.get(route, ()), granted_on)

    def route_admits(self, route: str, granted_on: date) -> bool:
        """Return whether the route was open on the day of the grant; an unknown route never is."""
        rule = self.route_on(route, granted_on)
        return rule is not None and rule.open

    def route_leads(self, route: str, granted_on: date) -> tuple[str, ...]:
        """Name the kinds of courses to which a grant leads; one before the book began, as its first entry."""
        history = self.routes.get(route, ())
        rule = self.route_on(route, granted_on) or (history[0] if history else None)
        return () if rule is None else rule.kinds


T = TypeVar("T", bound=Dated)


def _holding(entries: Sequence[T], day: date) -> T | None:
    """Return the latest entry that has begun, unless it has ended; entries are in the order of their days."""
    begun = [entry for entry in entries if entry.valid_from <= day]
    return begun[-1] if begun and begun[-1].holds(day) else None


def _by_code(entries: Iterable[T]) -> dict[str, tuple[T, ...]]:
    by_code: dict[str, tuple[T, ...]] = {}
    for entry in entries:
        code = str(getattr(entry, "code", ""))
        by_code[code] = (*by_code.get(code, ()), entry)
    return by_code


def _on(entries: Iterable[T], day: date) -> dict[str, T]:
    """Return what holds on a day, by code."""
    found = ((code, _holding(some, day)) for code, some in _by_code(entries).items())
    return {code: entry for code, entry in found if entry is not None}


@dataclass(frozen=True, slots=True)
class RuleBook(Entries):
    """All dated entries, to be asked for those of a day."""

    def on(self, day: date) -> Rules:
        """Return the rules of one day.

        Raises:
            LookupError: the book begins later.
        """
        priorities = _holding(self.priorities, day)
        if priorities is None:
            raise LookupError(f"the rule book says nothing about {day}")
        types = {
            code: some for code, some in _by_code(self.course_types).items() if some[0].valid_from <= day
        }
        begun = {code: [one for one in some if one.valid_from <= day][-1] for code, some in types.items()}
        rules = Rules(
            day=day,
            version="",
            course_types={code: rule for code, rule in begun.items() if rule.holds(day)},
            ended_types={code: rule for code, rule in begun.items() if not rule.holds(day)},
            last_starts={
                code: end for code, some in types.items() if (end := some[-1].valid_until) is not None
            },
            women_types=tuple(sorted(code for code, rule in begun.items() if rule.women_only)),
            routes=_by_code(rule for rule in self.routes if rule.valid_from <= day),
            priorities=priorities,
            deadlines=_on(self.deadlines, day),
            limits={code: rule.value for code, rule in _on(self.limits, day).items()},
            standings=_on(self.standings, day),
        )
        content = rules.model_dump(mode="json", exclude={"day", "version"})
        digest = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
        return rules.model_copy(update={"version": digest})

    def first_day(self) -> date:
        """Return the day from which on the book says something."""
        return min(entry.valid_from for entry in self.priorities)

    def source_of_limit(self, code: str, day: date) -> str:
        """Name the source of a limit as it stood on a day; empty: there is none."""
        held = _on(self.limits, day).get(code)
        return "" if held is None else held.source


def read_rulebook(folder: Path) -> RuleBook:
    """Read the files of a rule book.

    Raises:
        DocumentError: with file, line and column of each mistake of the first file that has some.
    """
    read = read_entries(folder)
    return RuleBook(**{one.name: getattr(read, one.name) for one in fields(read)})


@cache
def load_rulebook(folder: Path = PACKAGED) -> RuleBook:
    """Read a rule book once; see `read_rulebook`."""
    return read_rulebook(folder)
