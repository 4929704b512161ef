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
LONGEST_PAUSE = 60.0
"""Seconds between attempts of work that keeps failing for no passing reason."""


@dataclass(frozen=True, slots=True)
class Timer:
    """A repeated step; `run` gets the business time and returns how many things it did."""

    name: str
    interval_seconds: float
    run: Callable[[datetime], Awaitable[int]]


async def run_timer(timer: Timer, clock: Clock, metrics: TimerMetrics, stop: asyncio.Event) -> None:
    """Run a timer until told to stop.

    A failure that may be the fault of what a round met is told, and the timer tries again after a pause that
    grows. What a record or row cannot bring about ends the process.
    """
    attempt = 0
    while not stop.is_set():
        started, now = time.monotonic(), clock.now()
        try:
            done = await timer.run(now)
        except Exception as error:
            # The connection went back to its pool, which drops it if it is dead.
            meaning = meaning_of(error, connection_dead=True)
            if meaning is Meaning.FATAL:
                raise
            attempt += 1
            transient = meaning is Meaning.TRANSIENT
            metrics.failures.labels(timer=timer.name, what="transient" if transient else "crashed").inc()
            log.log(
                logging.WARNING if transient else logging.ERROR,
                "timer: trying again",
                extra={"timer": timer.name, "error": name_of(error), "attempt": attempt},
            )
            await _pause(jittered(attempt, cap=5.0 if transient else LONGEST_PAUSE), stop)
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
