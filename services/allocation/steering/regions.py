"""Regions: a Kreis with the neighbours it pools with is steered as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from services.allocation.steering.policy import Policy


class PolicyOf(Protocol):
    """What knows the policies in force (policy.Policies)."""

    def on(self, kreis: str, day: date) -> Policy:
        """Return the policy of a Kreis on a day."""
        ...


@dataclass(frozen=True, slots=True)
class Region:
    """Kreise that are steered together, by AGS; the first one's policy holds for common runs."""

    kreise: tuple[str, ...]
    pooled: tuple[tuple[str, str], ...] = ()
    """Who may attend whose courses, each pair in both orders."""

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
    found, waiting, pooled = {kreis}, [kreis], set[tuple[str, str]]()
    while waiting:
        one = waiting.pop()
        for other in _neighbours(one, day, policies):
            pooled |= {(one, other), (other, one)}
            if other not in found:
                found.add(other)
                waiting.append(other)
    return Region(tuple(sorted(found)), tuple(sorted(pooled)))


def _neighbours(kreis: str, day: date, policies: PolicyOf) -> Iterable[str]:
    for agreement in policies.on(kreis, day).pooling:
        other = agreement.kreis
        if other == kreis or not policies.on(kreis, day).pools_with(other, day):
            continue
        try:
            agreed = policies.on(other, day).pools_with(kreis, day)
        except LookupError:
            continue  # the neighbour has decided nothing
        if agreed:
            yield other
