"""Tells business time: the machine's clock, or in the demo a file that the supervisor replaces."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import orjson


class Clock(Protocol):
    """A source of business time."""

    def now(self) -> datetime:
        """Return the business time, aware and in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)


class FileClock:
    """Reads the time from a file `{"now": ISO-8601 with offset}`, again whenever the file is replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._now = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """Return the time in the file.

        Raises:
            ValueError: the time has no offset.
        """
        stat = self._path.stat()
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._seen:
            now = datetime.fromisoformat(orjson.loads(self._path.read_bytes())["now"])
            if now.tzinfo is None:
                msg = "the clock file's time has no offset"
                raise ValueError(msg)
            self._now = now.astimezone(UTC)
            self._seen = stamp
        return self._now


def clock_of(path: Path | None) -> Clock:
    """Return the clock of a file, or the machine's."""
    return SystemClock() if path is None else FileClock(path)
