"""Records what was accepted, refused and mailed, in files of JSON lines that are only appended to."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event that was answered with 2xx."""

    door: str
    publisher: str
    id: str
    type: str
    day: str
    at: str


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that was refused, and why; `wrong`: it was sent to be refused."""

    door: str
    publisher: str
    id: str
    type: str
    day: str
    code: str
    field: str | None
    wrong: bool


def wall_clock() -> str:
    """Return the time of the wall clock, for the record only."""
    return datetime.now(UTC).isoformat()


class Lines:
    """A file of JSON lines that is only added to; each line is complete or, after a crash, ignored."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("ab")
        if self._file.tell() and not _ends_whole(path):
            self._file.write(b"\n")

    def add(self, *rows: Accepted | Refused | dict[str, Any]) -> None:
        """Append rows and hand them to the operating system."""
        for row in rows:
            self._file.write(orjson.dumps(row if isinstance(row, dict) else asdict(row)) + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read() == b"\n"


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read rows back; a line cut off by a crash is passed over."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
