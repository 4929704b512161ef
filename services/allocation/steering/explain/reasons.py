"""Explains why somebody got this place, or none: codes with parameters, from snapshot and result alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from services.allocation.placements.domain import Alternative, Reason
from services.allocation.steering.explain.certificate import (
    CutOff,
    Locked,
    Open,
    Ranked,
    Standing,
    cut_offs_of,
    leading,
)
from services.allocation.steering.explain.certificate import rank_of as rank_by_goals
from services.allocation.steering.matching.domain import Course, EntryKey, Person
from services.allocation.steering.matching.eligibility import Eligibility, members
from services.allocation.steering.matching.entries import Entry, need_of
from services.allocation.steering.matching.goals import Worth, class_of, hundreds_of_metres, waiting_days
from services.allocation.steering.matching.hardrules import hard_rules, travel_minutes
from services.allocation.steering.matching.match import Result
from services.allocation.steering.matching.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation for one person after a run."""

    person: UUID
    main: Reason
    suitable: int
    """Entries that no hard rule speaks against, full ones included."""
    eligible: int
    """Of these, entries with a free seat before the run."""
    place: EntryKey | None = None
    reasons: tuple[Reason, ...] = ()
    alternatives: tuple[Alternative, ...] = ()


class View:
    """A run with what reasons are derived from: occupied seats, cut-offs, values of places."""

    def __init__(self, snapshot: Snapshot, eligibility: Eligibility, result: Result) -> None:
        self.snapshot, self.eligibility, self.result = snapshot, eligibility, result
        self.rules = {rule.name: rule for rule in hard_rules(snapshot)}
        self.standing = Standing(snapshot, eligibility, result)
        self.cut_offs = cut_offs_of(self.standing)
        self.worth = Worth(snapshot)
        self.place = {entry.key: at for at, entry in enumerate(eligibility.entries)}

    def cut_off(self, person: int, entry: int) -> CutOff:
        """Return the cut-off that holds for a person at an entry."""
        first = self.standing.first_full[self.standing.node_of(person, entry)]
        return Open() if first < 0 else self.cut_offs[first]

    def full(self, person: int, entry: int) -> bool:
        """Return whether the person could not simply sit down there after the run."""
        return self.standing.first_full[self.standing.node_of(person, entry)] >= 0

    def starts(self, entry: int) -> bool:
        """Return whether an entry's course starts, as far as the run goes."""
        return self.standing.seats.course[entry] not in self.standing.closed

    @cached_property
    def _asking(self) -> dict[UUID, int]:
        """Count for each course that does not start who of those without a place could enter it."""
        masks: dict[UUID, int] = {}
        for at, entry in enumerate(self.eligibility.entries):
            if not self.starts(at):
                masks[entry.course.id] = masks.get(entry.course.id, 0) | 1 << at
        waiting = [
            self.eligibility.eligible(at)
            for at, person in enumerate(self.snapshot.people)
            if person.id not in self.result.places
        ]
        return {course: sum(bool(mask & one) for one in waiting) for course, mask in masks.items()}

    def size(self, course: Course) -> dict[str, str | int]:
        """Return how many people there are for a course that does not start, and how many are missing."""
        need, there = need_of(course, self.snapshot), self._asking.get(course.id, 0)
        return {
            "people": course.seated + there,
            "minimum": course.seated + need,
            "missing": max(0, need - there),
        }


def count_courses(entries: Sequence[Entry], places: Iterable[int]) -> int:
    """Count the courses of the entries at these places."""
    return len({entries[place].course.id for place in places})


def _without(eligibility: Eligibility, person: int, rule: str) -> int:
    """Count the courses that would be suitable if one rule did not speak against them."""
    left = (1 << len(eligibility.entries)) - 1
    for name, mask in zip(eligibility.rules, eligibility.passing[person], strict=True):
        left &= left if name == rule else mask
    return count_courses(eligibility.entries, members(left))


def _blocked(view: View, person: int) -> Reason:
    """Name the rule that stands in the way of somebody without any suitable entry."""
    who, eligibility, rules = view.snapshot.people[person], view.eligibility, view.rules
    masks = dict(zip(eligibility.rules, eligibility.passing[person], strict=True))
    for name, rule in rules.items():
        if rule.told == "before others" and not masks[name]:
            return Reason(f"blocked_{name}", {"courses": _without(eligibility, person, name)})
    if masks["course_type"] and not masks["course_type"] & masks["placement_test"]:
        courses = count_courses(eligibility.entries, members(masks["course_type"]))
        return Reason("blocked_placement_test", {"courses": courses})
    taken = eligibility.alone(person)
    alone = {
        name: count_courses(eligibility.entries, members(taken[name])) for name in rules if name in taken
    }
    if alone:  # of equals the rule that is told first
        best = max(alone, key=lambda name: (rules[name].told != "after others", alone[name]))
        return Reason(f"blocked_{rules[best].told_as(who, None) or best}", {"courses": alone[best]})
    together = eligibility.failed(person, eligibility.nearest(person))
    return Reason("blocked_together", {"rules": ",".join(together)})


def cut_off_params(cut_off: Ranked, snapshot: Snapshot) -> dict[str, str | int]:
    """Return a cut-off as a class and days of waiting, as far as the policy's leading goals name them."""
    named = dict(zip(leading(snapshot.policy.goals), cut_off.rank, strict=True))
    params: dict[str, str | int] = {}
    if "priority" in named:
        params["class"] = snapshot.rules.priorities.classes[named["priority"]].code
    if "waiting" in named:
        params["waiting_days"] = -named["waiting"]
    return params


def _outranked(view: View, person: int, entered: Sequence[int]) -> Reason:
    """Return the rank that would have been needed: the lowest cut-off of the suitable courses."""
    snapshot, who = view.snapshot, view.snapshot.people[person]
    courses = count_courses(view.eligibility.entries, entered)
    cut_offs = [view.cut_off(person, entry) for entry in entered]
    lowest = max((cut_off.rank for cut_off in cut_offs if isinstance(cut_off, Ranked)), default=None)
    if lowest is None or not leading(snapshot.policy.goals):
        code = "families_first" if any(isinstance(cut_off, Locked) for cut_off in cut_offs) else "goals_first"
        return Reason(code, {"courses": courses})
    own = rank_by_goals(who, snapshot)
    said = cut_off_params(Ranked(lowest), snapshot)
    code = "equal_rank" if lowest >= own else "outranked"
    return Reason(code if "waiting_days" in said else f"{code}_class", {"courses": courses, **said})


def unplaced(view: View, person: int) -> Reason:
    """Return the binding reason of somebody without a place."""
    eligibility = view.eligibility
    entries, suitable = eligibility.entries, eligibility.suitable[person]
    if not entries:
        return Reason("no_courses")
    if not suitable:
        return _blocked(view, person)
    eligible = list(members(eligibility.eligible(person)))
    if not eligible:
        return Reason("all_full", {"courses": count_courses(entries, members(suitable))})
    entered = [entry for entry in eligible if view.starts(entry)]
    if not entered:
        courses = {entries[entry].course.id: entries[entry].course for entry in eligible}
        sizes = [view.size(course) for _, course in sorted(courses.items())]
        nearest = min(sizes, key=lambda size: (size["missing"], -int(size["people"])))
        return Reason("course_too_small", {"courses": len(courses), **nearest})
    if view.standing.tied(person):
        own = view.snapshot.people[person].family
        family = sum(one.family == own for one in view.snapshot.people)
        return Reason("family_apart", {"people": family, "courses": count_courses(entries, entered)})
    return _outranked(view, person, entered)


def compare(mine: tuple[int, ...], other: tuple[int, ...], goals: Sequence[str]) -> tuple[int, str, int]:
    """Compare two places: which is better (1 mine, -1 the other, 0 equal), by which goal, by how much."""
    for goal, one, two in zip(goals, mine, other, strict=True):
        if one != two:
            return (1 if one > two else -1), goal, abs(one - two)
    return 0, "", 0


def _alternative(view: View, person: int, place: int, better: int, goal: str) -> Alternative:
    entry = view.eligibility.entries[place]
    if not view.starts(place):
        reason = Reason("does_not_start", view.size(entry.course))
    elif view.full(person, place):
        reason = Reason("full")
    elif better == 0:
        reason = Reason("equal")
    else:
        reason = Reason(f"less_{goal}")
    return Alternative(entry.course.id, entry.course.provider, entry.section.number, entry.starts_on, reason)


def _main(view: View, person: int, others: Sequence[int], compared: Sequence[tuple[int, str, int]]) -> Reason:
    """Return what makes this place better than the best of the others."""
    if not others:
        return Reason("only_place")
    better, goal, _ = compared[0]
    if better > 0:
        return Reason(f"best_{goal}")
    if better == 0:
        return Reason("equal_places")
    if not view.starts(others[0]):
        return Reason("better_place_not_started", {"goal": goal})
    if view.standing.tied(person):
        return Reason("place_for_family", {"goal": goal})
    return Reason("better_place_taken", {"goal": goal})


def way_reason(person: Person, course: Course, snapshot: Snapshot) -> Reason | None:
    """Return how long the way is: minutes by the municipality's table, else the distance as an estimate."""
    if course.online:
        return Reason("way_online")
    minutes = travel_minutes(person, course, snapshot.travel)
    if minutes is not None:
        return Reason("way_minutes", {"minutes": minutes})
    metres = hundreds_of_metres(person, course, snapshot.policy)
    return None if metres is None else Reason("distance_about", {"km": -(-metres // 10)})


def _placed(view: View, person: int, key: EntryKey) -> Explanation:
    snapshot, eligibility, worth = view.snapshot, view.eligibility, view.worth
    who, entries, chosen = snapshot.people[person], eligibility.entries, view.place[key]
    mine = worth.vector(who, entries[chosen])
    ranked = sorted(
        (tuple(-value for value in worth.vector(who, entries[place])), place)
        for place in members(eligibility.eligible(person))
        if place != chosen
    )
    others = [place for _, place in ranked]
    compared = [compare(mine, tuple(-value for value in values), worth.goals) for values, _ in ranked]
    main = _main(view, person, others, compared)
    alternatives: list[Alternative] = []
    courses = {key.course}
    for place, (better, goal, _) in zip(others, compared, strict=True):
        if entries[place].course.id not in courses and len(alternatives) < snapshot.policy.alternatives:
            courses.add(entries[place].course.id)
            alternatives.append(_alternative(view, person, place, better, goal))
    rank = snapshot.rules.priorities.classes[class_of(who, snapshot.rules)].code
    way = way_reason(who, entries[chosen].course, snapshot)
    reasons = [
        main,
        Reason("rank", {"class": rank, "waiting_days": waiting_days(who, snapshot.day)}),
        Reason("starts_in", {"days": (entries[chosen].starts_on - snapshot.day).days}),
        *([] if way is None else [way]),
    ]
    return Explanation(
        who.id,
        main,
        eligibility.suitable[person].bit_count(),
        eligibility.eligible(person).bit_count(),
        key,
        tuple(reasons),
        tuple(alternatives),
    )


def explain(snapshot: Snapshot, eligibility: Eligibility, result: Result) -> tuple[Explanation, ...]:
    """Explain everybody, in the order of the snapshot."""
    view = View(snapshot, eligibility, result)
    return tuple(_explanation(view, place) for place in range(len(snapshot.people)))


def _explanation(view: View, person: int) -> Explanation:
    who, eligibility = view.snapshot.people[person], view.eligibility
    key = view.result.places.get(who.id)
    if key is not None:
        return _placed(view, person, key)
    suitable, eligible = eligibility.suitable[person], eligibility.eligible(person)
    return Explanation(who.id, unplaced(view, person), suitable.bit_count(), eligible.bit_count())
