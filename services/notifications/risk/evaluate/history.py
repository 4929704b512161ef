"""Reads and writes a history of attendance as CSV files: who sat where, came, left, and when it was told.

A folder holds three files in UTF-8, each with a header; days are YYYY-MM-DD, ids any text that is no name:

* `enrolments.csv`: course, participant, provider, joined_on, ends_on; may have known_from, the first day of
  which marks are known (empty: from joined_on on)
* `marks.csv`: course, participant, day, mark (X, E, U, W, P), ue, ue_held, reported_on
* `exits.csv`: course, participant, kind (as in ParticipantLeft), left_on, told_on
"""

import csv
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from services.notifications.risk.attendance import KNOWN_MARKS, CourseDay
from services.runtime.base.cells import guarded, unguarded

Key = tuple[str, str]
"""Course and participant."""

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "enrolments.csv": ("course", "participant", "provider", "joined_on", "ends_on"),
    "marks.csv": ("course", "participant", "day", "mark", "ue", "ue_held", "reported_on"),
    "exits.csv": ("course", "participant", "kind", "left_on", "told_on"),
}
_OPTIONAL: Mapping[str, tuple[str, ...]] = {"enrolments.csv": ("known_from",)}
_MOST_UE = 24


class HistoryError(ValueError):
    """A history cannot be read; the message names file, line, column and what to do."""


@dataclass(frozen=True, slots=True)
class ReportedDay:
    """A course day of one person, and the day on which it was reported."""

    day: CourseDay
    reported_on: date


@dataclass(frozen=True, slots=True)
class Exit:
    """When somebody left a course, and when that was told: from then on no warning helps any more."""

    kind: str
    left_on: date
    told_on: date


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One person in one course, from the first day to the last, with everything reported of them in order."""

    course: str
    participant: str
    provider: str
    joined_on: date
    ends_on: date
    days: Sequence[ReportedDay] = ()
    exit: Exit | None = None
    known_from: date | None = None
    """The first day of which marks are known, if the person took part before, or may have."""

    @property
    def key(self) -> Key:
        """Course and participant."""
        return self.course, self.participant


@dataclass(slots=True)
class History:
    """All enrolments of a history."""

    enrolments: list[Enrolment] = field(default_factory=list)

    def reported(self, lag_days: int) -> "History":
        """Return the same history with every day reported so many days after it."""
        return History(
            [
                replace(
                    one,
                    days=[
                        replace(item, reported_on=date.fromordinal(item.day.day.toordinal() + lag_days))
                        for item in one.days
                    ],
                )
                for one in self.enrolments
            ]
        )


def write(folder: Path, history: History) -> None:
    """Write a history into a folder, which is made if missing; nobody else may read what is written."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    rows = {
        "enrolments.csv": (
            (one.course, one.participant, one.provider, one.joined_on, one.ends_on, one.known_from or "")
            for one in history.enrolments
        ),
        "marks.csv": (
            (*one.key, item.day.day, item.day.mark, item.day.ue, item.day.ue_held, item.reported_on)
            for one in history.enrolments
            for item in one.days
        ),
        "exits.csv": (
            (*one.key, one.exit.kind, one.exit.left_on, one.exit.told_on)
            for one in history.enrolments
            if one.exit is not None
        ),
    }
    for name, lines in rows.items():
        with open(folder / name, "w", encoding="utf-8", newline="", opener=_private) as file:
            writer = csv.writer(file)
            writer.writerow((*_COLUMNS[name], *_OPTIONAL.get(name, ())))
            writer.writerows(
                [guarded(one) if isinstance(one, str) else one for one in line] for line in lines
            )


def _private(path: str | os.PathLike[str], flags: int) -> int:
    return os.open(path, flags, 0o600)


def read(folder: Path) -> History:
    """Read a history from a folder.

    Raises:
        HistoryError: a file is missing or a line is wrong.
    """
    enrolments: dict[Key, Enrolment] = {}
    for line in _lines(folder, "enrolments.csv"):
        one = Enrolment(
            line["course"],
            line["participant"],
            line["provider"],
            line.day("joined_on"),
            line.day("ends_on"),
            known_from=line.day("known_from") if line.values.get("known_from") else None,
        )
        if one.key in enrolments:
            raise line.wrong("participant", "stands here twice for this course. Please keep one line.")
        enrolments[one.key] = one
    days: dict[Key, list[ReportedDay]] = defaultdict(list)
    for line in _lines(folder, "marks.csv"):
        if line["mark"] not in KNOWN_MARKS:
            raise line.wrong("mark", f"is none of {', '.join(sorted(KNOWN_MARKS))}.")
        day = CourseDay(line.day("day"), line["mark"], line.ue("ue"), line.ue("ue_held"))
        days[line.known(enrolments)].append(ReportedDay(day, line.day("reported_on")))
    exits = {
        line.known(enrolments): Exit(line["kind"], line.day("left_on"), line.day("told_on"))
        for line in _lines(folder, "exits.csv")
    }
    return History(
        [
            replace(one, days=sorted(days[key], key=_by_report), exit=exits.get(key))
            for key, one in enrolments.items()
        ]
    )


def _by_report(item: ReportedDay) -> tuple[date, date]:
    return item.reported_on, item.day.day


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a file, with what is needed to say where a fault lies."""

    file: str
    number: int
    values: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        value = unguarded(self.values[column]).strip()
        if not value:
            raise self.wrong(column, "is empty.")
        return value

    def wrong(self, column: str, what: str) -> HistoryError:
        return HistoryError(f"{self.file}, line {self.number}, column {column}: {what}")

    def day(self, column: str) -> date:
        try:
            return date.fromisoformat(self[column])
        except ValueError:
            raise self.wrong(column, "is no day written as YYYY-MM-DD.") from None

    def ue(self, column: str) -> float:
        try:
            value = float(self[column])
        except ValueError:
            value = -1.0
        if not 0 <= value <= _MOST_UE:
            raise self.wrong(column, f"is no number of UE from 0 to {_MOST_UE}.")
        return value

    def known(self, enrolments: Mapping[Key, Enrolment]) -> Key:
        key = (self["course"], self["participant"])
        if key not in enrolments:
            raise self.wrong("participant", "is not enrolled in this course (enrolments.csv).")
        return key


def _lines(folder: Path, name: str) -> Iterator[_Line]:
    path = folder / name
    try:
        file = path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise HistoryError(f"{path}: cannot be read ({error.strerror}).") from None
    with file:
        reader = csv.DictReader(file)
        try:
            missing = _missing(_COLUMNS[name], reader.fieldnames or ())
            if missing:
                raise HistoryError(f"{name}, line 1: the column {missing[0]} is missing.")
            for number, row in enumerate(reader, 2):
                if None in row or None in row.values():
                    raise HistoryError(f"{name}, line {number}: does not have as many columns as the header.")
                yield _Line(name, number, row)
        except (UnicodeDecodeError, csv.Error):
            raise HistoryError(f"{name}: is no CSV file in UTF-8.") from None


def _missing(wanted: Iterable[str], there: Sequence[str]) -> list[str]:
    return [column for column in wanted if column not in there]
