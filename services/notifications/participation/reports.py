"""Decides which of a course's reports a day shows, when reports are sent anew, corrected and retracted.

Reports count in the order of their publisher's topic, corrections and retractions not before what they
refer to. The last report of a day is the day, unless it was corrected or retracted: then the day is empty.
What a later report had replaced stays replaced. So the set of reports decides, in whatever order and batches
they are read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from schemas.days import local_day

_ONE_DAY = timedelta(days=1)
"""A publisher's clock may be past midnight while ours is not."""


def latest_day(now: datetime) -> date:
    """Return the latest day on which something that is told now may have happened."""
    return local_day(now) + _ONE_DAY


@dataclass(frozen=True, slots=True, order=True)
class Rank:
    """When a report counts: from an offset on; with a `depth`, right after what it had to wait for."""

    counts_from: int
    depth: int
    position: int


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was read."""

    cause: UUID  # the event it comes from
    day: date
    rank: Rank


@dataclass(frozen=True, slots=True)
class Told:
    """A report as it comes in, at an offset of its topic; `meant` is the one it corrects or retracts."""

    cause: UUID
    day: date
    position: int
    meant: UUID | None = None
    retracts: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """The report counts; `superseded`: a later one had replaced the report, or what it retracts."""

    superseded: bool = False


@dataclass(frozen=True, slots=True)
class NotYet:
    """What the report refers to was not read yet."""


@dataclass(slots=True)
class CourseReports:
    """The reports of one course: by their events, and the last one of each day.

    `added` are those read just now. `changed` are the days that show something else now: which report, None:
    nothing.
    """

    read: dict[UUID, Report] = field(default_factory=dict)
    last: dict[date, Report] = field(default_factory=dict)
    added: list[Report] = field(default_factory=list)
    changed: dict[date, UUID | None] = field(default_factory=dict)

    def take(self, told: Told) -> Taken | NotYet:
        """Take the next report of the topic, or one that waited for what it refers to."""
        if told.meant is None:
            return Taken(superseded=not self._add(told, Rank(told.position, 0, told.position)))
        meant = self.read.get(told.meant)
        if meant is None:
            return NotYet()
        rank = _rank_after(meant.rank, told.position)
        last = self.last.get(meant.day)
        if last is not None and last.cause == told.meant:
            self.changed[meant.day] = None
        if not told.retracts:
            self._add(told, rank)
            return Taken()
        return Taken(superseded=last is not None and last.cause != told.meant and last.rank < rank)

    def refuse(self, told: Told) -> None:
        """Note a report that shows nothing, so that a correction of it is read."""
        self._note(Report(told.cause, told.day, Rank(told.position, 0, told.position)))

    def _add(self, told: Told, rank: Rank) -> bool:
        report = Report(told.cause, told.day, rank)
        self._note(report)
        last = self.last.get(report.day)
        if last is not None and last.rank > rank:
            return False
        self.last[report.day] = report
        self.changed[report.day] = report.cause
        return True

    def _note(self, report: Report) -> None:
        self.read[report.cause] = report
        self.added.append(report)


def _rank_after(meant: Rank, position: int) -> Rank:
    if position > meant.counts_from:
        return Rank(position, 0, position)
    return Rank(meant.counts_from, meant.depth + 1, position)


def reports_of(read: Iterable[Report], last: Mapping[date, Report]) -> CourseReports:
    """Return a course's reports as they are on record."""
    return CourseReports({report.cause: report for report in read}, dict(last))
