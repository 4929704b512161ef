"""Rounds a count into a band that holds at least k possible counts, whoever knows the group's size."""

from dataclasses import dataclass
from math import ceil, floor


@dataclass(frozen=True, slots=True)
class Band:
    """The counts from `low` to `high`; without `high`, everything from `low` on."""

    low: int
    high: int | None = None

    @property
    def told(self) -> bool:
        """Return whether the band says anything: from 0 on without an end is no statement."""
        return self != UNTOLD


UNTOLD = Band(0)
"""Nothing is said."""


def band(count: int, k: int, at_least: int | None = None) -> Band:
    """Return the band of a count of members of a group.

    Bands begin at multiples of k. Where the group is known to have `at_least` members (None: the count is
    not part of a known group), the last band begins at least k below that and has no end, so that it
    holds `everybody` and at least k counts below: neither a few nor all but a few can be told apart. A
    group that has no room for two bands gets none. The bands follow from `at_least` alone, which has to
    be known already; so choosing them says nothing.

    >>> band(3, 5), band(12, 5)
    (Band(low=0, high=4), Band(low=10, high=14))
    >>> band(4, 5, at_least=10), band(10, 5, at_least=10), band(4, 5, at_least=9)
    (Band(low=0, high=4), Band(low=5, high=None), Band(low=0, high=None))
    """
    low = count // k * k
    if at_least is None:
        return Band(low, low + k - 1)
    last = at_least // k * k - k
    if last < k:
        return UNTOLD
    return Band(low, low + k - 1) if low < last else Band(last)


def share(part: Band, whole: Band) -> tuple[int, int] | None:
    """Return the share in percent that two published bands allow, rounded outwards; None: they say nothing.

    >>> share(Band(10, 14), Band(40, 44)), share(Band(35), Band(40, 44))
    ((22, 35), (79, 100))
    """
    if not part.told or whole.high is None or whole.low == 0:
        return None
    low = floor(100 * part.low / whole.high)
    high = 100 if part.high is None else min(100, ceil(100 * part.high / whole.low))
    return low, high
