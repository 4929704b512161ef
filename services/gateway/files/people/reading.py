"""Reads an office's list of people: from the bytes of a file to people, and rows that cannot be used."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from schemas.envelope import Problem
from services.gateway.files.people.mapping import ParticipantMapping
from services.gateway.files.people.rows import BadRow, Lookups, Person, read_person
from services.gateway.files.people.tables import Row, Table, read_table
from services.gateway.files.text import word
from services.gateway.people.numbers import number_key

_TELLING = frozenset({"reference", "official_number"})


@dataclass(frozen=True, slots=True)
class PeopleAsked:
    """How a list is to be read."""

    mapping: ParticipantMapping
    kreise: tuple[str, ...]
    today: date


@dataclass(frozen=True, slots=True)
class PeopleRead:
    """A list that was read."""

    header: tuple[str, ...]
    rows: int
    problems: tuple[Problem, ...]
    skipped: tuple[int, ...]
    people: tuple[Person, ...] = ()
    bad: tuple[BadRow, ...] = ()


def read_people(raw: bytes, asked: PeopleAsked) -> PeopleRead | Problem:
    """Read a list, or say why it is none; without a column that tells who is who, no row is read."""
    named = asked.mapping.named()
    table = read_table(raw, named, asked.mapping.sheet)
    if isinstance(table, Problem):
        return table
    problems = (*table.problems, *_missing_columns(named, table))
    read = PeopleRead(table.header, len(table.rows), problems, table.skipped)
    if any(problem.code == "column_missing" and problem.field in _TELLING for problem in problems):
        return read
    people, bad = _read_rows(table, asked)
    return replace(read, people=people, bad=bad)


def _missing_columns(named: Mapping[str, str], table: Table) -> list[Problem]:
    return [
        Problem("column_missing", name) for name, column in named.items() if word(column) not in table.columns
    ]


def _read_rows(table: Table, asked: PeopleAsked) -> tuple[tuple[Person, ...], tuple[BadRow, ...]]:
    lookups = Lookups(asked.mapping)
    people: dict[str, Person] = {}
    bad: list[BadRow] = []
    for row in table.rows:
        read = read_person(lookups, row, kreise=asked.kreise, today=asked.today, from_1904=table.from_1904)
        if isinstance(read, BadRow):
            bad.append(replace(read, row=_told(row)))
            continue
        key = read.reference if read.reference is not None else number_key(read.number or "")
        first = people.setdefault(key, replace(read, row=_told(row)))
        if first.row.number != row.number:
            code, name = ("row_twice", "reference") if read.reference else ("number_twice", "official_number")
            bad.append(BadRow(_told(row), (Problem(code, name, {"row": first.row.number}),)))
    return tuple(people.values()), tuple(bad)


def _told(row: Row) -> Row:
    """Leave out what only reading needs."""
    return Row(row.number, row.written)
