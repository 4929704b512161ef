"""Seats a whole snapshot exactly: the same courses start, families sit where they are told.

Families that wait can be let in one by one where the goals gain by it (`with_families`): what makes room for
somebody, makes it for them, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from uuid import UUID

import numpy as np

from services.allocation.solver.engine import flow
from services.allocation.solver.engine.flow import Tier
from services.allocation.solver.engine.mincost import InfeasibleError, Ints
from services.allocation.steering.explain.certificate import Standing
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching.domain import EntryKey, Person
from services.allocation.steering.matching.eligibility import Eligibility
from services.allocation.steering.matching.entries import need_of
from services.allocation.steering.matching.match import Result
from services.allocation.steering.matching.snapshot import Snapshot


def entry_of_node(later: Ints, entries: int) -> list[int]:
    """Return for each node the entry that is taken by way of it."""
    found = list(range(entries))
    for node in range(entries, len(later)):
        found.append(found[int(later[node])])
    return found


def needs_at_end(snapshot: Snapshot, standing: Standing) -> Ints:
    """Return by node how many people have to sit there because the course was started with them."""
    started = set(standing.result.started)
    later, course = standing.seats.later, standing.seats.course
    return np.array(
        [
            need_of(snapshot.courses[course[node]], snapshot)
            if later[node] < 0 and snapshot.courses[course[node]].id in started
            else 0
            for node in range(len(later))
        ],
        dtype=np.int64,
    )


MOST_RIVALS = 12
"""So many waiting families are looked at before somebody else is promised more seats."""
NOBODY: Mapping[int, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Seated:
    """Places of everybody, and the sums under each goal of those who could move, the lot last."""

    places: dict[UUID, EntryKey]
    values: tuple[int, ...]


def _plus(seated: Seated, *more: tuple[int, ...]) -> Seated:
    some = [one for one in more if one]
    return Seated(seated.places, tuple(map(sum, zip(seated.values, *some, strict=True))))


def worth_of(person: Person, entry: int, snapshot: Snapshot, known: Eligibility) -> tuple[int, ...]:
    """Return what somebody adds to each goal at an entry, the lot last."""
    only = replace(known, suitable=(1 << entry,), passing=((),), with_seats=1 << entry)
    problem = matching.problem_of(replace(snapshot, people=(person,)), only).problem
    return tuple(int(tier.values[0]) for tier in problem.tiers)


class Whole:
    """A snapshot to be solved whole, with the same courses started and families as they were."""

    def __init__(self, snapshot: Snapshot, known: Eligibility, result: Result) -> None:
        self.standing = Standing(snapshot, known, result)
        self._problem = matching.problem_of(snapshot, known).problem
        self._closed = np.array(
            [course in self.standing.closed for course in self.standing.seats.course], dtype=bool
        )
        self._entry_of = entry_of_node(self._problem.later, len(known.entries))
        self._tied = [place for place in range(len(snapshot.people)) if self.standing.tied(place)]
        self._kept = ~self._closed[self._problem.entry] & ~np.isin(self._problem.person, self._tied)
        self._least = needs_at_end(snapshot, self.standing)
        self._worth: dict[tuple[int, int], tuple[int, ...]] = {}

    def places(self, seats: Ints, forced: Mapping[int, int] = NOBODY) -> dict[UUID, EntryKey]:
        """Seat everybody exactly, with so many seats by node; see `seated`."""
        return self.seated(seats, forced).places

    def seated(self, seats: Ints, forced: Mapping[int, int] = NOBODY) -> Seated:
        """Seat everybody exactly, with so many seats by node; those who are forced sit where they are told.

        Only who attends together with others can be forced: nobody else is left out of the solving.

        Raises:
            InfeasibleError: there are too few seats for those who do not move, or people for a course.
        """
        occupancy, places = self._fixed(seats, forced)
        problem, kept = self._problem, self._kept
        entry = problem.entry[kept]
        solved = flow.solve(
            replace(
                problem,
                seats=np.where(self._closed, 0, np.maximum(seats - occupancy, 0)),
                person=problem.person[kept],
                entry=entry,
                tiers=tuple(Tier(tier.name, tier.values[kept]) for tier in problem.tiers),
                least=np.maximum(self._least - occupancy, 0),
            )
        )
        standing = self.standing
        entries, people = standing.eligibility.entries, standing.snapshot.people
        for place, pair in enumerate(solved.pair.tolist()):
            if pair >= 0:
                places[people[place].id] = entries[self._entry_of[int(entry[pair])]].key
        chosen = solved.pair[solved.pair >= 0]
        return Seated(places, tuple(int(tier.values[kept][chosen].sum()) for tier in problem.tiers))

    def waiting_for(self, course: UUID) -> list[Mapping[int, int]]:
        """List waiting families that could all enter a course, or one whose people could move there."""
        entries, standing = self.standing.eligibility.entries, self.standing
        masks: dict[UUID, int] = defaultdict(int)
        for at, entry in enumerate(entries):
            if not self._closed[at]:
                masks[entry.course.id] |= 1 << at
        suitable, there = standing.eligibility.suitable, masks.get(course, 0)
        near = {course} | {
            entries[at].course.id for person, at in standing.entry_of.items() if suitable[person] & there
        }
        found: list[Mapping[int, int]] = []
        for family in standing.families:
            if family[0] in standing.entry_of:
                continue
            for name in sorted(near, key=lambda one: (one != course, one)):
                own = {member: suitable[member] & masks.get(name, 0) for member in family}
                if all(own.values()):
                    found.append({member: (one & -one).bit_length() - 1 for member, one in own.items()})
        return found[:MOST_RIVALS]

    def sure(self, seats: Ints, course: UUID) -> dict[UUID, EntryKey]:
        """Seat everybody after more room in a course: who sits whether or not waiting families are let in.

        Raises:
            InfeasibleError: a started course cannot have enough people any more.
        """
        places = self.places(seats)
        waiting = self.waiting_for(course)
        if not waiting:
            return places
        kept = self.with_families(seats, waiting).places
        return {person: place for person, place in places.items() if person in kept}

    def with_families(
        self,
        seats: Ints,
        waiting: Sequence[Mapping[int, int]],
        forced: Mapping[int, int] = NOBODY,
        own: tuple[int, ...] = (),
    ) -> Seated:
        """Seat everybody, and then each waiting family for which the goals gain, the best one first.

        `own`: what those who are forced add to the goals; what comes back includes it.

        Raises:
            InfeasibleError: there is no room for those who are forced.
        """
        best, left = _plus(self.seated(seats, forced), own), list(waiting)
        while left:
            tried = []
            for at, one in enumerate(left):
                with suppress(InfeasibleError):
                    more = [self.worth(member, entry) for member, entry in one.items()]
                    answer = _plus(self.seated(seats, {**forced, **one}), own, *more)
                    tried.append((answer.values, -at, answer, more))
            if not tried or max(tried)[0] <= best.values:
                break
            _, at, best, more = max(tried)
            chosen = left[-at]
            forced = {**forced, **chosen}
            own = _plus(Seated({}, own or tuple(0 for _ in best.values)), *more).values
            left = [one for one in left if not one.keys() & chosen.keys()]
        return best

    def worth(self, member: int, entry: int) -> tuple[int, ...]:
        """Return what somebody adds to each goal at an entry."""
        key = (member, entry)
        if key not in self._worth:
            snapshot, known = self.standing.snapshot, self.standing.eligibility
            self._worth[key] = worth_of(snapshot.people[member], entry, snapshot, known)
        return self._worth[key]

    def _fixed(self, seats: Ints, forced: Mapping[int, int]) -> tuple[Ints, dict[UUID, EntryKey]]:
        """Seat those who do not move; return who sits in which node."""
        standing = self.standing
        entries, people = standing.eligibility.entries, standing.snapshot.people
        occupancy, places = np.zeros(len(self._problem.later), dtype=np.int64), dict[UUID, EntryKey]()
        for place in self._tied:
            entry = forced.get(place, standing.entry_of.get(place))
            if entry is not None:
                places[people[place].id] = entries[entry].key
                for node in standing.seats.path(standing.node_of(place, entry)):
                    occupancy[node] += 1
        if forced and bool((occupancy > seats).any()):
            raise InfeasibleError("not enough seats for all of them together")
        return occupancy, places
