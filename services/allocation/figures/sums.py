"""Adds up published bands over quarters and kinds of courses: what is shown of them follows from them alone.

Nothing is counted here. A year, all courses together, or a share says no more than the published bands that
it is made of, so that no choice of quarters and courses can be subtracted from another (docs/decisions/0036).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor

from services.runtime.disclosure.bands import Band
from services.runtime.disclosure.figures import EXACT, RANKS, Figure, Part, Publication
from services.runtime.disclosure.quarters import Quarter
from services.texts.figures import ARRIVALS, COHORTS, NEEDS, READABLE, TOWN, Courses


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked for: quarters (empty: none), and one kind of courses or all."""

    quarters: tuple[Quarter, ...]
    courses: Courses | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """A sum of bands: from `low` to `high` (None: unknown); `cells` were added, `gaps` of them untold."""

    low: int
    high: int | None
    cells: int
    gaps: int = 0

    @property
    def told(self) -> bool:
        """Return whether anything was told of it."""
        return self.cells > self.gaps


NOTHING = Total(0, 0, 0)


def added(totals: Iterable[Total]) -> Total:
    """Add totals of different people.

    >>> added([Total(5, 9, 1), Total(0, 4, 1), Total(0, 30, 1, 1)])
    Total(low=5, high=43, cells=3, gaps=1)
    """
    low = cells = gaps = 0
    high: int | None = 0
    for one in totals:
        low, cells, gaps = low + one.low, cells + one.cells, gaps + one.gaps
        high = None if high is None or one.high is None else high + one.high
    return Total(low, high, cells, gaps)


def share(part: Total, whole: Total) -> tuple[int, int] | None:
    """Return the share in percent that two totals allow, rounded outwards; None: they say nothing.

    >>> share(Total(10, 14, 1), Total(40, 44, 1)), share(Total(0, 4, 1), Total(0, 4, 1))
    ((22, 35), None)
    """
    if not part.told or whole.high is None or whole.low == 0:
        return None
    high = 100 if part.high is None else min(100, ceil(100 * part.high / whole.low))
    low = min(high, floor(100 * part.low / whole.high))
    return None if (low, high) == (0, 100) else (low, high)


def totals_of(figure: Figure, bands: Mapping[str, Band]) -> dict[str, Total]:
    """Return each part of a publication as a total, with the end that its group gives it.

    Where there were no courses or seats, which is told exactly, there was nobody.
    """
    found: dict[str, Total] = {}
    empty = any(bands.get(part.name) == Band(0, 0) for part in figure.parts if part.counts in EXACT)
    for part in figure.parts:
        if empty and part.name in bands and part.counts not in RANKS | EXACT:
            found[part.name] = Total(0, 0, 1)
            continue
        if part.name in bands and part.counts not in RANKS:
            band = bands[part.name]
            high = _end(part, band, found)
            found[part.name] = Total(band.low, high, 1, 0 if band.told else 1)
    return found


def _end(part: Part, band: Band, above: Mapping[str, Total]) -> int | None:
    if part.of is None or part.of not in above:
        return band.high
    group = above[part.of].high
    if group is None:
        return band.high
    rest = max(band.low, group - sum(above[name].low for name in part.apart_from if name in above))
    if part.within in above and (most := above[part.within].high) is not None:
        rest = max(band.low, min(rest, most))
    return rest if band.high is None else min(band.high, rest)


@dataclass(frozen=True, slots=True)
class Published:
    """Everything that was published of one Kreis."""

    publications: Sequence[Publication]

    @property
    def quarters(self) -> list[Quarter]:
        """Return the quarters of which something was published, the latest first."""
        return sorted({one.quarter for one in self.publications}, reverse=True)

    def of(self, question: str, scope: Scope) -> Iterator[tuple[Figure, Publication]]:
        """Go through the publications that answer a question."""
        for one in self.publications:
            figure = READABLE.get(one.figure)
            if figure is None or figure.question != question or one.quarter not in scope.quarters:
                continue
            if scope.courses is None or figure.of == scope.courses or question in NOT_BY_COURSES:
                yield figure, one

    def totals(self, question: str, scope: Scope) -> dict[str, Total]:
        """Add up the parts of a question."""
        found: dict[str, list[Total]] = {}
        for figure, one in self.of(question, scope):
            for name, total in totals_of(_with_towns(figure, one.bands), one.bands).items():
                found.setdefault(name, []).append(total)
        return {name: added(totals) for name, totals in found.items()}

    def ranks(self, question: str, part: str, scope: Scope) -> tuple[int, int] | None:
        """Return the least and the greatest of the medians that were told; None: none was."""
        told = [
            one.bands[part].low
            for _, one in self.of(question, scope)
            if part in one.bands and one.bands[part].told
        ]
        return (min(told), max(told)) if told else None

    def counted_on(self, scope: Scope) -> list[str]:
        """Return the days on which what is asked for was counted."""
        return sorted(
            {one.counted_on.isoformat() for one in self.publications if one.quarter in scope.quarters}
        )


NOT_BY_COURSES = frozenset({ARRIVALS.name, "counselling", "course_signals", "needs"})
"""Questions of all kinds of courses together: people who are in no course yet, needs, reports."""


def _with_towns(figure: Figure, bands: Mapping[str, Band]) -> Figure:
    """Return the figure with the towns that were told of, in their order at that time."""
    if figure is NEEDS:
        return figure  # towns of needs are shown beside `Which course next`, not added up
    towns = [name for name in bands if name.startswith(TOWN)]
    parts = [Part(name, of="registered", apart_from=tuple(towns[:at])) for at, name in enumerate(towns)]
    return replace(figure, parts=(*figure.parts, *parts)) if parts else figure


@dataclass(frozen=True, slots=True)
class Cohort:
    """The people of one quarter of registration, as far as they have come by what is published."""

    quarter: Quarter
    registered: Total
    placed: Total
    """With a place or in a course, eight weeks after the quarter."""
    started: Total
    completed: Total
    qualified: Total
    """Their share of those who qualified among all who stayed in courses of the same quarter and kind."""
    open: Total
    """No course completed yet: waiting, in a course, or left."""
    followed: int
    """Quarters of course ends since then of which something is published."""


def cohorts(published: Published, quarters: Sequence[Quarter], courses: Courses | None) -> list[Cohort]:
    """Follow the people of each quarter of registration, the latest first."""
    return [one for quarter in quarters if (one := _cohort(published, quarter, courses)) is not None]


def _cohort(published: Published, quarter: Quarter, courses: Courses | None) -> Cohort | None:
    at = published.totals(ARRIVALS.name, Scope((quarter,)))
    if "registered" not in at:
        return None
    completed, qualified, followed = [], [], set()
    for later in published.quarters:
        back = (later.first.year - quarter.first.year) * 4 + (later.first.month - quarter.first.month) // 3
        if 0 <= back < COHORTS:
            for figure, one in published.of("completions", Scope((later,), courses)):
                totals = totals_of(figure, one.bands)
                if (own := totals.get(f"cohort_{back}")) is not None:
                    followed.add(later)
                    completed.append(own)
                    qualified.append(_qualified(own, totals))
    registered, done, passed = at["registered"], added(completed), added(qualified)
    high = None if done.high is None or registered.high is None else min(done.high, registered.high)
    done = Total(done.low, high, done.cells, done.gaps)
    most = high if passed.high is None or (high is not None and high < passed.high) else passed.high
    return Cohort(
        quarter,
        registered,
        added(at[name] for name in ("started", "placed") if name in at),
        at.get("started", NOTHING),
        done,
        Total(passed.low, most, passed.cells, passed.gaps),
        Total(
            max(0, registered.low - (registered.low if high is None else high)),
            None if registered.high is None else max(0, registered.high - done.low),
            1,
        ),
        len(followed),
    )


def _qualified(own: Total, of_course: Mapping[str, Total]) -> Total:
    """Take for a cohort the share of its courses: who of them passed is nowhere known on this side."""
    finished, passed = of_course["finished"], of_course["qualified"]
    if not own.told or not passed.told or finished.low == 0 or finished.high is None:
        return Total(0, own.high, 1, 1)
    least = floor(own.low * min(1.0, passed.low / finished.high))
    most = None
    if own.high is not None and passed.high is not None:
        most = max(least, ceil(own.high * min(1.0, passed.high / finished.low)))
    return Total(least, own.high if most is None else most, 1)


def quarters_of_year(year: int, quarters: Iterable[Quarter]) -> tuple[Quarter, ...]:
    """Return the quarters of a year among those that were published."""
    return tuple(one for one in quarters if one.first.year == year)
