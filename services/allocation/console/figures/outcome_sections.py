"""Writes what was published as sections of rows: the page, the report and the workbook show these.

A cell is written once, here; who shows it adds nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.allocation.figures.outside import GROUPS, OutsideCount
from services.allocation.figures.sums import NOTHING, Cohort, Published, Scope, Total, cohorts, share
from services.runtime.disclosure.bands import UNTOLD, Band
from services.runtime.disclosure.figures import RANKS, Counts, Part
from services.runtime.disclosure.quarters import Quarter
from services.runtime.web.languages import Texts, msgid
from services.texts.figures import (
    ARRIVALS,
    COHORTS,
    COURSE_SIGNALS,
    READABLE,
    TITLES,
    TOWN,
    band_text,
    part_words,
)

COURSES_TO_LOOK_AFTER = msgid(
    "Where reports stop, nobody can help before people drop out; where attendance collapses, something in the"
    " course itself is wrong. Providers see on their own pages which courses these are, on the day it shows."
    " Please ask all providers to look there, and what they need. Courses of fewer people are left out."
)
"""What the counts of courses mean and what to do about them; no course is named."""
COHORT_PARTS = tuple(f"{name}_{at}" for name in ("began", "cohort") for at in range(COHORTS))


@dataclass(frozen=True, slots=True)
class Row:
    """One cell with its words; `low` and `high` are the ends of its bar, None: nothing was told.

    `value` is the first number in `text`, by which tests and programs compare.
    """

    name: str
    label: str
    text: str
    value: int | None
    low: int | None = None
    high: int | None = None
    share: str = ""
    open: bool = False
    """The bar has no end: at least `low`."""
    gaps: int = 0
    """Cells of the sum that are not told."""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under a heading; empty: the section's own."""

    title: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Section:
    """A chart with the table behind it."""

    name: str
    title: str
    definitions: Sequence[str]
    groups: Sequence[Group]
    said: str
    """What the chart shows, for who does not see it."""
    notes: Sequence[str] = ()
    third: str = ""
    """Head of the column after the counts."""

    @property
    def most(self) -> int:
        """The greatest number that a bar reaches, at least 1."""
        ends = [end for group in self.groups for row in group.rows for end in (row.low, row.high) if end]
        return max(ends, default=1)

    @property
    def gaps(self) -> bool:
        """Return whether something in it is not told, or sums miss parts."""
        return any(row.gaps or row.value is None for group in self.groups for row in group.rows)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes sections in one language; `place` names a town by its key."""

    texts: Texts
    place: Callable[[str], str]

    def sections(
        self, published: Published, scope: Scope, outside: Mapping[str, OutsideCount]
    ) -> Sequence[Section]:
        """Write all sections of a scope, those without publications left out."""
        found = [
            self._cohorts(published, scope),
            self._question("starts", published, scope),
            self._deadlines(published, scope),
            self._question("completions", published, scope, without=COHORT_PARTS),
            self._question("fill", published, scope),
            self._question("proposals", published, scope),
            self._question("reservations", published, scope),
            self._reach(published, scope, outside),
            self._question("counselling", published, scope),
            self._question(COURSE_SIGNALS.name, published, scope, notes=[COURSES_TO_LOOK_AFTER]),
            self._question("needs", published, scope),
        ]
        return [one for one in found if one is not None]

    def span(self, quarters: Sequence[Quarter]) -> str:
        """Write the days from the first quarter to the last."""
        first, last = min(quarters).first, max(quarters).last
        return self.texts.gettext(
            msgid("%(first)s to %(last)s"), first=self.texts.date(first), last=self.texts.date(last)
        )

    def _row(self, name: str, label: str, total: Total, of: Total | None = None) -> Row:
        text = self.total(total)
        percent = None if of is None else share(total, of)
        said = "" if percent is None else self._percent(*percent)
        if not total.told:
            return Row(name, label, text, None, gaps=total.gaps)
        high = total.low if total.high is None else total.high
        return Row(
            name, label, text, first_number(total), total.low, high, said, total.high is None, total.gaps
        )

    def total(self, total: Total) -> str:
        """Write a sum in words."""
        if total.cells == 0:
            return self.texts.plain(msgid("not published"))
        told = Band(total.low, total.high) if total.told else UNTOLD
        if told == UNTOLD and total.told:
            return self.texts.gettext(msgid("%(low)s or more"), low=self.texts.number(0))
        return band_text(self.texts, told, Counts.PEOPLE)

    def _percent(self, low: int, high: int) -> str:
        if low == high:
            return self.texts.gettext(msgid("%(low)s per cent"), low=low)
        return self.texts.gettext(msgid("%(low)s to %(high)s per cent"), low=low, high=high)

    def _rank(self, part: Part, label: str, ends: tuple[int, int] | None) -> Row:
        if ends is None:
            return Row(part.name, label, band_text(self.texts, UNTOLD, part.counts), None, gaps=1)
        low, high = ends
        last = band_text(self.texts, Band(high, high), part.counts)
        if low == high:
            return Row(part.name, label, last, low)
        text = self.texts.gettext(
            msgid("%(low)s to %(high)s, by quarter and kind of course"), low=self.texts.number(low), high=last
        )
        return Row(part.name, label, text, low)

    def _question(
        self,
        question: str,
        published: Published,
        scope: Scope,
        *,
        without: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> Section | None:
        found = list(published.of(question, scope))
        if not found:
            return None
        figure = found[0][0]
        totals = published.totals(question, scope)
        rows = []
        for part in figure.parts:
            label = part_words(self.texts, part.name, self.place)
            if part.name in without:
                continue
            if part.counts in RANKS:
                rows.append(self._rank(part, label, published.ranks(question, part.name, scope)))
            elif part.name in totals:
                rows.append(self._row(part.name, label, totals[part.name], totals.get(part.of or "")))
        title = self.texts.plain(TITLES[question])
        return Section(
            question,
            title,
            [self.texts.plain(figure.definition)],
            [Group("", rows)],
            self._said(title),
            notes=[self.texts.plain(note) for note in notes],
            third=self.texts.plain(msgid("Share")),
        )

    def _said(self, title: str) -> str:
        return self.texts.gettext(
            msgid("Bar chart: %(title)s. The table below says the same in numbers."), title=title
        )

    def _deadlines(self, published: Published, scope: Scope) -> Section | None:
        starts, kept = published.totals("starts", scope), published.totals("reservations", scope)
        if not starts and not kept:
            return None
        rows = []
        if starts:
            label = self.texts.plain(
                msgid("Begun within six weeks without a seat, of the places that began in the quarter")
            )
            rows.append(self._row("within_6_weeks", label, starts["within_6_weeks"], starts["begun"]))
        if kept:
            for name, text in (
                ("answered", msgid("Answered in time, of the reserved places")),
                ("expired", msgid("Expired without an answer, of the reserved places")),
            ):
                rows.append(self._row(name, self.texts.plain(text), kept[name], kept["reserved"]))
        title = self.texts.plain(msgid("Deadlines kept"))
        definition = msgid(
            "The six weeks are those of IntV § 7(4), measured from our list; the law's clock begins with the"
            " registration at the provider. A reservation is kept when the person answered before it expired."
        )
        return Section(
            "deadlines",
            title,
            [self.texts.plain(definition)],
            [Group("", rows)],
            self._said(title),
            third=self.texts.plain(msgid("Share")),
        )

    def _cohorts(self, published: Published, scope: Scope) -> Section | None:
        found = cohorts(published, sorted(scope.quarters, reverse=True), scope.courses)
        if not found:
            return None
        title = self.texts.plain(msgid("From the registration to the qualified completion"))
        definitions = (
            ARRIVALS.definition,
            msgid("Who has a place or is in a course is counted eight weeks after the quarter, once."),
            msgid(
                "Completed: whose first course from Kurslotse ended in a later quarter that is published;"
                " followed for two years."
            ),
            msgid(
                "Qualified (B1 and Leben in Deutschland) is calculated: Kurslotse does not know who passed."
                " Of those who completed, the share is taken that all who stayed had in courses of the same"
                " kind and quarter."
            ),
            msgid(
                "Not completed yet is no failure: these people wait, are in a course, have moved on or left."
            ),
        )
        return Section(
            "cohorts",
            title,
            [self.texts.plain(one) for one in definitions],
            [Group(self.span([one.quarter]), list(self._cohort(one))) for one in found],
            self._said(title),
            third=self.texts.plain(msgid("Share of the registered")),
        )

    def _cohort(self, one: Cohort) -> Iterator[Row]:
        at = f"{one.quarter.first:%Y-%m}"
        for name, text, total in (
            ("registered", msgid("First registered"), one.registered),
            ("cohort_placed", msgid("With a place or in a course at the count"), one.placed),
            ("cohort_started", msgid("In a course at the count"), one.started),
            ("cohort_completed", msgid("Completed a course so far"), one.completed),
            ("cohort_qualified", msgid("of these, qualified (calculated)"), one.qualified),
            ("cohort_open", msgid("Not completed yet"), one.open),
        ):
            of = None if name == "registered" else one.registered
            yield self._row(f"{name}@{at}", self.texts.plain(text), total, of)

    def _reach(
        self, published: Published, scope: Scope, outside: Mapping[str, OutsideCount]
    ) -> Section | None:
        totals = published.totals(ARRIVALS.name, scope)
        if not totals:
            return None
        towns = sorted((name for name in totals if name.startswith(TOWN)), key=self._town)
        title = self.texts.plain(msgid("Reach"))
        groups = [
            Group(
                self.texts.plain(heading),
                [self._reached(name, totals.get(name, NOTHING), outside.get(name)) for name in names],
            )
            for heading, names in (
                (msgid("By group"), [name for name in GROUPS if name in totals]),
                (msgid("By town"), towns),
            )
            if names
        ]
        definitions = (
            msgid(
                "People who were first registered in the period, and their share of those whom an outside"
                " source counts in the same group or town."
            ),
            msgid("Without an imported source the share is unknown. Nothing is estimated."),
        )
        return Section(
            "reach",
            title,
            [self.texts.plain(one) for one in definitions],
            groups,
            self._said(title),
            notes=[
                self.texts.gettext(
                    msgid("Source: %(source)s, as of %(day)s."), source=source, day=self.texts.date(day)
                )
                for source, day in sorted({(one.source, one.day) for one in outside.values()})
            ],
            third=self.texts.plain(msgid("Share of the outside source")),
        )

    def _town(self, name: str) -> str:
        return self.place(name.removeprefix(TOWN)).casefold()

    def _reached(self, name: str, total: Total, whole: OutsideCount | None) -> Row:
        town = name.removeprefix(TOWN) if name.startswith(TOWN) else ""
        label = self.place(town) if town else part_words(self.texts, name, self.place)
        row = self._row(name, label, total)
        return Row(
            row.name,
            row.label,
            row.text,
            row.value,
            row.low,
            row.high,
            self.reached(total, whole),
            row.open,
            row.gaps,
        )

    def reached(self, total: Total, whole: OutsideCount | None) -> str:
        """Write the share of an outside count: never more than all of it without saying so."""
        texts = self.texts
        if whole is None:
            return texts.plain(msgid("unknown"))
        people = texts.number(whole.people)
        if not total.told:
            return texts.gettext(msgid("not shown, of %(people)s"), people=people)
        if whole.people == 0:
            return texts.plain(msgid("no share: the source counts nobody"))
        if total.low > whole.people:
            return texts.gettext(
                msgid("no share: more were registered than the %(people)s whom the source counts"),
                people=people,
            )
        low = 100 * total.low // whole.people
        if total.high is None or total.high > whole.people:
            return texts.gettext(
                msgid("%(low)s per cent or more of %(people)s; the source may count too few"),
                low=low,
                people=people,
            )
        high = -(-100 * total.high // whole.people)
        return texts.gettext(
            msgid("%(share)s of %(people)s"), share=self._percent(low, max(low, high)), people=people
        )

    def quality(self, published: Published, scope: Scope, outside: Mapping[str, OutsideCount]) -> list[str]:
        """Write what a reader has to know about the numbers."""
        texts, found = self.texts, [one for one in published.publications if one.quarter in scope.quarters]
        notes = []
        for quarter in sorted(scope.quarters):
            days = sorted({one.counted_on for one in found if one.quarter == quarter})
            notes.append(
                texts.gettext(
                    msgid("%(quarter)s was counted on %(days)s and is not changed afterwards."),
                    quarter=self.span([quarter]),
                    days=", ".join(map(texts.date, days)),
                )
            )
        widths = sorted({one.k for one in found})
        notes.append(
            texts.gettext(
                msgid(
                    "Counts of people are given in bands of %(width)s. Sums of several quarters and kinds of"
                    " courses are sums of these bands; nothing is counted anew for them."
                ),
                width=", ".join(map(str, widths)),
            )
        )
        if any(READABLE.get(one.figure) and one.figure in {"completions", "fill"} for one in found):
            notes.append(
                texts.plain(msgid("Some quarters were published before kinds of courses were kept apart."))
            )
        if not outside:
            notes.append(texts.plain(msgid("No outside source is imported: all reach is unknown.")))
        notes.append(texts.plain(msgid("Totals of completed courses are what providers reported.")))
        return notes


def first_number(total: Total) -> int:
    """Return the first number in the words of a sum."""
    if total.low == 0 and total.high is not None and total.high > 0:
        return total.high + 1
    return total.low


def last_day(quarters: Sequence[Quarter]) -> date:
    """Return the last day of the latest quarter."""
    return max(quarters).last
