"""Publishes a named figure for a closed quarter: every count as a band, chosen from published bands alone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.runtime.disclosure.bands import UNTOLD, Band, band
from services.runtime.disclosure.quarters import Quarter

SMALLEST_K = 3
"""Statistics suppress cells below 3 at least (domain.md, 'Numbers and places')."""
Value = int | float | None


class Counts(StrEnum):
    """The things that a part of a figure counts."""

    PEOPLE = "people"
    REPORTS = "reports"
    """Reports of one person's need each, without the person."""
    COURSES = "courses"
    """No persons: told as they are."""
    SEATS = "seats"
    """Capacity, no persons: told as it is."""
    WEEKS = "weeks"
    """A median over people: told in whole weeks, for groups of which 2 k are published."""


EXACT = frozenset({Counts.COURSES, Counts.SEATS})


@dataclass(frozen=True, slots=True)
class Part:
    """One question of a figure: how many of the group `of` (None: of nobody in particular) are of this kind.

    Nobody belongs to the part and to one of `apart_from` too. Parts of the same group must not add up to
    it, nor imply each other: who implies another is a part of it.
    """

    name: str
    of: str | None = None
    apart_from: tuple[str, ...] = ()
    counts: Counts = Counts.PEOPLE


@dataclass(frozen=True, slots=True)
class Figure:
    """A published figure: its name, one sentence that defines it, and its parts, groups before their parts.

    A person is counted in one quarter of a figure, and no property is asked for in two figures: what is
    published of different quarters and figures concerns different people or different properties.
    """

    name: str
    definition: str
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        """Refuse parts that refer to what does not stand before them.

        Raises:
            ValueError: a part is named twice, or its group or a part apart from it is not above.
        """
        above: dict[str, Part] = {}
        for part in self.parts:
            others = [above.get(name) for name in part.apart_from]
            if part.name in above or (part.of is not None and part.of not in above):
                raise ValueError(f"{self.name}.{part.name}: named twice, or its group is not above")
            if any(other is None or other.of != part.of for other in others):
                raise ValueError(f"{self.name}.{part.name}: is apart from what is no part of its group")
            above[part.name] = part


@dataclass(frozen=True, slots=True)
class Publication:
    """A figure of a Kreis and a quarter as it was published; it never changes."""

    kreis: str
    figure: str
    quarter: Quarter
    counted_on: date
    k: int
    bands: Mapping[str, Band]


class NotClosedError(ValueError):
    """The quarter is not closed, or has been published already."""


def publish(
    figure: Figure,
    kreis: str,
    quarter: Quarter,
    counted: Mapping[str, Value],
    *,
    k: int,
    today: date,
    before: Collection[Quarter] = (),
) -> Publication:
    """Publish a figure of a quarter that is closed and of which nothing was published before.

    Raises:
        NotClosedError: it is not closed, or in `before`.
        ValueError: k is too small, or a count is missing or negative.
    """
    if today < quarter.closes_on or quarter in before:
        raise NotClosedError(f"{figure.name} {quarter.first}: not closed, or published before")
    if k < SMALLEST_K:
        raise ValueError(f"k is at least {SMALLEST_K}")
    bands: dict[str, Band] = {}
    exact: dict[str, int] = {}
    for part in figure.parts:
        if part.counts is Counts.WEEKS:
            bands[part.name] = _median(counted[part.name], bands[part.of or ""], k)
            continue
        exact[part.name] = count = _coherent(part, counted[part.name], exact)
        room = _room(part, bands)
        bands[part.name] = Band(count, count) if part.counts in EXACT else band(count, k, room)
    return Publication(kreis, figure.name, quarter, today, k, bands)


def _coherent(part: Part, counted: Value, exact: Mapping[str, int]) -> int:
    """Return a count that fits into its group, for what publishers say of totals need not add up."""
    if counted is None or counted < 0:
        raise ValueError(f"{part.name}: a count is missing or negative")
    if part.of is None:
        return int(counted)
    return min(int(counted), exact[part.of] - sum(exact[name] for name in part.apart_from))


def _room(part: Part, bands: Mapping[str, Band]) -> int | None:
    """Return how many members of the group are, by what is published, at least left for this part."""
    if part.of is None:
        return None
    taken = [bands[name].high for name in part.apart_from]
    if None in taken:
        return 0
    return max(0, bands[part.of].low - sum(high for high in taken if high is not None))


def _median(weeks: Value, group: Band, k: int) -> Band:
    if weeks is None or group.low < 2 * k:
        return UNTOLD
    return Band(round(weeks), round(weeks))
