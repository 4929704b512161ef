"""Finds changes, made for all members of a family at once, that give them places together.

For each course that starts, every member takes the entry that the fewest costs open for them; what is needed
for that, or more seats, is tried the cheapest first. The family is seated there by hand, and everybody else
is solved again exactly (resolve.py). It helps if nobody loses a place, nobody of better rank than any member
misses one because of it, and the goals gain by it: then every best answer has the family in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import numpy as np
import orjson

from services.allocation.placements.domain import Reason
from services.allocation.solver.engine.mincost import InfeasibleError, Ints
from services.allocation.steering.explain.remedy_changes import (
    MOST_SEATS,
    MOST_TRIES,
    TWO,
    Made,
    Supply,
    apply,
    more_seats,
    person_change,
    start,
)
from services.allocation.steering.explain.resolve import Base, RuleApplier
from services.allocation.steering.explain.seating import Seated, Whole, worth_of
from services.allocation.steering.matching.eligibility import eligibility_of
from services.allocation.steering.matching.entries import entries_of
from services.allocation.steering.matching.rule import Fix
from services.allocation.steering.matching.seats import seats_of
from services.allocation.steering.matching.snapshot import Snapshot

MOST_KINDS = 2
"""Nobody asks for three different things at once."""


@dataclass(frozen=True, slots=True)
class Together:
    """Changes with which a family attends one course, and the entry that each member takes."""

    cost: int
    codes: tuple[str, ...]
    parts: tuple[Reason, ...]
    changes: tuple[Made, ...]
    entries: Mapping[int, int]
    """Entry by member, both by their places in the snapshot."""


@dataclass(frozen=True, slots=True)
class _Way:
    """The fixes that let one member take one entry."""

    cost: int
    entry: int
    fixes: tuple[Fix, ...]


@dataclass(frozen=True, slots=True)
class _Setting:
    """A changed snapshot, ready to be seated with families put where they are wanted."""

    seen: Snapshot
    whole: Whole
    seats: Ints
    judge: RuleApplier


class Families:
    """Searches for what would help each waiting family of a run."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._entries: dict[UUID, list[int]] = defaultdict(list)
        for at, entry in enumerate(base.eligibility.entries):
            self._entries[entry.course.id].append(at)
        self._whole = Whole(base.snapshot, base.eligibility, base.result)
        self._settings: dict[bytes, _Setting] = {}

    def found(self, family: Sequence[int]) -> Together | None:
        """Return the cheapest of the ways that were tried and that help; None: none of them does."""
        for tried, one in enumerate(sorted(self._ways(family), key=lambda way: (way.cost, way.codes))):
            if tried == MOST_TRIES:
                break
            if self._helps(family, one):
                return one
        return None

    def _ways(self, family: Sequence[int]) -> Iterator[Together]:
        base = self._base
        for course, entries in self._entries.items():
            ways = {one: way for one in family if (way := self._cheapest(one, entries)) is not None}
            if len(ways) < len(family):
                continue
            opens = bool(base.open_mask >> entries[0] & 1)
            fixes = {member: way.fixes for member, way in ways.items() if way.fixes}
            taken = {member: way.entry for member, way in ways.items()}
            if fixes and opens:
                yield from self._fixed(fixes, taken)
            elif not fixes:
                more = [more_seats(course, seats) for seats in range(1, MOST_SEATS + 1)]
                supply = more if opens else [start(base, base.eligibility.entries[entries[0]].course)]
                yield from (_supplied(one, taken) for one in supply)

    def _cheapest(self, member: int, entries: Sequence[int]) -> _Way | None:
        """Return the way to the entry of a course that costs a member least; None: there is none."""
        base, found = self._base, list[_Way]()
        for at in entries:
            if len(base.eligibility.failed(member, at)) > MOST_KINDS:
                continue
            fixes = base.fixes(member, at)
            given = tuple(fix for fix in fixes if fix is not None)
            if len(given) == len(fixes):
                found.append(_Way(sum(fix.cost for fix in given), at, given))
        return min(found, key=lambda way: (way.cost, way.entry), default=None)

    def _fixed(self, fixes: Mapping[int, Sequence[Fix]], taken: Mapping[int, int]) -> Iterator[Together]:
        """What is needed for some members, asked for all of them together."""
        people = self._base.snapshot.people
        kinds: dict[str, int] = {}
        parts: dict[tuple[str, str], Reason] = {}
        for some in fixes.values():
            for fix in some:
                kinds[fix.code] = max(kinds.get(fix.code, 0), fix.cost)
                parts.setdefault((fix.code, str(sorted(fix.reason.params.items()))), fix.reason)
        if len(kinds) > MOST_KINDS:
            return
        changes = []
        for member, some in sorted(fixes.items()):
            sets = {name: value for fix in some for name, value in fix.sets.items()}
            changes.append((person_change(people[member].id, sets), sets))
        cost = sum(kinds.values()) + len(fixes) - 1 + (TWO if len(kinds) > 1 else 0)
        yield Together(cost, tuple(sorted(kinds)), tuple(parts.values()), tuple(changes), taken)

    @cached_property
    def _before(self) -> Seated:
        return self._whole.seated(_free(self._whole))

    def _setting(self, changes: Sequence[Made]) -> _Setting:
        """Prepare a changed snapshot; no rule asks how many seats there are: only a start is judged anew."""
        base, op = self._base, changes[0][0]["op"]
        if op == "person":
            return _Setting(base.snapshot, self._whole, _free(self._whole), base.judge)
        seen = apply(base.snapshot, changes)
        if op == "seats":
            seats = np.array(seats_of(seen, entries_of(seen)).free, dtype=np.int64)
            return _Setting(seen, base.roomy, seats, base.judge)
        known = eligibility_of(seen)
        whole = Whole(seen, known, base.result)
        return _Setting(seen, whole, _free(whole), RuleApplier(seen, known.entries))

    def _helps(self, family: Sequence[int], way: Together) -> bool:
        base = self._base
        name = orjson.dumps([change for change, _ in way.changes if change["op"] != "person"])
        if name not in self._settings:
            self._settings[name] = self._setting(way.changes)
        at = self._settings[name]
        known = at.whole.standing.eligibility
        people = {person.id: person for person in apply(base.snapshot, way.changes).people}
        changed = {member: people[base.snapshot.people[member].id] for member in way.entries}
        for member, who in changed.items():
            if any(not mask >> way.entries[member] & 1 for mask in at.judge.row(who)):
                return False
        each = [worth_of(changed[member], entry, at.seen, known) for member, entry in way.entries.items()]
        own = tuple(map(sum, zip(*each, strict=True)))
        if not self._gains(family, at, [], way.entries, own):
            return False
        if at.whole is self._whole:
            return True
        course = known.entries[way.entries[family[0]]].course.id
        waiting = [one for one in at.whole.waiting_for(course) if family[0] not in one]
        return not waiting or self._gains(family, at, waiting, way.entries, own)

    def _gains(
        self,
        family: Sequence[int],
        at: _Setting,
        waiting: Sequence[Mapping[int, int]],
        entries: Mapping[int, int],
        own: tuple[int, ...],
    ) -> bool:
        """Return whether the goals gain by seating a family, and nobody loses a place or misses one by it."""
        base = self._base
        try:
            after = at.whole.with_families(at.seats, waiting, entries, own)
        except InfeasibleError:
            return False
        before = self._before if at.whole is self._whole else at.whole.with_families(at.seats, waiting)
        worst = max(base.ranks[member] for member in family)
        tied = {base.snapshot.people[member].id for one in base.standing.families for member in one}
        better = {
            person.id
            for place, person in enumerate(base.snapshot.people)
            if person.id in base.result.places
            or (person.id in before.places and person.id not in tied and base.ranks[place] < worst)
        }
        return better <= after.places.keys() and after.values > before.values


def _supplied(one: Supply, taken: Mapping[int, int]) -> Together:
    return Together(one.cost, (one.part.code.removeprefix("remedy_"),), (one.part,), (one.change,), taken)


def _free(whole: Whole) -> Ints:
    return np.array(whole.standing.seats.free, dtype=np.int64)
