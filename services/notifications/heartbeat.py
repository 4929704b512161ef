"""Tells from outside whether messages still go out: the dead man's switch of the support side."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge

Round = Callable[..., Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Writes down when each worker last came through a round, whether there was work or not."""

    beats: Gauge
    clock: Callable[[], float] = time.time

    @classmethod
    def on(cls, registry: CollectorRegistry) -> "Heartbeat":
        """Register the metric; workers that do not run are missing in it."""
        beats = Gauge(
            "kurslotse_delivery_heartbeat_seconds",
            "When each worker of messages last came through a round.",
            ["worker"],
            registry=registry,
        )
        return cls(beats)

    def after(self, worker: str, work: Round, *, stuck: Callable[[], bool] = lambda: False) -> Round:
        """Return a round that beats when it is done, unless it can do nothing just now (`stuck`)."""
        self.beats.labels(worker=worker).set(self.clock())

        async def round_(*given: object) -> int:
            done = await work(*given)
            if not stuck():
                self.beats.labels(worker=worker).set(self.clock())
            return done

        return round_
