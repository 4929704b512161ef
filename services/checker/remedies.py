"""Checks remedies independently: makes each change in the stored snapshot and looks for the seat.

A remedy holds if, after its change, no rule speaks
against the person's entering the named course, everybody waiting with a better rank has been served first,
and a chain of moves from that course ends at a free seat, or at somebody of no better rank who gives way.
"""

from __future__ import annotations

import copy
import json
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.checker.pairs import Node, Snapshot
from services.checker.run import Run, leading
from services.checker.tables import Json

Place = tuple[str, int]
Rank = tuple[int, ...]


def apply(data: Json, changes: Sequence[Json]) -> dict[str, Any]:
    """Return the snapshot's JSON with changes made.

    Raises:
        ValueError: a change of an unknown kind.
    """
    made = dict(data)
    people, courses = list(data["people"]), list(data["courses"])
    for change in changes:
        id_ = change.get("id")
        match change["op"]:
            case "person":
                people = [{**one, **change["set"]} if one["id"] == id_ else one for one in people]
            case "seats":
                courses = [_roomier(one, change["add"]) if one["id"] == id_ else one for one in courses]
            case "start":
                courses = [{**one, "decision": "start"} if one["id"] == id_ else one for one in courses]
            case "travel_minutes":
                made["policy"] = copy.deepcopy(made["policy"])
                made["policy"]["limits"]["travel_minutes"] = change["value"]
            case _:
                raise ValueError(f"unknown change {change['op']}")
    return {**made, "people": people, "courses": courses}


def _roomier(course: Json, more: int) -> Json:
    capacity = course.get("capacity")
    sections = [{**one, "free": one["free"] + more} for one in course["sections"]]
    return {**course, "sections": sections, "capacity": None if capacity is None else capacity + more}


class _Changed(Snapshot):
    """A changed snapshot; what the changes cannot touch is not judged again."""

    def __init__(self, before: Snapshot, changes: Sequence[Json]) -> None:
        super().__init__(apply(before.data, changes))
        if all(one["op"] in {"person", "seats"} for one in changes):  # no rule asks how many seats there are
            self.tables = before.tables
        self._before, self._all = before, any(one["op"] == "travel_minutes" for one in changes)
        self._touched = {one["id"] for one in changes if "id" in one}
        self.seat_counts = {
            node: seats for node, seats in before.seat_counts.items() if node[0] not in self._touched
        }

    def allowed(self, person: str) -> list[Place]:
        if self._all or person in self._touched:
            return super().allowed(person)
        if person not in self._allowed:
            if not self._touched & self.courses.keys():
                return self._before.allowed(person)
            return super().allowed(person)
        return self._allowed[person]


class _Seating:
    """Places of everybody, to be moved along chains."""

    def __init__(self, snapshot: Snapshot, run: Run) -> None:
        self.snapshot, self.places = snapshot, dict(run.places)
        self._counts = run.counts
        self._by: dict[Node, set[str]] = defaultdict(set)
        for seated in self.places:
            self._sit(seated)

    def _path(self, person: str, place: Place) -> list[Node]:
        return self.snapshot.path(self.snapshot.people[person], *place)

    def _sit(self, person: str) -> None:
        for node in self._path(person, self.places[person]):
            self._by[node].add(person)

    def _rise(self, person: str) -> None:
        for node in self._path(person, self.places.pop(person)):
            self._by[node].discard(person)

    def _full(self, person: str, place: Place) -> Node | None:
        return next(
            (node for node in self._path(person, place) if len(self._by[node]) >= self.snapshot.seats(node)),
            None,
        )

    def _ways(self, person: str) -> Iterator[Place]:
        for place in self.snapshot.allowed(person):
            if not self.snapshot.needs[place[0]] or self._counts[place[0]]:
                yield place

    def seat(self, person: str, *, only: Place | None = None, instead: str | None = None) -> bool:
        """Seat somebody, others moving up where that is possible; `instead` may be unseated for it."""
        came: dict[str, tuple[str, Place]] = {}
        seen, ahead = set[Node](), deque([person])
        while ahead:
            one = ahead.popleft()
            for place in [only] if only and one == person else self._ways(one):
                full = self._full(one, place)
                if full is None and instead is None:
                    self._move(person, one, place, came)
                    return True
                if full is None or full in seen:
                    continue
                seen.add(full)
                for other in sorted(self._by[full] - self.snapshot.tied - came.keys()):
                    came[other] = (one, place)
                    if other == instead:
                        self._rise(other)
                        self._move(person, *came[other], came)
                        return True
                    ahead.append(other)
        return False

    def _move(self, first: str, one: str, place: Place, came: Mapping[str, tuple[str, Place]]) -> None:
        """Let everybody of a chain sit down, its end first."""
        while True:
            if one in self.places:
                self._rise(one)
            self.places[one] = place
            self._sit(one)
            if one == first:
                return
            one, place = came[one]


def findings(snapshot: bytes, result: bytes, remedies: Sequence[Json]) -> list[str]:
    """List every remedy that does not do what it says."""
    return of_run(Run(snapshot, result), remedies)


def of_run(run: Run, remedies: Sequence[Json]) -> list[str]:
    """List the same for a run that has been read."""
    wrong = list(_told(run, remedies))
    alike: dict[str, Snapshot] = {}
    by_person = {one["person"]: one for one in remedies}
    for one in remedies:
        if one["code"] == "none" or one["person"] not in run.snapshot.people:
            continue
        name = json.dumps(one["changes"])
        if name not in alike:
            alike[name] = _Changed(run.snapshot, one["changes"])
        names = next((some for some in alike[name].families if one["person"] in some), None)
        if names is None:
            wrong += _one(run, alike[name], one)
        elif one["person"] == min(name for name in names if by_person.get(name, _NONE)["code"] != "none"):
            wrong += _together(run, alike[name], names, [by_person.get(name, _NONE) for name in names])
    return wrong


_NONE: Json = {"code": "none"}


def _told(run: Run, remedies: Sequence[Json]) -> Iterator[str]:
    told = sorted(one["person"] for one in remedies)
    if told != sorted(name for name in run.snapshot.people if name not in run.places):
        yield "remedies: not one for each person without a place"
    for one in remedies:
        if (one["code"] == "none") != (one["course"] is None) or (
            one["code"] != "none" and not one["changes"]
        ):
            yield f"remedies: nothing is changed for {one['person']}"


def _one(run: Run, snapshot: Snapshot, remedy: Json) -> Iterator[str]:
    person, place = remedy["person"], (remedy["course"], remedy["section"])
    goals = leading(snapshot.policy["goals"])
    if place not in snapshot.allowed(person):
        yield f"remedy: {person} may still not enter {place[0]}, section {place[1]}"
        return
    seating, own = _Seating(snapshot, run), snapshot.rank(person, goals)
    if snapshot.needs[place[0]] and not run.counts[place[0]]:
        yield f"remedy: {place[0]} does not start, where {person} would sit"
        return
    instead = remedy["gives_way"]
    if instead is not None and (instead not in run.places or snapshot.rank(instead, goals) < own):
        yield f"remedy: {instead} would give way to {person}, who ranks lower"
        return
    if any(change["op"] != "person" for change in remedy["changes"]):
        _serve_better(seating, [person], own, goals)
    if not seating.seat(person, only=place, instead=instead):
        yield f"remedy: no seat can be had for {person} in {place[0]}, section {place[1]}"


def _together(run: Run, snapshot: Snapshot, names: Sequence[str], told: Sequence[Json]) -> Iterator[str]:
    """Check what is told to a family: the same for all, and seats for all in one course; nobody gives way."""
    first = min(names)
    alike = {(one["code"], one.get("course"), json.dumps(one.get("changes"))) for one in told}
    if len(alike) > 1 or any(one.get("gives_way") is not None for one in told):
        yield f"remedy: the family of {first} is not helped as a whole"
        return
    places = {one["person"]: (one["course"], one["section"]) for one in told}
    for person, place in places.items():
        if place not in snapshot.allowed(person):
            yield f"remedy: {person} may still not enter {place[0]}, section {place[1]}"
            return
    course, goals = told[0]["course"], leading(snapshot.policy["goals"])
    if snapshot.needs[course] and not run.counts[course]:
        yield f"remedy: {course} does not start, where the family of {first} would sit"
        return
    seating = _Seating(snapshot, run)
    if any(change["op"] != "person" for change in told[0]["changes"]):
        worst = max(snapshot.rank(name, goals) for name in names)
        _serve_better(seating, names, worst, goals)
    for person, place in places.items():
        if not seating.seat(person, only=place):
            yield f"remedy: no seat can be had for {person} in {place[0]}, section {place[1]}"


def _serve_better(seating: _Seating, asking: Sequence[str], own: Rank, goals: Sequence[str]) -> None:
    """Seat everybody without a place who ranks better, before it is the turn of those who ask."""
    snapshot = seating.snapshot
    ranks = {
        name: snapshot.rank(name, goals)
        for name in snapshot.people
        if name not in seating.places and name not in snapshot.tied and name not in asking
    }
    for name in sorted(ranks, key=lambda one: (ranks[one], one)):
        if ranks[name] < own:
            seating.seat(name)
