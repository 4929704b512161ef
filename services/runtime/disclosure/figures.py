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
    """A median or another rank over people, in whole weeks, for groups of which `least` k are published."""
    DAYS = "days"
    """The same in whole days."""


EXACT = frozenset({Counts.COURSES, Counts.SEATS})
RANKS = frozenset({Counts.WEEKS, Counts.DAYS})


@dataclass(frozen=True, slots=True)
class Part:
    """One question of a figure: how many of the group `of` (None: of nobody in particular) are of this kind.

    Nobody belongs to the part and to one of `apart_from` too. Parts of the same group must not add up to
    it, nor imply each other: who implies another is a part of it. A rank has k people on both sides: a median
    needs `least` 2 k of them, the rank below which nine in ten are 10 k. Who belongs to a part that is
    `within` another one belongs to that as well, besides its group.
    """

    name: str
    of: str | None = None
    apart_from: tuple[str, ...] = ()
    counts: Counts = Counts.PEOPLE
    least: int = 2
    within: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A published figure: its name, one sentence that defines it, and its parts, groups before their parts.

    A person is counted in one quarter of a figure, and no property is asked for in two figures: what is
    published of different quarters and figures concerns different people or different properties. Figures
    that differ in `of` alone ask the same of different people. A quarter of which a figure `instead_of` this
    one was published is not told again.
    """

    name: str
    definition: str
    parts: tuple[Part, ...]
    of: str = ""
    instead_of: str = ""

    def __post_init__(self) -> None:
        """Refuse parts that refer to what does not stand before them.

        Raises:
            ValueError: a part is named twice, or its group or a part apart from it is not above.
        """
        above: dict[str, Part] = {}
        for part in self.parts:
            others = [above.get(name) for name in part.apart_from]
            groups = {name for name in (part.of, part.within) if name}
            if part.name in above or not groups <= set(above):
                raise ValueError(f"{self.name}.{part.name}: named twice, or its group is not above")
            if any(other is None or other.of != part.of for other in others):
                raise ValueError(f"{self.name}.{part.name}: is apart from what is no part of its group")
            above[part.name] = part

    @property
    def question(self) -> str:
        """The name without what it is of."""
        return self.name.removesuffix(f"_{self.of}") if self.of else self.name


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
    parts = {part.name: part for part in figure.parts}
    for part in figure.parts:
        if part.counts in RANKS:
            bands[part.name] = _rank(counted[part.name], bands[part.of or ""], part.least * k)
            continue
        exact[part.name] = count = _coherent(part, counted[part.name], exact)
        room = _room(part, bands, parts)
        if room is not None and part.within:
            room = min(room, bands[part.within].low)
        bands[part.name] = Band(count, count) if part.counts in EXACT else band(count, k, room)
    return Publication(kreis, figure.name, quarter, today, k, bands)


def _coherent(part: Part, counted: Value, exact: Mapping[str, int]) -> int:
    """Return a count that fits into its group, for what publishers say of totals need not add up."""
    if counted is None or counted < 0:
        raise ValueError(f"{part.name}: a count is missing or negative")
    if part.of is None:
        return int(counted)
    most = exact[part.of] - sum(exact[name] for name in part.apart_from)
    return min(int(counted), most, exact.get(part.within, most))


def _end(name: str, bands: Mapping[str, Band], parts: Mapping[str, Part]) -> int | None:
    """Return how many belong to a part at most, by what is published."""
    end, within = bands[name].high, parts[name].within
    if end is None and within:
        return _end(within, bands, parts)
    return end


def _room(part: Part, bands: Mapping[str, Band], parts: Mapping[str, Part]) -> int | None:
    """Return how many members of the group are, by what is published, at least left for this part."""
    if part.of is None:
        return None
    taken = [_end(name, bands, parts) for name in part.apart_from]
    if None in taken:
        return 0
    return max(0, bands[part.of].low - sum(high for high in taken if high is not None))


def _rank(value: Value, group: Band, least: int) -> Band:
    if value is None or group.low < least:
        return UNTOLD
    return Band(round(value), round(value))
