"""Finds for each person without a place the cheapest change that gives one, and verifies it by solving.

Candidates come from the entries that one or two rules speak against; those whose cut-off is higher than
the person's rank cannot help and are left out. Every other one is solved again with the same courses
started (resolve.py), the cheapest first, until the person has a place. Costs order them: matching/rule.py.
"""

from __future__ import annotations

from collections import ChainMap, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import orjson

from services.allocation.placements.domain import Reason
from services.allocation.solver.engine.mincost import InfeasibleError
from services.allocation.steering.explain.certificate import Open, Ranked, leading
from services.allocation.steering.explain.family_remedies import Families
from services.allocation.steering.explain.remedy_changes import (
    APART,
    MORE_SEATS,
    MOST_SEATS,
    MOST_TRIES,
    TRAVEL_LIMIT,
    TWO,
    Change,
    Made,
    Supply,
    apply,
    more_seats,
    person_change,
    solved_with,
    start,
)
from services.allocation.steering.explain.resolve import Base, started_anyway
from services.allocation.steering.matching.domain import Course, EntryKey, Person
from services.allocation.steering.matching.eligibility import members
from services.allocation.steering.matching.hardrules import MOST_MINUTES, TRAVEL_TIME, travel_minutes
from services.allocation.steering.matching.match import Result
from services.allocation.steering.matching.rule import Fix
from services.allocation.steering.matching.snapshot import Snapshot

STEP = 5
"""Minutes by which a municipality's limit of travel time would be raised."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """The change that gives one person a place; `code` is `none` where nothing that was tried does."""

    person: UUID
    code: str
    parts: tuple[Reason, ...]
    changes: tuple[Change, ...] = ()
    place: EntryKey | None = None
    gives_way: UUID | None = None
    """Who would lose a place by it; never somebody of better rank."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A kind of remedy: people who wait only for it, and how many sit if all of it comes about at once."""

    code: str
    people: int
    together: int


@dataclass(frozen=True, slots=True)
class Remedies:
    """All remedies of a run, in the order of the snapshot, and their sums, the commonest first."""

    each: tuple[Remedy, ...]
    sums: tuple[Sum, ...]


@dataclass(frozen=True, slots=True)
class _Try:
    """One thing to try: what it costs, and what it changes for whom."""

    cost: int
    order: tuple[int, ...]
    parts: tuple[Reason, ...]
    changes: tuple[Made, ...]
    person: Person | None = None
    """The changed person, if nothing else changes."""
    entries: Mapping[int, int] = field(default_factory=dict)
    """Where the members of a family sit then, if it is for a whole family."""

    @property
    def code(self) -> str:
        """Return what it asks for, two parts joined."""
        codes = {part.code.removeprefix("remedy_") for part in self.parts}
        return "_and_".join(sorted(codes - {"family"}))

    @property
    def name(self) -> bytes:
        """Name what changes, to solve the same change once."""
        return orjson.dumps([change for change, _ in self.changes], option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True)
class _Search:
    base: Base
    unfixable: frozenset[str]
    known: dict[bytes, Mapping[UUID, EntryKey]] = field(default_factory=dict)
    """Whole snapshots solved again, by what was changed."""

    def promising(self, person: int, entry: int) -> bool:
        """Return whether somebody of this rank could be given the entry, if no rule spoke against it."""
        base = self.base
        first = base.standing.first_full[base.standing.node_of(person, entry)]
        if first < 0 or not leading(base.snapshot.policy.goals):
            return True
        match base.cut_offs[first]:
            case Open():
                return True
            case Ranked(rank):
                return rank >= base.ranks[person]
            case _:
                return False

    def tries(self, person: int) -> Iterator[_Try]:
        """Yield what could be tried for somebody by themselves, the cheapest first; seats only if needed."""
        found = [*self._fixes(person), *self._starts(person), *self._limits(person)]
        unique = {one.name: one for one in sorted(found, key=_by_cost, reverse=True)}
        yield from sorted((one for one in unique.values() if one.cost < MORE_SEATS), key=_by_cost)
        dear = [one for one in unique.values() if one.cost >= MORE_SEATS]
        yield from sorted([*dear, *self._seats(person)], key=_by_cost)

    def _failing(self, person: int) -> tuple[int, int, int]:
        """Return the entries that none, one and two rules that can be fixed speak against, and no other."""
        eligibility = self.base.eligibility
        left, layers = (1 << len(eligibility.entries)) - 1, [0, 0, 0]
        layers[0] = left
        for name, mask in zip(eligibility.rules, eligibility.passing[person], strict=True):
            if name in self.unfixable:
                left &= mask
            else:
                layers = [
                    layers[0] & mask,
                    layers[1] & mask | layers[0] & ~mask,
                    layers[2] & mask | layers[1] & ~mask,
                ]
        none, one, two = (layer & left for layer in layers)
        return none, one, two

    def _fixes(self, person: int) -> Iterator[_Try]:
        base = self.base
        who = base.snapshot.people[person]
        _, one, two = self._failing(person)
        for at in members((one | two) & base.eligibility.with_seats & base.open_mask):
            if not self.promising(person, at):
                continue
            fixes = base.fixes(person, at)
            given = [fix for fix in fixes if fix is not None]
            if len(given) == len(fixes):
                yield _try_fixes(who, given, at)

    def _seats(self, person: int) -> Iterator[_Try]:
        base, who = self.base, self.base.snapshot.people[person].id
        none, _, _ = self._failing(person)
        for course in {base.eligibility.entries[at].course.id for at in members(none & base.open_mask)}:
            most = _try_seats(course, MOST_SEATS)
            if who not in self._whole(most):
                continue
            numbers = (_try_seats(course, more) for more in range(1, MOST_SEATS))
            yield next((one for one in numbers if who in self._whole(one)), most)

    def _starts(self, person: int) -> Iterator[_Try]:
        base = self.base
        none, _, _ = self._failing(person)
        entries = base.eligibility.entries
        closed: dict[UUID, Course] = {
            entries[at].course.id: entries[at].course for at in members(none & ~base.open_mask)
        }
        yield from (_try_supply(start(base, course), name) for name, course in closed.items())

    def _limits(self, person: int) -> Iterator[_Try]:
        """Raise the municipality's limit of travel time, for everybody."""
        base = self.base
        who, limit = base.snapshot.people[person], base.snapshot.policy.limits.travel_minutes
        if limit is None or TRAVEL_TIME not in base.eligibility.rules:
            return
        entries = base.eligibility.entries
        for at in members(base.eligibility.alone(person).get(TRAVEL_TIME, 0) & base.open_mask):
            way = travel_minutes(who, entries[at].course, base.snapshot.travel)
            own = who.max_travel_minutes
            if way is None or way > limit + MOST_MINUTES or (own is not None and way > own):
                continue
            value = -(-way // STEP) * STEP
            part = Reason("remedy_travel_limit", {"limit": value})
            change = {"op": "travel_minutes", "value": value}
            yield _Try(TRAVEL_LIMIT + value - limit, (at,), (part,), ((change, {}),))

    def apart(self, family: Sequence[int]) -> _Try:
        """Let every member of a family attend by themselves."""
        people = [self.base.snapshot.people[member] for member in family]
        changes = tuple((person_change(one.id, {"family": None}), {"family": None}) for one in people)
        return _Try(APART, (), (Reason("remedy_apart"),), changes)

    def solved(self, one: _Try, person: int) -> Remedy | None:
        """Solve again with a change made; None: still no place, or a better claim would lose one."""
        base = self.base
        who = base.snapshot.people[person]
        changes = tuple(change for change, _ in one.changes)
        if one.person is not None:
            again = base.with_person(person, one.person)
            if person not in again.places or any(
                base.ranks[lost] < base.ranks[person] for lost in again.lost
            ):
                return None
            place = base.eligibility.entries[again.places[person]].key
            lost = next(iter(again.lost), None)
            gives_way = None if lost is None else base.snapshot.people[lost].id
            return Remedy(who.id, one.code, one.parts, changes, place, gives_way)
        places = self._whole(one)
        if who.id not in places or not set(base.result.places) <= set(places):
            return None
        return Remedy(who.id, one.code, one.parts, changes, places[who.id])

    def _whole(self, one: _Try) -> Mapping[UUID, EntryKey]:
        if one.name not in self.known:
            self.known[one.name] = self._solved(one)
        return self.known[one.name]

    def _solved(self, one: _Try) -> Mapping[UUID, EntryKey]:
        """Seat everybody with a change made; what makes room, makes it for waiting families, too."""
        base, ((change, _), *_more) = self.base, one.changes
        try:
            match change["op"]:
                case "seats":
                    return base.with_more_seats(UUID(change["id"]), change["add"])
                case "start":
                    return started_anyway(apply(base.snapshot, one.changes), base.result, UUID(change["id"]))
                case _:
                    return solved_with(base, one.changes)
        except InfeasibleError:
            return {}


def _try_supply(one: Supply, course: UUID) -> _Try:
    return _Try(one.cost, (course.int,), (one.part,), (one.change,))


def _try_seats(course: UUID, more: int) -> _Try:
    return _try_supply(more_seats(course, more), course)


def _by_cost(one: _Try) -> tuple[int, tuple[int, ...], bytes]:
    return one.cost, one.order, one.name


def _try_fixes(who: Person, fixes: Sequence[Fix], entry: int) -> _Try:
    sets = {name: value for fix in fixes for name, value in fix.sets.items()}
    cost = sum(fix.cost for fix in fixes) + (TWO if len(fixes) > 1 else 0)
    parts = {fix.code: fix.reason for fix in fixes}  # two clocks are one extension
    change = (person_change(who.id, sets), sets)
    return _Try(cost, (entry,), tuple(parts.values()), (change,), replace(who, **sets))


Found = tuple[Remedy, _Try | None]


def _nothing(base: Base, person: int) -> Found:
    return Remedy(base.snapshot.people[person].id, "none", (Reason("remedy_none"),)), None


def _of_family(search: _Search, families: Families, family: Sequence[int]) -> dict[int, Found]:
    """Help all members together, or let them attend different courses if that costs less and helps all."""
    base, apart = search.base, search.apart(family)
    alone = {member: search.solved(apart, member) for member in family}
    together = families.found(family)
    if together is None or (apart.cost <= together.cost and None not in alone.values()):
        return {
            member: _nothing(base, member) if found is None else (found, apart)
            for member, found in alone.items()
        }
    parts = (*together.parts, Reason("remedy_family", {"people": len(family)}))
    one = _Try(together.cost, (), parts, together.changes, entries=together.entries)
    changes = tuple(change for change, _ in one.changes)
    return {
        member: (
            Remedy(
                base.snapshot.people[member].id, one.code, parts, changes, base.eligibility.entries[entry].key
            ),
            one,
        )
        for member, entry in together.entries.items()
    }


def _remedy(search: _Search, person: int) -> Found:
    tried = 0
    for one in search.tries(person):
        tried += one.person is not None or one.name not in search.known
        if tried > MOST_TRIES:
            break
        found = search.solved(one, person)
        if found is not None:
            return found, one
    return _nothing(search.base, person)


def _at_once(base: Base, some: Iterable[_Try]) -> Mapping[UUID, EntryKey]:
    """Seat everybody with all changes made; families as far as there is room for each of them together."""
    each = list({one.name: one for one in some}.values())
    changes = {orjson.dumps(change): (change, sets) for one in each for change, sets in one.changes}
    largest, families = _largest(tuple(changes.values())), [one.entries for one in each if one.entries]
    forced = dict(ChainMap(*(dict(one) for one in families)))
    places = solved_with(base, largest, forced)
    if families and not base.result.places.keys() <= places.keys():
        forced, places = {}, solved_with(base, largest)
        for one in families:
            tried = solved_with(base, largest, forced | dict(one))
            if places.keys() <= tried.keys():
                forced, places = forced | dict(one), tried
    return places


def _summed(base: Base, found: Sequence[Found]) -> Iterator[Sum]:
    """Make all remedies of one kind come about at once, and count who of their people sits then."""
    kinds: dict[str, list[tuple[Remedy, _Try]]] = defaultdict(list)
    for remedy, one in found:
        if one is not None:
            kinds[remedy.code].append((remedy, one))
    for code, some in kinds.items():
        places = _at_once(base, (one for _, one in some))
        yield Sum(code, len(some), sum(remedy.person in places for remedy, _ in some))
    without = sum(one is None for _, one in found)
    if without:
        yield Sum("none", without, 0)


def _largest(changes: Sequence[Made]) -> list[Made]:
    """Keep of changes to the same number the largest: five seats include three."""
    kept: dict[tuple[str, str], Made] = {}
    for change, sets in changes:
        name = (change["op"], change.get("id", ""))
        before = kept.get(name)
        size = change.get("add", change.get("value", 0))
        if before is None or size > before[0].get("add", before[0].get("value", 0)):
            kept[name] = (change, sets)
    return list(kept.values())


def remedies_of(snapshot: Snapshot, result: Result) -> Remedies:
    """Find for everybody without a place what is cheapest, each verified by solving again."""
    base = Base(snapshot, result)
    search = _Search(base, frozenset(name for name, rule in base.judge.rules.items() if rule.fix is None))
    families, of_families = Families(base), dict[int, Found]()
    for family in base.standing.families:
        if snapshot.people[family[0]].id not in result.places:
            of_families |= _of_family(search, families, family)
    found = [
        of_families.get(place) or _remedy(search, place)
        for place, person in enumerate(snapshot.people)
        if person.id not in result.places
    ]
    sums = sorted(_summed(base, found), key=lambda one: (-one.people, one.code))
    return Remedies(tuple(remedy for remedy, _ in found), tuple(sums))


def as_json(remedies: Remedies, snapshot: Snapshot) -> dict[str, Any]:
    """Write remedies as JSON values; the Kreis is the person's, empty where the region is one."""
    towns = {course.id: course.town for course in snapshot.courses}
    kreise = {person.id: person.kreis for person in snapshot.people}
    return {
        "each": [
            {
                "person": str(one.person),
                "code": one.code,
                "parts": [{"code": part.code, "params": dict(part.params)} for part in one.parts],
                "changes": [dict(change) for change in one.changes],
                "course": None if one.place is None else str(one.place.course),
                "section": None if one.place is None else one.place.section,
                "town": None if one.place is None else towns[one.place.course],
                "kreis": kreise[one.person],
                "gives_way": None if one.gives_way is None else str(one.gives_way),
            }
            for one in remedies.each
        ],
        "sums": [{"code": one.code, "people": one.people, "together": one.together} for one in remedies.sums],
    }
