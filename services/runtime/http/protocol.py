"""Speaks HTTP/1.1 with deadlines: a connection that is slow to ask or to listen is ended."""

import asyncio
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

ASK_SECONDS = 10.0
"""Longest time between connecting, or the end of an answer, and a whole new request line with headers."""
LISTEN_SECONDS = 30.0
"""Longest time that a client may leave an answer untaken while more waits to be sent."""
RUN_OUT_SECONDS = 1.0
"""Time for a client to read an answer that came before its request had ended."""
MOST_CONNECTIONS = 1_000

_RUN_OUT_BYTES = 1024 * 1024  # let go by meanwhile
_FINISHED = frozenset({h11.DONE, h11.MUST_CLOSE, h11.CLOSED})
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


class _Lingering(asyncio.Transport):
    """A transport that, if asked to, closes its own direction first and the other one later."""

    def __init__(self, transport: asyncio.Transport, lingers: Callable[[], bool]) -> None:
        super().__init__()
        self._transport, self._lingers = transport, lingers
        self._closing = False
        for name in ("write", "abort", "get_extra_info", "get_write_buffer_size", "pause_reading"):
            setattr(self, name, getattr(transport, name))

    def is_closing(self) -> bool:
        """Return whether nothing more is said here."""
        return self._closing or self._transport.is_closing()

    def resume_reading(self) -> None:
        """Read on, unless all that comes is let go by."""
        if not self._closing:
            self._transport.resume_reading()

    def close(self) -> None:
        """Say nothing more; read on for a moment if the other side is still talking."""
        if self.is_closing():
            return
        if self._lingers() and self._transport.can_write_eof():
            self._transport.write_eof()
            self._transport.resume_reading()
        else:
            self._transport.close()
        self._closing = True


class Deadlines(H11Protocol):
    """A connection of uvicorn that is closed when the other side takes too long.

    (uvicorn's own keep-alive timeout starts after an answer and ends with the first byte of a request.)
    """

    ask_seconds = ASK_SECONDS
    listen_seconds = LISTEN_SECONDS
    run_out_seconds = RUN_OUT_SECONDS
    most_connections = MOST_CONNECTIONS

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*args, **kwargs)
        self._asking: asyncio.TimerHandle | None = None
        self._listening: asyncio.TimerHandle | None = None
        self._discarded: int | None = None
        """Bytes that came after an answer which did not wait for them; None before such an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's
        """Start the time to ask; turn a connection away where there are too many."""
        super().connection_made(_Lingering(transport, self._begin_lingering))
        if len(self.connections) > self.most_connections:
            self.transport.write(_FULL)
            self.transport.close()
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what has come; after an answer that came early, let the rest go by."""
        if self._discarded is not None:
            self._discarded += len(data)
            if self._discarded > _RUN_OUT_BYTES:
                self.transport.pause_reading()
            return
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Start the time to ask again."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """Start the time to listen: the answer waits for the other side."""
        super().pause_writing()
        if self._listening is None:
            self._listening = self.loop.call_later(self.listen_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the time to listen."""
        super().resume_writing()
        self._stop_listening()

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection, also if it has not taken the end of its last answer."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all times."""
        self._stop_asking()
        self._stop_listening()
        super().connection_lost(exc)

    def _begin_lingering(self) -> bool:
        """Return whether the other side may still be sending: then it has a moment to read our answer.

        (Closed at once, with unread bytes, the system would reset the connection and lose the answer.)
        """
        if self._discarded is not None or self.conn.their_state in _FINISHED:
            return False
        self._discarded = 0
        self._stop_asking()
        self.loop.call_later(self.run_out_seconds, self.transport.abort)
        return True

    def _watch(self) -> None:
        """Let the time to ask run as long as no request is being answered."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering:
            self._stop_asking()
        elif self._asking is None and not self.transport.is_closing():
            self._asking = self.loop.call_later(self.ask_seconds, self.transport.abort)

    def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def _stop_listening(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None
