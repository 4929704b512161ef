"""Determines which places a person can be given, and which hard rules speak against the others.

A set of entries is an integer with one bit per entry, so that a rule is decided once for everybody
who is alike in what it looks at, and what each rule forbids stays known.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_

from services.allocation.steering.matching.domain import Person
from services.allocation.steering.matching.entries import Entry, entries_of
from services.allocation.steering.matching.hardrules import hard_rules
from services.allocation.steering.matching.rule import Rule
from services.allocation.steering.matching.snapshot import Snapshot


def members(mask: int) -> Iterator[int]:
    """Yield the indices in a set of entries, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Verdicts of the hard rules on every person and entry of a snapshot."""

    entries: tuple[Entry, ...]
    rules: tuple[str, ...]
    passing: tuple[tuple[int, ...], ...]
    """By person, then by rule: the entries that pass."""
    suitable: tuple[int, ...]
    """By person: the entries that pass all rules, whether or not a seat is free."""
    with_seats: int
    """Entries with a free seat."""

    def eligible(self, person: int) -> int:
        """Return the entries that the person could be given now."""
        return self.suitable[person] & self.with_seats

    def without(self, rules: frozenset[str]) -> tuple[int, ...]:
        """Return by person the entries that pass all rules but these, whether or not a seat is free."""
        counting = [at for at, name in enumerate(self.rules) if name not in rules]
        return tuple(
            _passing_all((masks[at] for at in counting), len(self.entries)) for masks in self.passing
        )

    def failed(self, person: int, entry: int) -> tuple[str, ...]:
        """Name the rules that speak against an entry."""
        bit = 1 << entry
        return tuple(
            name for name, passing in zip(self.rules, self.passing[person], strict=True) if not passing & bit
        )

    def alone(self, person: int) -> dict[str, int]:
        """Return for each rule the entries that it alone takes away from the person, if any."""
        left, once = (1 << len(self.entries)) - 1, 0
        masks = self.passing[person]
        for mask in masks:
            once = (once & mask) | (left & ~mask)
            left &= mask
        taken = {name: once & ~mask for name, mask in zip(self.rules, masks, strict=True) if once}
        return {name: entries for name, entries in taken.items() if entries}

    def nearest(self, person: int) -> int:
        """Return the entry that the fewest rules speak against, the first of equals."""
        layers = [(1 << len(self.entries)) - 1]
        for mask in self.passing[person]:
            failing = [layer & ~mask for layer in layers]
            kept = [layer & mask for layer in layers]
            layers = [one | other for one, other in zip([*kept, 0], [0, *failing], strict=True)]
        return next(next(members(layer)) for layer in layers if layer)


def _passing_all(masks: Iterable[int], entries: int) -> int:
    return reduce(and_, masks, (1 << entries) - 1)


def _decide(rule: Rule, people: Sequence[Person], entries: Sequence[Entry]) -> list[int]:
    alike: dict[Hashable, tuple[Entry, int]] = {}
    for place, entry in enumerate(entries):
        seen = rule.entry_key(entry)
        first, places = alike.get(seen, (entry, 0))
        alike[seen] = (first, places | 1 << place)
    known: dict[Hashable, int] = {}
    masks = []
    for person in people:
        key = rule.person_key(person)
        mask = known.get(key)
        if mask is None:
            mask = 0
            for entry, places in alike.values():
                if rule.allows(person, entry):
                    mask |= places
            known[key] = mask
        masks.append(mask)
    return masks


def eligibility_of(snapshot: Snapshot) -> Eligibility:
    """Apply all hard rules of the day."""
    entries = entries_of(snapshot)
    rules = hard_rules(snapshot)
    by_rule = [_decide(rule, snapshot.people, entries) for rule in rules]
    passing = tuple(zip(*by_rule, strict=True))
    suitable = tuple(_passing_all(masks, len(entries)) for masks in passing)
    with_seats = sum(1 << place for place, entry in enumerate(entries) if entry.free > 0)
    return Eligibility(entries, tuple(rule.name for rule in rules), passing, suitable, with_seats)
