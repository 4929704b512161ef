"""Reads anybody's assignment problem from JSON, has the engine solve it, writes the result back.

    {"tiers": ["urgent", "placed", "distance"],
     "people": [{"id": "p1"}],
     "courses": [{"id": "c1", "capacity": 20, "minimum": 12, "taken": 3}],
     "pairs": [["p1", "c1", [1, 1, -7]]]}

Tiers stand from most to least important, each is maximised; a person without a place contributes 0.
A course starts only if taken + placed >= minimum; one that nobody is added to does not count as started.

    {"status": "optimal", "gap": 0.0, "tiers": [1, 1, -7], "started": ["c1"], "placed": {"p1": "c1"},
     "seconds": 0.4, "bounds": [1, 1, -7], "proven": 3, "cut": ""}
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import orjson

from services.allocation.solver.engine import mincost
from services.allocation.solver.engine.flow import Problem, Tier
from services.allocation.solver.engine.mincost import Ints
from services.allocation.solver.engine.proof import Settled
from services.allocation.solver.engine.starts import Starting

Path = tuple[str | int, ...]
_LARGEST = 2**53


class InstanceError(Exception):
    """A mistake in an instance, and its line."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


class _Mistake(Exception):  # noqa: N818 - becomes an InstanceError once its line is known
    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, slots=True)
class Instance:
    """A problem by index, and the ids that the indices stand for."""

    people: tuple[str, ...]
    courses: tuple[str, ...]
    starting: Starting


def read(raw: bytes) -> Instance:
    """Read an instance; the order of its lists does not matter.

    Raises:
        InstanceError: it is not valid JSON or not an instance.
    """
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InstanceError(error.msg, error.lineno) from error
    try:
        return _instance(data)
    except _Mistake as mistake:
        line = _line(raw.decode(), mistake.path)
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in mistake.path)
        raise InstanceError(f"{where.lstrip('.') or 'the instance'} {mistake}", line) from None


def _instance(data: Any) -> Instance:  # noqa: ANN401 - any JSON value
    _keys(data, (), frozenset({"tiers", "people", "courses", "pairs"}))
    tiers = data["tiers"]
    if not isinstance(tiers, list) or not tiers or not all(isinstance(name, str) for name in tiers):
        raise _Mistake(("tiers",), "must be a list of names, at least one")
    people = _ids(data, "people", frozenset({"id"}), frozenset())
    courses = _ids(data, "courses", frozenset({"id", "capacity"}), frozenset({"minimum", "taken"}))
    _sizes(data["courses"])
    ordered = sorted(data["courses"], key=lambda course: str(course["id"]))
    seats = [course["capacity"] - course.get("taken", 0) for course in ordered]
    need = [max(0, course.get("minimum", 0) - course.get("taken", 0)) for course in ordered]
    person, course_of, values = _pairs(data["pairs"], people, courses, len(tiers))
    problem = Problem(
        people=len(people),
        later=np.full(len(courses), -1, dtype=np.int64),
        seats=np.array(seats, dtype=np.int64),
        person=person,
        entry=course_of,
        tiers=tuple(Tier(name, np.ascontiguousarray(values[:, at])) for at, name in enumerate(tiers)),
    )
    starting = Starting(problem, np.arange(len(courses), dtype=np.int64), np.array(need, dtype=np.int64))
    return Instance(people, courses, starting)


def _sizes(courses: Sequence[Mapping[str, Any]]) -> None:
    for number, course in enumerate(courses):
        for name in ("capacity", "minimum", "taken"):
            value = course.get(name, 0)
            if type(value) is not int or not 0 <= value < _LARGEST:
                raise _Mistake(("courses", number, name), "must be an integer of at least 0")
        if course.get("taken", 0) > course["capacity"]:
            raise _Mistake(("courses", number, "taken"), "is more than the capacity")


def _keys(
    value: Any,  # noqa: ANN401 - any JSON value
    path: Path,
    wanted: frozenset[str],
    further: frozenset[str] = frozenset(),
) -> None:
    if not isinstance(value, dict):
        raise _Mistake(path, "must be an object")
    for name in sorted(wanted - value.keys()):
        raise _Mistake(path, f"has no {name!r}")
    for name in value:
        if name not in wanted and name not in further:
            raise _Mistake((*path, name), "is not known")


def _ids(
    data: Mapping[str, Any], part: str, wanted: frozenset[str], further: frozenset[str]
) -> tuple[str, ...]:
    if not isinstance(data[part], list):
        raise _Mistake((part,), "must be a list")
    seen: set[str] = set()
    for number, one in enumerate(data[part]):
        _keys(one, (part, number), wanted, further)
        if not isinstance(one["id"], str):
            raise _Mistake((part, number, "id"), "must be a text")
        if one["id"] in seen:
            raise _Mistake((part, number, "id"), "is there twice")
        seen.add(one["id"])
    return tuple(sorted(seen))


def _pairs(
    pairs: Any,  # noqa: ANN401 - any JSON value
    people: Sequence[str],
    courses: Sequence[str],
    tiers: int,
) -> tuple[Ints, Ints, Ints]:
    """Return person, course and values of each pair, sorted by the two."""
    if not isinstance(pairs, list):
        raise _Mistake(("pairs",), "must be a list")
    person_at = {id_: place for place, id_ in enumerate(people)}
    course_at = {id_: place for place, id_ in enumerate(courses)}
    if not pairs:
        nothing = np.array([], dtype=np.int64)
        return nothing, nothing, np.zeros((0, tiers), dtype=np.int64)
    read_fast = _columns(pairs, person_at, course_at, tiers)
    if read_fast is None:
        raise _first_mistake(pairs, person_at, course_at, tiers)
    person, course, values = read_fast
    largest = mincost.LARGEST // (2 * (len(people) + len(courses) + 3))
    beyond = np.argwhere(np.abs(values) >= largest)
    if len(beyond):
        at, tier = beyond[0].tolist()
        raise _Mistake(("pairs", at, 2, tier), f"must be below {largest} with so many people and courses")
    order = np.lexsort((course, person))
    person, course, values = person[order], course[order], values[order]
    twice = np.flatnonzero((np.diff(person) == 0) & (np.diff(course) == 0))
    if len(twice):
        raise _Mistake(("pairs", int(max(order[twice[0]], order[twice[0] + 1]))), "is there twice")
    return person, course, values


def _columns(
    pairs: Sequence[Any], people: Mapping[str, int], courses: Mapping[str, int], tiers: int
) -> tuple[Ints, Ints, Ints] | None:
    """Read the pairs as columns; None if anything is wrong with any of them."""
    try:
        person = np.array([people[pair[0]] for pair in pairs], dtype=np.int64)
        course = np.array([courses[pair[1]] for pair in pairs], dtype=np.int64)
        rows = [pair[2] for pair in pairs]
        alike = {len(pair) for pair in pairs} == {3} and set(map(type, chain.from_iterable(rows))) == {int}
        values = np.array(rows, dtype=np.int64)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return None
    if not alike or values.shape != (len(pairs), tiers) or int(np.abs(values).max()) >= _LARGEST:
        return None
    return person, course, values


def _first_mistake(
    pairs: Sequence[Any], people: Mapping[str, int], courses: Mapping[str, int], tiers: int
) -> _Mistake:
    for number, pair in enumerate(pairs):
        path: Path = ("pairs", number)
        if not isinstance(pair, list) or len(pair) != 3:  # noqa: PLR2004 - person, course, values
            return _Mistake(path, "must be [person, course, [values]]")
        for place, known, what in ((0, people, "person"), (1, courses, "course")):
            if not isinstance(pair[place], str) or pair[place] not in known:
                return _Mistake((*path, place), f"is no known {what}")
        if not isinstance(pair[2], list) or len(pair[2]) != tiers:
            return _Mistake((*path, 2), f"must have {tiers} values, one for each tier")
        for at, value in enumerate(pair[2]):
            if type(value) is not int or abs(value) >= _LARGEST:
                return _Mistake((*path, 2, at), "must be an integer below 2^53")
    return _Mistake(("pairs",), "cannot be read")


def _line(text: str, path: Path) -> int:
    """Find the line in which the value at a path begins."""
    decoder, spaces = json.JSONDecoder(), json.decoder.WHITESPACE  # type: ignore[attr-defined]
    at = spaces.match(text, 0).end()
    for step in path:
        number = 0
        at = spaces.match(text, at + 1).end()
        while text[at] not in "]}":
            start = at
            if isinstance(step, str):
                key, at = decoder.raw_decode(text, at)
                at = spaces.match(text, at).end() + 1  # the colon
                at = spaces.match(text, at).end()
                if key == step:
                    break
            elif number == step:
                at = start
                break
            _, at = decoder.raw_decode(text, at)
            at = spaces.match(text, at).end()
            if text[at] == ",":
                at = spaces.match(text, at + 1).end()
            number += 1
    return text.count("\n", 0, at) + 1


def written(instance: Instance, settled: Settled, seconds: float) -> bytes:
    """Write a result; `optimal` means that every tier is proven.

    `gap` is how far the first unproven tier may be from its best, (bound - value) / |bound|. The tiers before
    it are proven; `bounds` says of every tier how much it could be, given the values of those before it.
    `cut` is what ended the search: nothing, `work` (reproducible) or `clock` (not reproducible).
    """
    problem, pair = instance.starting.problem, settled.solution.pair
    chosen = pair[pair >= 0]
    values = settled.solution.values
    optimal = settled.proven == len(values)
    started = np.flatnonzero(instance.starting.counts(settled.solution))
    return orjson.dumps(
        {
            "status": "optimal" if optimal else "limit",
            "gap": settled.gap,
            "tiers": values,
            "started": [instance.courses[course] for course in started],
            "placed": {
                instance.people[problem.person[at]]: instance.courses[problem.entry[at]] for at in chosen
            },
            "seconds": round(seconds, 3),
            "bounds": [tier.bound for tier in settled.tiers],
            "proven": settled.proven,
            "cut": settled.cut,
        },
        option=orjson.OPT_INDENT_2,
    )
