"""What became of a file, row by row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.envelope import Problem


@dataclass(frozen=True, slots=True)
class RowFinding:
    """Something about one row: its number in the file and its key, if that may be shown."""

    row: int
    key: str | None
    refused: bool
    problem: Problem


@dataclass(slots=True)
class Report:
    """The outcome of one import, or of a check that changed nothing."""

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
    """The rows that were not taken, as CSV with the reasons; shown to who asked, never kept."""
    interrupted: Problem | None = None
    """Why the import stopped before its end; the same file again goes on from there."""

    def count(self, type_: str) -> None:
        """Note one event."""
        self.events[type_] = self.events.get(type_, 0) + 1
