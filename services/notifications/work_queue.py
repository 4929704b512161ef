"""Runs the workers of queues in the database: woken by NOTIFY, and once a second in case it got lost."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from services.runtime.base.clock import Clock
from services.runtime.base.failures import Meaning, meaning_of, name_of
from services.runtime.base.retry import jittered
from services.runtime.base.timers import LONGEST_PAUSE
from services.runtime.data.db import connect

log = logging.getLogger(__name__)

Drain = Callable[[], Awaitable[int]]

_CHANNEL = "kurslotse_work"
_LOOK_ANYWAY = 1.0


@dataclass(slots=True)
class QueueListener:
    """Listens for NOTIFY about new work, by table."""

    dsn: str
    _events: dict[str, list[asyncio.Event]] = field(default_factory=dict)

    def of(self, table: str) -> asyncio.Event:
        """Return an event that is set whenever something is written to a table."""
        event = asyncio.Event()
        self._events.setdefault(table, []).append(event)
        return event

    def _heard(self, _conn: Any, _pid: int, _channel: str, table: Any) -> None:  # noqa: ANN401 - asyncpg's callback
        for event in self._events.get(str(table), []):
            event.set()

    async def listen(self) -> None:
        """Listen for ever; after a lost connection, connect again."""
        attempt = 0
        while True:
            try:
                await self._listen_once()
            except Exception as error:
                if meaning_of(error, connection_dead=True) is not Meaning.TRANSIENT:
                    raise
                attempt = min(attempt + 1, 6)
                log.warning("wake-up: listening again", extra={"error": name_of(error), "attempt": attempt})
            await asyncio.sleep(jittered(max(attempt, 1)))

    async def _listen_once(self) -> None:
        conn = await connect(self.dsn, name="notifications wake-up")
        lost = asyncio.Event()
        try:
            conn.add_termination_listener(lambda _conn: lost.set())
            await conn.add_listener(_CHANNEL, self._heard)
            await lost.wait()
        finally:
            with contextlib.suppress(OSError):
                await conn.close(timeout=2.0)


async def run_worker(name: str, drain: Drain, woken: asyncio.Event) -> None:
    """Call `drain` for ever; an error that no row can bring about ends the process."""
    attempt = 0
    while True:
        woken.clear()
        try:
            done = await drain()
        except Exception as error:
            meaning = meaning_of(error, connection_dead=True)
            if meaning is Meaning.FATAL:
                raise
            attempt += 1
            transient = meaning is Meaning.TRANSIENT
            log.log(
                logging.WARNING if transient else logging.ERROR,
                "work: trying again",
                extra={"task": name, "error": name_of(error), "attempt": attempt},
            )
            await asyncio.sleep(jittered(attempt, cap=5.0 if transient else LONGEST_PAUSE))
            continue
        attempt = 0
        if not done:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), _LOOK_ANYWAY)


def at_now(clock: Clock, drain: Callable[[Any], Awaitable[int]]) -> Drain:
    """Return a drain that passes the business time of each round to `drain`."""

    async def round_() -> int:
        return await drain(clock.now())

    return round_
