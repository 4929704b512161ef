"""Groups Kreise into regions: a Kreis and the neighbours it pools with are steered as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from services.allocation.policy.domain import Policy


class PolicyOf(Protocol):
    """Finds the policy that holds for a Kreis on a day."""

    def on(self, kreis: str, day: date) -> Policy:
        """Return the policy of a Kreis on a day."""
        ...


@dataclass(frozen=True, slots=True)
class Region:
    """Kreise that are steered together, by AGS; the first one's policy holds for common runs."""

    kreise: tuple[str, ...]
    pooled: tuple[tuple[str, str], ...] = ()
    """Pairs of Kreise that attend each other's courses, each in both orders."""
    types: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """For pairs that have not agreed on all course types: those on which both have."""

    @property
    def name(self) -> str:
        """Name the region; a Kreis by itself is named by its AGS."""
        return "+".join(self.kreise)

    @property
    def lead(self) -> str:
        """Return the Kreis whose policy holds for common runs."""
        return self.kreise[0]


def region_of(kreis: str, day: date, policies: PolicyOf) -> Region:
    """Find all Kreise that are connected with one by agreements that both sides have made."""
    found, waiting, pooled = {kreis}, [kreis], dict[tuple[str, str], tuple[str, ...]]()
    while waiting:
        one = waiting.pop()
        for other, types in _neighbours(one, day, policies):
            pooled |= {(one, other): types, (other, one): types}
            if other not in found:
                found.add(other)
                waiting.append(other)
    some = tuple((*pair, types) for pair, types in sorted(pooled.items()) if types)
    return Region(tuple(sorted(found)), tuple(sorted(pooled)), some)


def _neighbours(kreis: str, day: date, policies: PolicyOf) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Yield the neighbours of an agreement that both have made, with the course types of both; empty: all."""
    for agreement in policies.on(kreis, day).pooling:
        own = policies.on(kreis, day).agreement(agreement.kreis, day)
        if own is not agreement or agreement.kreis == kreis:
            continue
        try:
            theirs = policies.on(agreement.kreis, day).agreement(kreis, day)
        except LookupError:
            continue  # the neighbour has decided nothing
        if theirs is None:
            continue
        types = tuple(sorted(set(own.course_types) & set(theirs.course_types)))
        if types or not own.course_types or not theirs.course_types:
            yield agreement.kreis, types or own.course_types or theirs.course_types
