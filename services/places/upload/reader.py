"""Lets a directory be read by a process of its own, one at a time, killed when the file costs too much."""

import asyncio
from dataclasses import dataclass, field
from datetime import date

from services.places.domain import PlacesError
from services.places.loading import File
from services.places.upload.reading import TOO_COSTLY, asked, read_answer
from services.runtime.base.subprocesses import ModuleProcess, ProcessDiedError

_CHILD = "services.places.upload.reading"


class UnreadableError(ValueError):
    """The file cannot be taken; `error` holds the sentence and the mistakes, `more` how many are not told."""

    def __init__(self, error: PlacesError, more: int = 0) -> None:
        super().__init__(str(error))
        self.error, self.more = error, more


@dataclass(frozen=True, slots=True)
class DirectoryReader:
    """Reads directories; the largest that is published needs about a second and 150 MB."""

    cpu_seconds: int = 30
    wall_seconds: float = 60.0
    memory_bytes: int = 1024 * 1024 * 1024
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def read(self, name: str, raw: bytes, *, today: date, as_of: date | None) -> File:
        """Read a file.

        Raises:
            UnreadableError: it has mistakes, or costs too much.
        """
        async with self.turn:
            child = ModuleProcess(_CHILD, str(self.cpu_seconds), str(self.memory_bytes))
            try:
                answer = await child.ask(asked(name, today, as_of), raw, limit_seconds=self.wall_seconds)
            except (TimeoutError, ProcessDiedError):
                raise UnreadableError(PlacesError(TOO_COSTLY, TOO_COSTLY)) from None
            finally:
                await child.stop(kill=True)
        file, error, more = await asyncio.to_thread(read_answer, answer)
        if error is not None:
            raise UnreadableError(error, more)
        assert file is not None  # noqa: S101 - either of the two
        return file
