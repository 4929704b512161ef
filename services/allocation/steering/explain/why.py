"""Explains every course to one person: why this one, and why not that one.

A pure function of the stored snapshot and result, like the main reasons; nothing of it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.allocation.placements.domain import Reason
from services.allocation.steering.explain.certificate import Locked, Open, Ranked
from services.allocation.steering.explain.reasons import View, compare, count_courses, cut_off_params
from services.allocation.steering.matching.eligibility import members


@dataclass(frozen=True, slots=True)
class CourseReason:
    """One course as told to a person: its best entry, and why it is or is not the place."""

    course: UUID
    section: int
    starts_on: date
    suitable: bool
    """No hard rule speaks against it."""
    reasons: tuple[Reason, ...]


def why(view: View, person: UUID) -> tuple[CourseReason, ...]:
    """Go through all courses: the place first, then suitable ones, then those fewest rules speak against.

    Raises:
        LookupError: the run has not seen this person.
    """
    people = view.snapshot.people
    place = next((at for at, one in enumerate(people) if one.id == person), None)
    if place is None:
        raise LookupError("the run has not seen this person")
    best: dict[UUID, tuple[tuple[bool, int, int], CourseReason]] = {}
    for at, entry in enumerate(view.eligibility.entries):
        failed = view.eligibility.failed(place, at)
        key = entry.key
        order = (view.result.places.get(person) != key, len(failed), at)
        if key.course in best and best[key.course][0] <= order:
            continue
        if failed:
            reasons = tuple(view.rules[rule].objection(people[place], entry) for rule in failed)
        else:
            reasons = _suitable(view, place, at)
        said = CourseReason(key.course, key.section, entry.starts_on, not failed, reasons)
        best[key.course] = (order, said)
    return tuple(said for _, said in sorted(best.values(), key=lambda one: one[0]))


def alone(view: View, person: UUID) -> tuple[tuple[str, int], ...]:
    """Count for each hard rule the courses that it alone takes away from the person, the most first."""
    place = next((at for at, one in enumerate(view.snapshot.people) if one.id == person), None)
    if place is None:
        return ()
    taken = view.eligibility.alone(place)
    counts = [(rule, count_courses(view.eligibility.entries, members(mask))) for rule, mask in taken.items()]
    return tuple(sorted(counts, key=lambda one: (-one[1], one[0])))


def _suitable(view: View, person: int, at: int) -> tuple[Reason, ...]:
    """Return what became of a course that no rule speaks against."""
    who = view.snapshot.people[person]
    place = view.result.places.get(who.id)
    entry = view.eligibility.entries[at]
    if place == entry.key:
        return (Reason("why_placed_here"),)
    if not view.eligibility.with_seats >> at & 1:
        return (Reason("why_full_before"),)
    if place is not None:
        return _beside(view, person, view.place[place], at)
    if not view.starts(at):
        return (Reason("why_not_started", view.size(entry.course)),)
    if view.standing.tied(person):
        return (Reason("why_family"),)
    return (_rank_needed(view, person, at),)


def _rank_needed(view: View, person: int, at: int) -> Reason:
    """Return the rank that the last seat would have needed."""
    match view.cut_off(person, at):
        case Open():
            return Reason("why_seats_left")
        case Locked():
            return Reason("why_locked")
        case Ranked() as cut_off:
            params = cut_off_params(cut_off, view.snapshot)
            alone = {"class": "why_cut_off_class", "waiting_days": "why_cut_off_days"}
            return Reason(alone[next(iter(params))] if len(params) == 1 else "why_cut_off", params)


_HUNDREDS = 10


def _amount(goal: str, by: int) -> dict[str, str | int]:
    return {"by": -(-by // _HUNDREDS) if goal == "distance" else by}


def _beside(view: View, person: int, chosen: int, at: int) -> tuple[Reason, ...]:
    """Compare a course with the person's place: worse by how much, the same, or better and taken."""
    who, worth = view.snapshot.people[person], view.worth
    entries = view.eligibility.entries
    better, goal, by = compare(
        worth.vector(who, entries[chosen]), worth.vector(who, entries[at]), worth.goals
    )
    if better > 0:
        return (Reason(f"why_less_{goal}", _amount(goal, by)),)
    if better == 0:
        return (Reason("why_same"),)
    if not view.starts(at):
        size = view.size(entries[at].course)
        return (Reason("why_better_not_started", {"goal": goal, "missing": size["missing"]}),)
    if view.standing.tied(person):
        return (Reason("why_better_left", {"goal": goal}),)
    if isinstance(view.cut_off(person, at), Ranked):
        return Reason("why_better_taken", {"goal": goal}), _rank_needed(view, person, at)
    return (Reason("why_better_taken", {"goal": goal}),)
