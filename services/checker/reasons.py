"""An independent check of the main reason of everybody without a place; like check_run, by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from services.checker.pairs import Picture
from services.checker.run import LOCKED, OPEN, Bars, Run, leading
from services.checker.tables import Json, places

_RANKED = ("outranked", "outranked_class", "equal_rank", "equal_rank_class")
_LEFT_OPEN = ("families_first", "goals_first")
_SAID_FIRST = ("blocked_placement_test", "blocked_on_hold", "blocked_free_choice")
"""Told even where another rule speaks against the same courses."""


def findings(snapshot: bytes, result: bytes, certificate: bytes, reasons: Sequence[Json]) -> list[str]:
    """List every reason that does not say what binds; one for each person: {"person", "code", "params"}."""
    return of_run(Run(snapshot, result), certificate, reasons)


def of_run(run: Run, certificate: bytes, reasons: Sequence[Json]) -> list[str]:
    """List the same for a run that has been read."""
    bars = Bars(run, orjson.loads(certificate))
    wrong = []
    told = sorted(one["person"] for one in reasons)
    if told != sorted(run.picture.people):
        wrong.append("reasons: not one for each person")
    tied = {name for names in run.families() for name in names}
    for one in reasons:
        if one["person"] in run.places or one["person"] not in run.picture.people:
            continue
        wrong += [
            f"reason: {one['person']} is told {one['code']} {one['params']}, but {finding}"
            for finding in _one(run, bars, one, tied=one["person"] in tied)
        ]
    return wrong


def _courses(picture: Picture, entries: int) -> set[str]:
    return {picture.entries[place][0] for place in places(entries)}


def _one(run: Run, bars: Bars, reason: Json, *, tied: bool) -> Iterator[str]:
    picture, person, code, params = run.picture, reason["person"], reason["code"], reason["params"]
    allowed = picture.allowed(person)
    if code == "no_courses":
        if any(picture.coming.values()):
            yield "there are courses"
    elif code.startswith("blocked_") or code == "all_full":
        if allowed:
            yield "there is a suitable course with a free seat"
        yield from _blocked(picture, person, code, params)
    elif not allowed:
        yield "no course is open to the person"
    else:
        yield from _beaten(run, bars, reason, [place for place in allowed if run.runs(place[0])], tied=tied)


def _beaten(
    run: Run, bars: Bars, reason: Json, running: Sequence[tuple[str, int]], *, tied: bool
) -> Iterator[str]:
    """Check what is said to somebody for whom there are courses with seats."""
    code = reason["code"]
    if (code == "course_too_small") != (not running):
        yield "that is not how it is with the courses that start"
    elif running and (code == "family_apart") != tied:
        yield "that is not how it is with the family"
    elif code in (*_RANKED, *_LEFT_OPEN):
        yield from _ranked(run, bars, reason, running)
    elif code not in {"course_too_small", "family_apart"}:
        yield "nobody knows this reason"


def _blocked(picture: Picture, person: str, code: str, params: Mapping[str, Any]) -> Iterator[str]:
    against = picture.against(person)
    once, twice = 0, 0  # entries that a rule, and that more than one rule speaks against
    for entries in against.values():
        once, twice = once | entries, twice | once & entries
    suitable = _courses(picture, picture.every & ~once)
    if code == "all_full":
        if len(suitable) != params["courses"]:
            yield f"{len(suitable)} courses are suitable"
    elif suitable:
        yield "a course is suitable, though full"
    elif code == "blocked_together":
        if once & ~twice:
            yield "one rule alone stands in the way"
        if not _by_just(picture, against, params["rules"].split(",")):
            yield "no place is missed by just these rules"
    elif code not in _SAID_FIRST:
        alone = _courses(picture, against.get(_rule_of(picture, person, code), 0) & once & ~twice)
        if len(alone) != params["courses"]:
            yield f"{len(alone)} courses are missed by this alone"


def _rule_of(picture: Picture, person: str, code: str) -> str:
    """Name the rule behind a reason: that a course is for women only is told as what it is."""
    rule = code.removeprefix("blocked_")
    women = rule == "for_women" and not picture.people[person].get("needs_women_only", False)
    return "women_only" if women else rule


def _by_just(picture: Picture, against: Mapping[str, int], rules: Sequence[str]) -> int:
    """Return the entries against which all these rules speak and no other."""
    missed = picture.every
    for rule in rules:
        missed &= against.get(rule, 0)
    for rule in against.keys() - set(rules):
        missed &= ~against[rule]
    return missed


def _ranked(run: Run, bars: Bars, reason: Json, running: Sequence[tuple[str, int]]) -> Iterator[str]:
    picture, person, params = run.picture, reason["person"], reason["params"]
    goals, who = leading(picture.policy["goals"]), picture.people[reason["person"]]
    lowest = max(bars.at(picture.path(who, *place)) for place in running)
    if len({name for name, _ in running}) != params["courses"]:
        yield "there is another number of suitable courses"
    if reason["code"] in _LEFT_OPEN:
        if lowest not in (OPEN, LOCKED) and goals:
            yield "rank decided"
        return
    if lowest in (OPEN, LOCKED):
        yield "rank did not decide"
        return
    own = tuple(picture.class_of(who) if goal == "priority" else -picture.waited(who) for goal in goals)
    if (lowest[1] >= own) != reason["code"].startswith("equal"):
        yield f"the rank that was needed is {lowest[1]}, {person} has {own}"
    said = dict(zip(goals, lowest[1], strict=True))
    classes = picture.rules["priorities"]["classes"]
    wanted = {
        **({"class": classes[said["priority"]]["code"]} if "priority" in said else {}),
        **({"waiting_days": -said["waiting"]} if "waiting" in said else {}),
    }
    if {name: value for name, value in params.items() if name != "courses"} != wanted:
        yield f"{wanted} was needed"
