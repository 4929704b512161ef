"""Asks groups of rules which entries they forbid a person, all entries at once.

A group of rules says which facts about a person it reads, and is asked once for all people who have the same.
Sets of entries are integers with one bit for each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

Json = Mapping[str, Any]


def parse(raw: bytes) -> Any:  # noqa: ANN401 - a JSON value
    """Read JSON as its standard has it: UTF-8, no NaN, no infinite number.

    Raises:
        ValueError: it is something else.
    """
    try:
        return json.loads(raw.decode(), parse_constant=_not_json, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("JSON is nested too deeply") from error


def _not_json(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if isfinite(number) else _not_json(digits)


Said = Mapping[str, bool]
"""By rule: whether it has nothing against it."""


class Facts(dict[str, Any]):
    """Some facts about a person; to read another one is an error, for it would not be told apart."""

    def __init__(self, who: Json, names: Sequence[str]) -> None:
        super().__init__((name, who[name]) for name in names if name in who)
        self._names = frozenset(names)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - a JSON value
        """Return a fact."""
        if name not in self._names:
            raise KeyError(f"{name} is not among the facts of these rules")
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - JSON values
        """Return a fact if it is known."""
        if name not in self._names:
            raise KeyError(f"{name} is not among the facts of these rules")
        return super().get(name, default)


@dataclass(frozen=True, slots=True)
class OfCourse:
    """Rules that ask the same of every section of a course."""

    facts: Sequence[str]
    says: Callable[[Json, Json], Said]


@dataclass(frozen=True, slots=True)
class OfEntry:
    """Rules that look at the section, too."""

    facts: Sequence[str]
    says: Callable[[Json, Json, Json], Said]


@dataclass(frozen=True, slots=True)
class OfPerson:
    """Rules that read what is different for everybody, like days: they name the entries that they forbid."""

    facts: Sequence[str]
    forbids: Callable[[Json], Mapping[str, int]]


Group = OfCourse | OfEntry | OfPerson


class Tables:
    """Verdicts of groups of rules on entries, given as each course with its sections, in order."""

    def __init__(self, groups: Sequence[Group], courses: Sequence[tuple[Json, Sequence[Json]]]) -> None:
        self._groups, self._courses = groups, courses
        self._known: dict[tuple[int, str], Mapping[str, int]] = {}

    def objections(self, who: Json) -> dict[str, int]:
        """Return by rule the entries that it forbids a person; rules that forbid none are left out."""
        found: dict[str, int] = {}
        for place, group in enumerate(self._groups):
            key = place, repr([who.get(name) for name in group.facts])
            if key not in self._known:
                self._known[key] = self._ask(group, Facts(who, group.facts))
            found |= self._known[key]
        return found

    def _ask(self, group: Group, facts: Facts) -> Mapping[str, int]:
        if isinstance(group, OfPerson):
            return {rule: bits for rule, bits in group.forbids(facts).items() if bits}
        found: dict[str, int] = {}
        for bits, said in self._answers(group, facts):
            for rule, fine in said.items():
                if not fine:
                    found[rule] = found.get(rule, 0) | bits
        return found

    def _answers(self, group: OfCourse | OfEntry, facts: Facts) -> Iterator[tuple[int, Said]]:
        at = 0
        for course, sections in self._courses:
            if isinstance(group, OfCourse):
                if sections:
                    yield ((1 << len(sections)) - 1) << at, group.says(facts, course)
            else:
                for place, section in enumerate(sections, at):
                    yield 1 << place, group.says(facts, course, section)
            at += len(sections)


def places(bits: int) -> Iterator[int]:
    """Yield the places of set bits, the lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
