"""Reads the files of the rule book and checks them for codes, gaps and entries that hold at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter

from schemas.codes import AccessRoute, CourseKind, CourseType, Standing
from services.allocation.law import documents
from services.allocation.law.entries import (
    CourseTypeRule,
    Dated,
    Deadline,
    Entries,
    Limit,
    Priorities,
    RouteRule,
    StandingRule,
)
from services.allocation.law.mistakes import DocumentError, Mistake
from services.allocation.law.validation import checked

T = TypeVar("T", bound=Dated)
LIMITS = ("funding_cap_ue", "late_entry_ue", "section_ue")
"""The limits that the book has to know on every day."""
_UNKNOWN = {"classes": "standing_unknown", "routes": "route_unknown"}


class _File(Generic[T]):
    """One file of the book: its entries in their order, and where each stands."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        self._path = path
        kinds: TypeAdapter[list[T]] = TypeAdapter(list[kind])  # type: ignore[valid-type] # known when it runs
        try:
            self._document = documents.read_file(path)
            self.entries: list[T] = checked(self._document, kinds, kind.model_fields)
        except DocumentError as error:
            raise DocumentError(error.mistakes, str(path)) from None

    def wrong(self, at: int, field: str, kind: str, /, **params: str | int) -> Mistake:
        """Make a mistake in a field of an entry."""
        return self._document.mistake((at, field), kind, params)

    def missing(self, name: str) -> Mistake:
        """Make a mistake of an entry that the file has to have."""
        return self._document.mistake((), "missing", {"name": name})

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
        elif before.valid_until is not None and before.valid_until + timedelta(days=1) < entry.valid_from:
            ended = before.valid_until.isoformat()
            yield self.wrong(at, "valid_from", "gap_before", code=code, day=day, ended=ended)

    def never_missing(self, at: Sequence[int], first: date) -> Iterator[Mistake]:
        """Make a mistake where entries of one code begin after the book, or end with nothing behind."""
        by_day = sorted(at, key=lambda one: self.entries[one].valid_from)
        if self.entries[by_day[0]].valid_from > first:
            yield self.wrong(by_day[0], "valid_from", "begins_late", day=first.isoformat())
        if self.entries[by_day[-1]].valid_until is not None:
            yield self.wrong(by_day[-1], "valid_until", "nothing_behind")


def _type_mistakes(file: _File[CourseTypeRule]) -> Iterator[Mistake]:
    for at, rule in enumerate(file.entries):
        yield from file.unknown(at, "code", [rule.code], set(CourseType))
        sections, ue, total = rule.sections, rule.section_ue, rule.language_ue
        if sections is not None and ue is not None and total is not None and sections * ue != total:
            yield file.wrong(at, "sections", "section_hours", sections=sections, ue=ue, total=total)
        if _above(rule.cap_should, rule.cap_must):
            yield file.wrong(at, "cap_should", "cap_order")
        if _above(rule.language_ue_from, rule.language_ue or None):
            yield file.wrong(at, "language_ue_from", "hours_order")
        if _above(rule.runs_from, rule.cap_must):
            yield file.wrong(at, "runs_from", "size_order")


def _above(number: int | None, most: int | None) -> bool:
    return number is not None and most is not None and number > most


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
        yield from _said_twice(file, at, [known.code for known in rule.classes])
        yield from _said_twice(file, at, [one for known in rule.classes for one in known.standings])
        if rule.classes[-1].standings or rule.classes[-1].cooperation_plan:
            yield file.wrong(at, "classes", "last_class_has_conditions")
    if file.entries:
        first = min(rule.valid_from for rule in file.entries)
        yield from file.never_missing(range(len(file.entries)), first)
    else:
        yield file.missing("classes")


def _said_twice(file: _File[Priorities], at: int, values: Sequence[str]) -> Iterator[Mistake]:
    for place, value in enumerate(values):
        if value in values[:place]:
            yield file.wrong(at, "classes", "value_twice", value=value)


def _limit_mistakes(file: _File[Limit], first: date) -> Iterator[Mistake]:
    """Look for limits without which nobody could be judged."""
    by_code: dict[str, list[int]] = defaultdict(list)
    for at, rule in enumerate(file.entries):
        by_code[rule.code].append(at)
        if rule.code not in LIMITS:
            yield file.wrong(at, "code", "limit_unknown", value=rule.code, expected=", ".join(LIMITS))
    for code in LIMITS:
        if code in by_code:
            yield from file.never_missing(by_code[code], first)
        else:
            yield file.missing(code)


def _deadline_mistakes(file: _File[Deadline], routes: set[str]) -> Iterator[Mistake]:
    for at, rule in enumerate(file.entries):
        yield from file.unknown(at, "routes", rule.routes, routes)


def read_entries(folder: Path) -> Entries:
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
    settled = priorities.settled(_priority_mistakes(priorities, of_standings))
    return Entries(
        course_types=types.settled(_type_mistakes(types)),
        routes=routes.settled(_route_mistakes(routes)),
        priorities=settled,
        deadlines=deadlines.settled(_deadline_mistakes(deadlines, of_routes)),
        limits=limits.settled(_limit_mistakes(limits, settled[0].valid_from)),
        standings=standings.settled(_standing_mistakes(standings)),
    )
