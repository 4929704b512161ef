"""Checks a result against its instance without trusting whoever made it; shares no code with the engine."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any


def findings(instance: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    """List what is wrong with a result: not allowed, wrongly summed, or visibly not the best."""
    values = {(person, course): tuple(worth) for person, course, worth in instance["pairs"]}
    courses = {course["id"]: course for course in instance["courses"]}
    placed: Mapping[str, str] = result["placed"]
    wrong = [
        f"{person} may not be placed in {course}"
        for person, course in placed.items()
        if (person, course) not in values
    ]
    if wrong:
        return wrong
    sizes = Counter(placed.values())
    for name, size in sorted(sizes.items()):
        course = courses[name]
        sitting = size + course.get("taken", 0)
        if sitting > course["capacity"]:
            wrong.append(f"{name} has {sitting} people for {course['capacity']} seats")
        if sitting < course.get("minimum", 0):
            wrong.append(f"{name} starts with {sitting} of at least {course['minimum']}")
    if sorted(result["started"]) != sorted(sizes):
        wrong.append("the started courses are not those that got somebody")
    sums = [0] * len(instance["tiers"])
    for pair in placed.items():
        for tier, worth in enumerate(values[pair]):
            sums[tier] += worth
    if list(result["tiers"]) != sums:
        wrong.append(f"the tiers add up to {sums}, not to {list(result['tiers'])}")
    if not wrong and result["status"] == "optimal":
        wrong = _improvements(values, courses, placed)
    return wrong


def _improvements(
    values: Mapping[tuple[str, str], tuple[int, ...]],
    courses: Mapping[str, Mapping[str, Any]],
    placed: Mapping[str, str],
) -> list[str]:
    """Try every single move into a started course, and every seat given to somebody else."""
    seated: dict[str, list[str]] = defaultdict(list)
    for person, course in placed.items():
        seated[course].append(person)
    best: dict[str, tuple[tuple[int, ...], str]] = {
        course: min((values[person, course], person) for person in people)
        for course, people in seated.items()
    }
    wrong = []
    for (person, course), worth in values.items():
        now = placed.get(person)
        if course not in seated or now == course:
            continue
        nothing = (0,) * len(worth)
        before = nothing if now is None else values[person, now]
        if now is not None and not _can_spare(courses[now], len(seated[now])):
            continue
        if len(seated[course]) + courses[course].get("taken", 0) < courses[course]["capacity"]:
            if worth > before:
                wrong.append(f"{person} would be better placed in {course}, which has a free seat")
        else:
            weakest, who = best[course]
            if tuple(a - b - c for a, b, c in zip(worth, weakest, before, strict=True)) > nothing:
                wrong.append(f"{person} has a better claim to {course} than {who}")
    return wrong


def _can_spare(course: Mapping[str, Any], size: int) -> bool:
    """Say whether somebody can leave a course without its falling below the minimum or being empty."""
    return size == 1 or size - 1 + int(course.get("taken", 0)) >= int(course.get("minimum", 0))
