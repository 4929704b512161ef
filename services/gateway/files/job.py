"""Describes an import: what it works with, and a report of what became of each row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from schemas.days import local_day
from schemas.envelope import Problem
from services.gateway.files.reader import FileReader
from services.gateway.files.values import with_directory
from services.gateway.findings.advice import Adviser
from services.gateway.people.client import PeopleClient
from services.gateway.publishers.domain import Publisher
from services.places.lookup import Places
from services.places.store import towns
from services.runtime.base.identity_key import IdentityKey


@dataclass(frozen=True, slots=True)
class ImportJob:
    """What an import works with."""

    pool: asyncpg.Pool
    publisher: Publisher
    prefix: str
    now: datetime
    people: PeopleClient
    installation_key: str
    """Key of the HMACs of official numbers; only an import of people needs it."""
    reader: FileReader
    identity_key: IdentityKey
    adviser: Adviser
    language: str
    """Language of the reasons in the file of rows that were not taken."""

    async def towns(self, conn: asyncpg.Connection, own: Mapping[str, str]) -> dict[str, str]:
        """Return the keys of towns by how lists write them: the publisher's own, then the directory's."""
        places = Places(await towns(conn))
        return with_directory(own, places.written(self.publisher.kreise, local_day(self.now)))


@dataclass(frozen=True, slots=True)
class RowFinding:
    """A problem of one row: its number in the file, and its key if that may be shown."""

    row: int
    key: str | None
    refused: bool
    problem: Problem


@dataclass(slots=True)
class Report:
    """The outcome of an import, or of a check that changed nothing."""

    kind: str
    checked_only: bool
    rows: int = 0
    taken: int = 0
    unchanged: int = 0
    refused: int = 0
    events: dict[str, int] = field(default_factory=dict)
    file_problems: list[Problem] = field(default_factory=list)
    findings: list[RowFinding] = field(default_factory=list)
    preview: list[Mapping[str, Any]] = field(default_factory=list)
    rest: str | None = None
    """The rows that were not taken, as CSV with the reasons; returned to the caller, never stored."""
    interrupted: Problem | None = None
    """Why the import stopped early; importing the same file again continues from there."""

    def count(self, type_: str) -> None:
        """Count one event."""
        self.events[type_] = self.events.get(type_, 0) + 1

    def refuse(self, row: int, key: str | None, problems: Sequence[Problem]) -> None:
        """Count a row that is not taken, and note why."""
        self.refused += 1
        self.findings += [RowFinding(row, key, refused=True, problem=problem) for problem in problems]

    def warn(self, row: int, key: str | None, problems: Sequence[Problem]) -> None:
        """Note problems of a row that is taken."""
        self.findings += [RowFinding(row, key, refused=False, problem=problem) for problem in problems]
