"""Checks a result against its instance without trusting whoever made it; shares no code with the engine.

What can be checked without solving: that the answer is allowed, that its sums are right, and, if it is called
optimal, that it is the best for the courses it starts (no chain of moves improves it), and that no single
course would be better opened for people without a place, or closed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

Values = Mapping[tuple[str, str], int]
_OUT = ""
"""Where people without a place are; no course has this name in the graph below."""


def findings(instance: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    """List what is wrong with a result: not allowed, wrongly summed, or visibly not the best."""
    worth = {(person, course): tuple(values) for person, course, values in instance["pairs"]}
    courses = {course["id"]: course for course in instance["courses"]}
    placed: Mapping[str, str] = result["placed"]
    wrong = [
        f"{person} may not be placed in {course}"
        for person, course in placed.items()
        if (person, course) not in worth
    ]
    if wrong:
        return wrong
    sizes = Counter(placed.values())
    wrong = _sizes(courses, sizes)
    if sorted(result["started"]) != sorted(sizes):
        wrong.append("the started courses are not those that got somebody")
    sums = [0] * len(instance["tiers"])
    for pair in placed.items():
        for tier, value in enumerate(worth[pair]):
            sums[tier] += value
    if list(result["tiers"]) != sums:
        wrong.append(f"the tiers add up to {sums}, not to {list(result['tiers'])}")
    wrong += _claims(result, sums)
    if not wrong and result["status"] == "optimal":
        values = _blended(worth, len(sums))
        wrong = _chains(values, courses, placed) or _openings(values, courses, placed)
    return wrong


def _sizes(courses: Mapping[str, Mapping[str, Any]], sizes: Mapping[str, int]) -> list[str]:
    wrong = []
    for name, size in sorted(sizes.items()):
        course = courses[name]
        size_after = size + course.get("taken", 0)
        if size_after > course["capacity"]:
            wrong.append(f"{name} has {size_after} people for {course['capacity']} seats")
        if size_after < course.get("minimum", 0):
            wrong.append(f"{name} starts with {size_after} of at least {course['minimum']}")
    return wrong


def _claims(result: Mapping[str, Any], sums: Sequence[int]) -> list[str]:
    """Hold the status, the gap and the bounds against each other."""
    if result["status"] not in {"optimal", "limit"}:
        return [f"{result['status']!r} is no status"]
    bounds, proven = result.get("bounds", sums), result.get("proven", len(sums))
    wrong = []
    if result["status"] == "optimal" and (result["gap"] != 0 or proven != len(sums) or list(bounds) != sums):
        wrong.append("what is optimal has no gap, and every tier proven")
    if any(bound < value for bound, value in zip(bounds, sums, strict=True)):
        wrong.append("a bound is below what was reached")
    if result["status"] == "limit" and "bounds" in result and proven < len(sums):
        gap = (bounds[proven] - sums[proven]) / max(1, abs(bounds[proven]))
        if abs(gap - result["gap"]) > 1e-9:  # noqa: PLR2004 - rounding
            wrong.append(f"the gap is {gap}, not {result['gap']}")
    return wrong


def _blended(worth: Mapping[tuple[str, str], tuple[int, ...]], tiers: int) -> dict[tuple[str, str], int]:
    """Write all tiers as one number: one of a tier is more than all that those after it can add."""
    weights, weight = [0] * tiers, 1
    for tier in reversed(range(tiers)):
        weights[tier] = weight
        weight *= 2 * sum(abs(values[tier]) for values in worth.values()) + 1
    return {
        pair: sum(weight * value for weight, value in zip(weights, values, strict=True))
        for pair, values in worth.items()
    }


def _chains(values: Values, courses: Mapping[str, Mapping[str, Any]], placed: Mapping[str, str]) -> list[str]:
    """Look for a chain of moves that improves the answer while the same courses start.

    The best single move between any two courses is an edge; a course with a free seat or with somebody to
    spare need not pass on what it takes. There is such a chain if and only if a cycle gains (longest paths).
    """
    sizes = Counter(placed.values())
    open_ = {name for name, course in courses.items() if sizes[name] or _need(course) <= 0}
    best = _best_moves(values, placed, open_)
    edges = {edge: gain for edge, (gain, _) in best.items()}
    for name in open_:
        # Out of sight, nobody is counted: a free seat ends a chain there, somebody to spare begins one.
        if sizes[name] + courses[name].get("taken", 0) < courses[name]["capacity"]:
            edges[name, _OUT] = max(edges.get((name, _OUT), 0), 0)
        if sizes[name] > max(0, _need(courses[name])):
            edges[_OUT, name] = max(edges.get((_OUT, name), 0), 0)
    cycle = _gaining_cycle(edges)
    if not cycle:
        return []
    moves = [
        f"{best[edge][1]} from {edge[0] or 'outside'} to {edge[1] or 'outside'}"
        for edge in cycle
        if edge in best and edges[edge] == best[edge][0]
    ]
    return [f"it would be better to move {', '.join(moves)}"]


def _best_moves(
    values: Values, placed: Mapping[str, str], open_: set[str]
) -> dict[tuple[str, str], tuple[int, str]]:
    """Return what is gained at most by moving one person from one course to another, and by moving whom."""
    best: dict[tuple[str, str], tuple[int, str]] = {}
    by_person: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for (person, course), value in values.items():
        if course in open_:
            by_person[person].append((course, value))
    for person, options in by_person.items():
        now = placed.get(person, _OUT)
        have = values[person, now] if now else 0
        for there, value in [*options, (_OUT, 0)]:
            if there != now and (value - have, person) > best.get((now, there), (value - have, "")):
                best[now, there] = (value - have, person)
    return best


def _gaining_cycle(edges: Mapping[tuple[str, str], int]) -> list[tuple[str, str]]:
    """Find a cycle whose gains add up to more than 0 (Bellman and Ford); empty if there is none."""
    reached: dict[str, int] = dict.fromkeys((node for edge in edges for node in edge), 0)
    before: dict[str, str] = {}
    changed = True
    while changed:
        changed = False
        for (start, end), gain in edges.items():
            if reached[start] + gain > reached[end]:
                reached[end] = reached[start] + gain
                before[end] = start
                changed = True
        cycle = _cycle(before)
        if cycle:
            return cycle
    return []


def _cycle(before: Mapping[str, str]) -> list[tuple[str, str]]:
    done: set[str] = set()
    for first in before:
        way: dict[str, None] = {}
        at = first
        while at in before and at not in done and at not in way:
            way[at] = None
            at = before[at]
        if at in way:
            nodes = list(way)[list(way).index(at) :]
            return [(before[node], node) for node in nodes]
        done |= way.keys()
    return []


def _openings(
    values: Values, courses: Mapping[str, Mapping[str, Any]], placed: Mapping[str, str]
) -> list[str]:
    """Look for a course that people without a place could fill, and for one that is better closed."""
    waiting: dict[str, list[int]] = defaultdict(list)
    inside: Counter[str] = Counter()
    for (person, course), value in values.items():
        if placed.get(person) == course:
            inside[course] += value
        elif person not in placed:
            waiting[course].append(value)
    sizes = Counter(placed.values())
    wrong = []
    for name, one in courses.items():
        if sizes[name]:
            if inside[name] < 0:
                wrong.append(f"it would be better to close {name}")
            continue
        seats = one["capacity"] - one.get("taken", 0)
        need = max(_need(one), 1)
        most = sorted(waiting[name], reverse=True)[:seats]
        gain = sum(most[:need]) + sum(value for value in most[need:] if value > 0)
        if len(most) >= need and gain > 0:
            wrong.append(f"it would be better to open {name} for people without a place")
    return wrong


def _need(course: Mapping[str, Any]) -> int:
    return int(course.get("minimum", 0)) - int(course.get("taken", 0))
