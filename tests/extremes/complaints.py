"""Collects what the services complain of in their logs while a sequence is played."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

_USUAL = ("KURSLOTSE_SMTP is not set",)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class Complaints(logging.Handler):
    """Keeps each warning and error as text, with where it came from."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record."""
        if record.getMessage().startswith(_USUAL):
            return
        about = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        frames = traceback.extract_tb(record.exc_info[2])[-4:] if record.exc_info else []
        where = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
        error = record.exc_info[1] if record.exc_info else ""
        self.texts.append(f"{record.levelname} {record.getMessage()} {about} {error!r} {where}")


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Collect complaints until the block ends."""
    handler, services = Complaints(), logging.getLogger("services")
    services.addHandler(handler)
    try:
        yield handler.texts
    finally:
        services.removeHandler(handler)
