"""Solves a run again after a change, by the same engine and with the same courses started.

Families keep what they have. After a change to one person only that person, and whoever a chain of moves
from there could reach, can change places: nobody else without a place is on any such chain (adding one
person to an optimal flow changes it along one augmenting path). So only those are solved again, exactly.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from uuid import UUID

import numpy as np

from services.allocation.solver.engine import flow
from services.allocation.solver.engine.flow import Problem, Tier
from services.allocation.steering.explain.certificate import Rank, Standing, cut_offs_of, rank_of
from services.allocation.steering.explain.seating import Whole, entry_of_node, needs_at_end
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching.domain import Course, EntryKey, Person
from services.allocation.steering.matching.eligibility import Eligibility, eligibility_of
from services.allocation.steering.matching.entries import Entry, entries_of
from services.allocation.steering.matching.hardrules import hard_rules
from services.allocation.steering.matching.match import Result
from services.allocation.steering.matching.rule import Fix, Rule
from services.allocation.steering.matching.seats import seats_of
from services.allocation.steering.matching.snapshot import Snapshot


class RuleApplier:
    """Applies the hard rules to one changed person after another."""

    def __init__(self, snapshot: Snapshot, entries: tuple[Entry, ...]) -> None:
        self.rules = {rule.name: rule for rule in hard_rules(snapshot)}
        self._groups: list[tuple[Rule, list[tuple[Entry, int]]]] = []
        for rule in self.rules.values():
            alike: dict[Hashable, tuple[Entry, int]] = {}
            for place, entry in enumerate(entries):
                first, places = alike.get(rule.entry_key(entry), (entry, 0))
                alike[rule.entry_key(entry)] = (first, places | 1 << place)
            self._groups.append((rule, list(alike.values())))
        self._known: dict[tuple[str, Hashable], int] = {}

    def row(self, person: Person) -> tuple[int, ...]:
        """Return by rule the entries that pass."""
        masks = []
        for rule, groups in self._groups:
            key = (rule.name, rule.person_key(person))
            if key not in self._known:
                self._known[key] = sum(places for entry, places in groups if rule.allows(person, entry))
            masks.append(self._known[key])
        return tuple(masks)


@dataclass(frozen=True, slots=True)
class Again:
    """Places of the people who were solved again."""

    places: Mapping[int, int]
    """Entry by person, both by their places in the snapshot."""
    lost: tuple[int, ...]
    """Who had a place and has none now."""


class Base:
    """A run with all that is needed to solve it again and again."""

    def __init__(self, snapshot: Snapshot, result: Result) -> None:
        self.snapshot, self.result = snapshot, result
        self.eligibility = eligibility_of(snapshot)
        self.standing = Standing(snapshot, self.eligibility, result)
        self.cut_offs = cut_offs_of(self.standing)
        self.judge = RuleApplier(snapshot, self.eligibility.entries)
        self.ranks: tuple[Rank, ...] = tuple(rank_of(person, snapshot) for person in snapshot.people)
        self._problem = matching.problem_of(snapshot, self.eligibility).problem
        self._rows = np.searchsorted(self._problem.person, np.arange(len(snapshot.people) + 1))
        self._entry_of = entry_of_node(self._problem.later, len(self.eligibility.entries))
        closed = [place in self.standing.closed for place in self.standing.seats.course]
        self._shut = np.array(closed, dtype=bool)
        self.open_mask = sum(1 << at for at in range(len(self.eligibility.entries)) if not closed[at])
        """The entries of courses that start, as a set."""
        self._need = needs_at_end(snapshot, self.standing)
        self._onwards: dict[int, frozenset[int]] = {}
        self._asking: dict[UUID, int] = {}

    def fixes(self, person: int, entry: int) -> list[Fix | None]:
        """Return for each rule that speaks against an entry the change that satisfies it."""
        who, there = self.snapshot.people[person], self.eligibility.entries[entry]
        failed = (self.judge.rules[name] for name in self.eligibility.failed(person, entry))
        return [None if rule.fix is None else rule.fix(who, there) for rule in failed]

    def asking(self, course: UUID) -> int:
        """Count who of those without a place could enter a course."""
        if course not in self._asking:
            entries = self.eligibility.entries
            mask = sum(1 << at for at, entry in enumerate(entries) if entry.course.id == course)
            self._asking[course] = sum(
                bool(self.eligibility.eligible(at) & mask)
                for at, person in enumerate(self.snapshot.people)
                if person.id not in self.result.places
            )
        return self._asking[course]

    def reachable(self, nodes: Collection[int]) -> list[int]:
        """List who could be moved by chains that begin at some nodes."""
        standing = self.standing
        ahead = [standing.first_full[node] for node in nodes]
        seen, found = set[int](), set[int]()
        while ahead:
            full = ahead.pop()
            if full < 0 or full in seen:
                continue
            seen.add(full)
            for person in standing.holders.get(full, ()):
                if person not in found:
                    found.add(person)
                    ahead += self._moves(person)
        return sorted(found)

    def _moves(self, person: int) -> frozenset[int]:
        """Return the full nodes in the way of somebody who moves; -1: a free seat."""
        if person not in self._onwards:
            first = self.standing.first_full
            self._onwards[person] = frozenset(first[node] for node in self.standing.enterable(person))
        return self._onwards[person]

    def with_people(
        self, changed: Mapping[UUID, Person], forced: Mapping[int, int] | None = None
    ) -> dict[UUID, EntryKey]:
        """Solve everybody again, with some people changed; `forced`: families that sit where they are told.

        Raises:
            InfeasibleError: a started course cannot have enough people any more.
        """
        known, passing, suitable = self.eligibility, list(self.eligibility.passing), []
        people = tuple(changed.get(person.id, person) for person in self.snapshot.people)
        for place, person in enumerate(people):
            mask = known.suitable[place]
            if person.id in changed:
                passing[place] = self.judge.row(person)
                mask = (1 << len(known.entries)) - 1
                for one in passing[place]:
                    mask &= one
            suitable.append(mask)
        judged = replace(known, passing=tuple(passing), suitable=tuple(suitable))
        whole = Whole(replace(self.snapshot, people=people), judged, self.result)
        return whole.places(np.array(whole.standing.seats.free, dtype=np.int64), forced or {})

    def with_person(self, place: int, changed: Person) -> Again:
        """Solve again with one unplaced person changed."""
        masks = self.judge.row(changed)
        suitable = (1 << len(self.eligibility.entries)) - 1
        for mask in masks:
            suitable &= mask
        known = Eligibility(
            self.eligibility.entries,
            self.eligibility.rules,
            (masks,),
            (suitable,),
            self.eligibility.with_seats & self.open_mask,
        )
        own = matching.problem_of(replace(self.snapshot, people=(changed,)), known).problem
        if not len(own.entry):
            return Again({}, ())
        others = self.reachable(own.entry.tolist())
        sub = self._sub(own, others)
        pair = flow.solve(sub).pair.tolist()
        people = [place, *others]
        placed = {people[at]: self._entry_of[int(sub.entry[one])] for at, one in enumerate(pair) if one >= 0}
        return Again(placed, tuple(person for person in others if person not in placed))

    @cached_property
    def roomy(self) -> Whole:
        """Return the snapshot with the pairs of full entries too, for more seats."""
        known = replace(self.eligibility, with_seats=(1 << len(self.eligibility.entries)) - 1)
        return Whole(self.snapshot, known, self.result)

    def with_more_seats(self, course: UUID, more: int) -> dict[UUID, EntryKey]:
        """Solve again with more seats in every section of a course; families that wait may get them."""
        courses = [with_seats(one, more) if one.id == course else one for one in self.snapshot.courses]
        changed = replace(self.snapshot, courses=tuple(courses))
        seats = np.array(seats_of(changed, entries_of(changed)).free, dtype=np.int64)
        return self.roomy.sure(seats, course)

    def _sub(self, own: Problem, others: list[int]) -> Problem:
        """Write the problem of one changed person and those who could be moved; all others stay."""
        rows = [np.arange(self._rows[person], self._rows[person + 1]) for person in others]
        taken = np.concatenate([*rows, np.array([], dtype=np.int64)]).astype(np.int64)
        taken = taken[~self._shut[self._problem.entry[taken]]]
        numbers = np.searchsorted(others, self._problem.person[taken]) + 1
        occupancy = np.array(self.standing.occupancy, dtype=np.int64)
        for person in others:
            for node in self.standing.seats.path(
                self.standing.node_of(person, self.standing.entry_of[person])
            ):
                occupancy[node] -= 1
        return Problem(
            people=len(others) + 1,
            later=self._problem.later,
            seats=np.maximum(self._problem.seats - occupancy, 0),
            person=np.concatenate([own.person, numbers]).astype(np.int64),
            entry=np.concatenate([own.entry, self._problem.entry[taken]]),
            tiers=tuple(
                Tier(one.name, np.concatenate([one.values, tier.values[taken]]))
                for one, tier in zip(own.tiers, self._problem.tiers, strict=True)
            ),
            least=np.maximum(self._need - occupancy, 0),
        )


def started_anyway(snapshot: Snapshot, result: Result, course: UUID) -> dict[UUID, EntryKey]:
    """Seat everybody of a snapshot in which a course starts for sure; families that wait may sit there.

    Raises:
        InfeasibleError: a started course cannot have enough people any more.
    """
    whole = Whole(snapshot, eligibility_of(snapshot), result)
    seats = np.array(whole.standing.seats.free, dtype=np.int64)
    return whole.sure(seats, course)


def seated_again(
    snapshot: Snapshot, result: Result, forced: Mapping[int, int] | None = None
) -> dict[UUID, EntryKey]:
    """Seat everybody of a changed snapshot exactly: the same courses start, families stay as they were.

    A course that no longer needs people in the changed snapshot starts besides; families that are forced
    sit where they are told.

    Raises:
        InfeasibleError: a started course cannot have enough people any more.
    """
    whole = Whole(snapshot, eligibility_of(snapshot), result)
    return whole.places(np.array(whole.standing.seats.free, dtype=np.int64), forced or {})


def with_seats(course: Course, more: int) -> Course:
    """Return a course with more seats in every section."""
    return replace(
        course,
        capacity=None if course.capacity is None else course.capacity + more,
        sections=tuple(replace(section, free=section.free + more) for section in course.sections),
    )


def values_again(snapshot: Snapshot, result: Result) -> tuple[int, ...]:
    """Seat everybody again with the same courses started, and add up every goal, the lot last."""
    known = eligibility_of(snapshot)
    whole = Whole(snapshot, known, result)
    places = whole.places(np.array(whole.standing.seats.free, dtype=np.int64))
    problem = matching.problem_of(snapshot, known).problem
    entry_of = entry_of_node(problem.later, len(known.entries))
    people, entries = snapshot.people, known.entries
    chosen = np.array(
        [
            pair
            for pair, (person, node) in enumerate(
                zip(problem.person.tolist(), problem.entry.tolist(), strict=True)
            )
            if places.get(people[person].id) == entries[entry_of[node]].key
        ],
        dtype=np.int64,
    )
    return tuple(int(tier.values[chosen].sum()) for tier in problem.tiers)
