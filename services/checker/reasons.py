"""Checks independently that the main reason of everybody without a place says what binds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.checker.pairs import Snapshot
from services.checker.run import LOCKED, OPEN, CutOffs, Run, leading
from services.checker.tables import Json, parse, places

_RANKED = ("outranked", "outranked_class", "equal_rank", "equal_rank_class")
_LEFT_OPEN = ("families_first", "goals_first")
_SAID_FIRST = ("blocked_placement_test", "blocked_on_hold", "blocked_free_choice")
"""Told even where another rule speaks against the same courses."""


def findings(snapshot: bytes, result: bytes, certificate: bytes, reasons: Sequence[Json]) -> list[str]:
    """List every reason that does not say what binds; one for each person: {"person", "code", "params"}."""
    return of_run(Run(snapshot, result), certificate, reasons)


def of_run(run: Run, certificate: bytes, reasons: Sequence[Json]) -> list[str]:
    """List the same for a run that has been read."""
    cut_offs = CutOffs(run, parse(certificate))
    wrong = []
    told = sorted(one["person"] for one in reasons)
    if told != sorted(run.snapshot.people):
        wrong.append("reasons: not one for each person")
    for one in reasons:
        if one["person"] in run.places or one["person"] not in run.snapshot.people:
            continue
        wrong += [
            f"reason: {one['person']} is told {one['code']} {one['params']}, but {finding}"
            for finding in _one(run, cut_offs, one, tied=one["person"] in run.snapshot.tied)
        ]
    return wrong


def _courses(snapshot: Snapshot, entries: int) -> set[str]:
    return {snapshot.entries[place][0] for place in places(entries)}


def _one(run: Run, cut_offs: CutOffs, reason: Json, *, tied: bool) -> Iterator[str]:
    snapshot, person, code, params = run.snapshot, reason["person"], reason["code"], reason["params"]
    allowed = snapshot.allowed(person)
    if code == "no_courses":
        if any(snapshot.coming.values()):
            yield "there are courses"
    elif code.startswith("blocked_") or code == "all_full":
        if allowed:
            yield "there is a suitable course with a free seat"
        yield from _blocked(snapshot, person, code, params)
    elif not allowed:
        yield "no course is open to the person"
    else:
        yield from _beaten(
            run, cut_offs, reason, [place for place in allowed if run.runs(place[0])], tied=tied
        )


def _beaten(
    run: Run, cut_offs: CutOffs, reason: Json, running: Sequence[tuple[str, int]], *, tied: bool
) -> Iterator[str]:
    """Check what is said to somebody for whom there are courses with seats."""
    code = reason["code"]
    if (code == "course_too_small") != (not running):
        yield "that is not how it is with the courses that start"
    elif running and (code == "family_apart") != tied:
        yield "that is not how it is with the family"
    elif code in (*_RANKED, *_LEFT_OPEN):
        yield from _ranked(run, cut_offs, reason, running)
    elif code not in {"course_too_small", "family_apart"}:
        yield "nobody knows this reason"


def _blocked(snapshot: Snapshot, person: str, code: str, params: Mapping[str, Any]) -> Iterator[str]:
    objections = snapshot.objections(person)
    once, twice = 0, 0  # entries that a rule, and that more than one rule speaks against
    for entries in objections.values():
        once, twice = once | entries, twice | once & entries
    suitable = _courses(snapshot, snapshot.every & ~once)
    if code == "all_full":
        if len(suitable) != params["courses"]:
            yield f"{len(suitable)} courses are suitable"
    elif suitable:
        yield "a course is suitable, though full"
    elif code == "blocked_together":
        if once & ~twice:
            yield "one rule alone stands in the way"
        if not _by_just(snapshot, objections, params["rules"].split(",")):
            yield "no place is missed by just these rules"
    elif code not in _SAID_FIRST:
        alone = _courses(snapshot, objections.get(_rule_of(snapshot, person, code), 0) & once & ~twice)
        if len(alone) != params["courses"]:
            yield f"{len(alone)} courses are missed by this alone"


def _rule_of(snapshot: Snapshot, person: str, code: str) -> str:
    """Name the rule behind a reason: that a course is for women only is told as what it is."""
    rule = code.removeprefix("blocked_")
    women = rule == "for_women" and not snapshot.people[person].get("needs_women_only", False)
    return "women_only" if women else rule


def _by_just(snapshot: Snapshot, objections: Mapping[str, int], rules: Sequence[str]) -> int:
    """Return the entries against which all these rules speak and no other."""
    missed = snapshot.every
    for rule in rules:
        missed &= objections.get(rule, 0)
    for rule in objections.keys() - set(rules):
        missed &= ~objections[rule]
    return missed


def _ranked(run: Run, cut_offs: CutOffs, reason: Json, running: Sequence[tuple[str, int]]) -> Iterator[str]:
    snapshot, person, params = run.snapshot, reason["person"], reason["params"]
    goals, who = leading(snapshot.policy["goals"]), snapshot.people[reason["person"]]
    lowest = max(cut_offs.at(snapshot.path(who, *place)) for place in running)
    if len({name for name, _ in running}) != params["courses"]:
        yield "there is another number of suitable courses"
    if reason["code"] in _LEFT_OPEN:
        if lowest not in (OPEN, LOCKED) and goals:
            yield "rank decided"
        return
    if lowest in (OPEN, LOCKED):
        yield "rank did not decide"
        return
    own = snapshot.rank(person, goals)
    if (lowest[1] >= own) != reason["code"].startswith("equal"):
        yield f"the rank that was needed is {lowest[1]}, {person} has {own}"
    classes = snapshot.rules["priorities"]["classes"]
    wanted = dict(
        ("class", classes[value]["code"]) if goal == "priority" else ("waiting_days", -value)
        for goal, value in zip(goals, lowest[1], strict=True)
    )
    if {name: value for name, value in params.items() if name != "courses"} != wanted:
        yield f"{wanted} was needed"
