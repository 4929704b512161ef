"""Runs timers: after their interval, and at once when the demo's clock is moved."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from services.runtime.base.clock import Clock, FileClock
from services.runtime.base.failures import Meaning, meaning_of, name_of
from services.runtime.base.metrics import TimerMetrics
from services.runtime.base.retry import jittered

log = logging.getLogger(__name__)

_LOOK_AT_CLOCK = 0.05


@dataclass(frozen=True, slots=True)
class Timer:
    """A repeated step; `run` gets the business time and returns how many things it did."""

    name: str
    interval_seconds: float
    run: Callable[[datetime], Awaitable[int]]


async def run_timer(timer: Timer, clock: Clock, metrics: TimerMetrics, stop: asyncio.Event) -> None:
    """Run a timer until told to stop; a failure that is not transient ends the process."""
    attempt = 0
    while not stop.is_set():
        started, now = time.monotonic(), clock.now()
        try:
            done = await timer.run(now)
        except Exception as error:
            # The connection went back to its pool, which drops it if it is dead.
            if meaning_of(error, connection_dead=True) is not Meaning.TRANSIENT:
                raise
            attempt += 1
            log.warning(
                "timer: trying again",
                extra={"timer": timer.name, "error": name_of(error), "attempt": attempt},
            )
            await _pause(jittered(attempt), stop)
            continue
        attempt = 0
        if done:
            metrics.done.labels(timer=timer.name).inc(done)
        metrics.seconds.labels(timer=timer.name).observe(time.monotonic() - started)
        await _until_next(timer.interval_seconds, clock, now, stop)


async def _until_next(seconds: float, clock: Clock, before: datetime, stop: asyncio.Event) -> None:
    """Wait for the interval, or until somebody moved the clock that only moves by hand."""
    if not isinstance(clock, FileClock):
        await _pause(seconds, stop)
        return
    until = time.monotonic() + seconds
    while not stop.is_set() and (left := until - time.monotonic()) > 0 and clock.now() == before:
        await _pause(min(left, _LOOK_AT_CLOCK), stop)


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
