"""Certifies that nobody of lower priority holds a seat that could have been somebody else's.

Relative to the run's seats, the started courses and the listed locks and quotas. The rank of a person is
what the policy's goals say before the first goal that compares places: usually the class, then the days
of waiting; smaller is better. Each full node (seats.Seats) has a cut-off: the lowest rank among all whom a
chain of moves starting there could unseat, or `open` if such a chain ends at a free seat. The certificate
holds if everybody without a place has at best the rank of every cut-off they could enter at; each line of
it can be checked pair by pair. Proof and limits: docs/decisions/0015-*.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot as snapshots
from services.allocation.steering.matching.domain import Person
from services.allocation.steering.matching.eligibility import Eligibility, eligibility_of, members
from services.allocation.steering.matching.entries import need_of
from services.allocation.steering.matching.goals import class_of, waiting_days
from services.allocation.steering.matching.match import Result, families_of
from services.allocation.steering.matching.seats import Seats, seats_of
from services.allocation.steering.matching.snapshot import Snapshot

FORM = 1

Rank = tuple[int, ...]
"""Smaller is better; the class's place, the days of waiting as a negative number."""

_OF_PEOPLE = ("priority", "waiting")
"""Goals that look at the person only."""


@dataclass(frozen=True, slots=True)
class Open:
    """Somebody more could be seated here, or others could move so that somebody more is."""


@dataclass(frozen=True, slots=True)
class Locked:
    """Every seat here is held by what the run may not touch."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Somebody of this rank is the lowest who would have to give way."""

    rank: Rank


CutOff = Open | Locked | Ranked
OPEN, LOCKED = Open(), Locked()


def leading(goals: Sequence[str]) -> tuple[str, ...]:
    """Return the goals before the first one that compares places: they make a person's rank."""
    first = next((at for at, goal in enumerate(goals) if goal not in _OF_PEOPLE), len(goals))
    return tuple(goals[:first])


def rank_of(person: Person, snapshot: Snapshot) -> Rank:
    """Return the rank of a person under the snapshot's policy."""
    return tuple(
        class_of(person, snapshot.rules) if goal == "priority" else -waiting_days(person, snapshot.day)
        for goal in leading(snapshot.policy.goals)
    )


class Standing:
    """Seats after a run: who holds which, what is full, who can be moved."""

    def __init__(self, snapshot: Snapshot, eligibility: Eligibility, result: Result) -> None:
        self.snapshot, self.eligibility, self.result = snapshot, eligibility, result
        self.seats: Seats = seats_of(snapshot, eligibility.entries)
        started = set(result.started)
        self.closed = frozenset(
            place
            for place, course in enumerate(snapshot.courses)
            if need_of(course, snapshot) and course.id not in started
        )
        self.families = families_of(snapshot.people)
        self._tied = {place for family in self.families for place in family}
        classes = snapshot.rules.priorities.classes
        self._codes = [classes[class_of(person, snapshot.rules)].code for person in snapshot.people]
        at = {entry.key: place for place, entry in enumerate(eligibility.entries)}
        self.entry_of: dict[int, int] = {
            place: at[result.places[person.id]]
            for place, person in enumerate(snapshot.people)
            if person.id in result.places
        }
        self.occupancy = [0] * len(self.seats.later)
        self.holders: dict[int, list[int]] = defaultdict(list)
        """By node: who is seated by way of it, as far as they can be moved."""
        for place, entry in self.entry_of.items():
            for node in self.seats.path(self.node_of(place, entry)):
                self.occupancy[node] += 1
                if place not in self._tied:
                    self.holders[node].append(place)
        self.first_full = self._first_full()

    def _first_full(self) -> list[int]:
        """Return for each node the first full one on the way from it, or -1."""
        first: list[int | None] = [None] * len(self.seats.later)
        for node in range(len(first)):
            way = []
            step, found = node, -1
            while step >= 0:
                known = first[step]
                if known is not None:
                    found = known
                    break
                way.append(step)
                if self.occupancy[step] >= self.seats.free[step]:
                    found = step
                    break
                step = self.seats.later[step]
            for one in reversed(way):
                first[one] = found
        return [-1 if one is None else one for one in first]

    def tied(self, person: int) -> bool:
        """Return whether the person waits or sits together with others, and so cannot be moved alone."""
        return person in self._tied

    def node_of(self, person: int, entry: int) -> int:
        """Return the node at which the person would take an entry."""
        return self.seats.node_of(entry, self._codes[person])

    def enterable(self, person: int) -> Iterator[int]:
        """Yield the nodes that the person could enter in the courses that start."""
        for entry in members(self.eligibility.eligible(person)):
            if self.seats.course[entry] not in self.closed:
                yield self.node_of(person, entry)


def cut_offs_of(standing: Standing) -> dict[int, CutOff]:
    """Return the cut-off of every full node, by node."""
    snapshot, first = standing.snapshot, standing.first_full
    full = sorted({node for node in first if node >= 0})
    ranks = [rank_of(person, snapshot) for person in snapshot.people]
    onwards = {
        person: {first[node] for node in standing.enterable(person)}
        for person in standing.entry_of
        if not standing.tied(person)
    }
    backwards: dict[int, set[int]] = defaultdict(set)
    own: dict[int, CutOff] = {}
    for node in full:
        held = standing.holders.get(node, [])
        reached = set[int]().union(*(onwards[person] for person in held))
        own[node] = OPEN if -1 in reached else _lowest([ranks[person] for person in held])
        for other in reached - {-1, node}:
            backwards[other].add(node)
    return _spread(own, backwards)


def _spread(own: Mapping[int, CutOff], backwards: Mapping[int, set[int]]) -> dict[int, CutOff]:
    """Give every full node the highest cut-off of those that can be reached from it by moves."""
    cut_offs: dict[int, CutOff] = {}
    for node in sorted(own, key=lambda one: _order(own[one]), reverse=True):
        ahead = [node]
        while ahead:
            step = ahead.pop()
            if step not in cut_offs:
                cut_offs[step] = own[node]
                ahead += backwards.get(step, ())
    return cut_offs


def _lowest(ranks: Sequence[Rank]) -> CutOff:
    return Ranked(max(ranks)) if ranks else LOCKED


def _order(cut_off: CutOff) -> tuple[int, Rank]:
    match cut_off:
        case Open():
            return 2, ()
        case Ranked():
            return 1, cut_off.rank
        case Locked():
            return 0, ()


def _doors(standing: Standing) -> dict[int, tuple[int, int]]:
    """Name the nodes: the entry, and how many of its quotas stand between it and those who enter there."""
    doors: dict[int, tuple[int, int]] = {}
    for entry, groups in enumerate(standing.seats.doors):
        nodes = [node for _, node in groups] + [standing.seats.others[entry]]
        for number, node in enumerate(nodes):
            doors.setdefault(node, (entry, number))
    return doors


def _written(cut_off: CutOff) -> Any:  # noqa: ANN401 - a JSON value
    match cut_off:
        case Open():
            return "open"
        case Locked():
            return "locked"
        case Ranked():
            return list(cut_off.rank)


def _locks(standing: Standing) -> Mapping[str, Any]:
    """Name what the certificate takes as given: what people have decided, and who stays together."""
    snapshot = standing.snapshot
    return {
        "families": [[str(snapshot.people[place].id) for place in one] for one in standing.families],
        "held": sum(person.held for person in snapshot.people),
        "excluded": sum(bool(person.barred_courses or person.barred_providers) for person in snapshot.people),
        "decided": [[str(one.id), one.decision] for one in snapshot.courses if one.decision is not None],
        "quotas": sorted(quota.name for quota in snapshot.policy.quotas),
        "seated": sum(course.seated for course in snapshot.courses),
    }


def certificate_of(snapshot: Snapshot, result: Result, eligibility: Eligibility | None = None) -> bytes:
    """Write the canonical bytes of the certificate of a run; `eligibility` saves judging everybody again."""
    standing = Standing(snapshot, eligibility or eligibility_of(snapshot), result)
    doors, entries = _doors(standing), standing.eligibility.entries
    cutoffs = []
    if leading(snapshot.policy.goals):
        for node, cut_off in sorted(cut_offs_of(standing).items(), key=lambda one: doors[one[0]]):
            entry, door = doors[node]
            if standing.seats.course[entry] not in standing.closed:
                key = entries[entry].key
                cutoffs.append([str(key.course), key.section, door, _written(cut_off)])
    return orjson.dumps(
        {
            "form": FORM,
            "region": snapshot.region,
            "day": snapshot.day,
            "snapshot": snapshots.address(snapshots.encode(snapshot)).hex(),
            "result": snapshots.address(matching.encode(result)).hex(),
            "rank": leading(snapshot.policy.goals),
            "started": [str(course) for course in result.started],
            "closed": [str(course) for course in result.closed],
            "locks": _locks(standing),
            "cutoffs": cutoffs,
        },
        option=orjson.OPT_SORT_KEYS,
    )
