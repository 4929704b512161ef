"""Writes logs as JSON: allow-listed keys only, with a correlation id, never a payload."""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

ALLOWED = frozenset({
    "attempt", "cause", "cluster", "code", "count", "detail", "error", "event_id", "event_type", "family",
    "group", "identity", "invariant", "kind", "n", "offset", "outcome", "partition", "path", "publisher",
    "reader", "reason", "role", "seconds", "signal", "state", "status", "subscription", "task", "timer", "to",
    "topic", "where",
})  # fmt: skip
"""Keys of `extra` that reach the log; everything else is dropped."""

_correlation: ContextVar[str | None] = ContextVar("correlation", default=None)

# Libraries whose messages may quote what they were given: only that they spoke is logged.
_CAREFUL = ("asyncpg", "faststream", "pydantic")


@contextmanager
def correlated(correlation: str | None) -> Iterator[None]:
    """Put a correlation id on every line logged inside the block."""
    token = _correlation.set(correlation)
    try:
        yield
    finally:
        _correlation.reset(token)


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON; of an exception its kind and frames, never its text."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.name.startswith(_CAREFUL):
            line["message"] = str(record.msg) if not isinstance(record.msg, BaseException) else "exception"
        if (correlation := _correlation.get()) is not None:
            line["correlation"] = correlation
        line |= {key: value for key, value in record.__dict__.items() if key in ALLOWED}
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = _where(record.exc_info[1])
        return orjson.dumps(line, default=str).decode()


def _where(error: BaseException) -> Mapping[str, Any]:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return {"kind": type(error).__name__, "sqlstate": getattr(error, "sqlstate", None), "frames": frames[-8:]}


def set_up(service: str, *, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send all logs of the process through the JSON formatter."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("aiokafka", "faststream", "uvicorn", "httpx", "httpcore", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
