"""Runs a service process for tests: `python -m tests.small_service MODE`."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from schemas.topics import Family, pattern, topic
from services.runtime.base.settings import ALL_ROLES, LoopSettings, ServiceSettings
from services.runtime.events.subscription import Applied, Incoming, Subscription, Verdict
from services.runtime.serve.service import Resources, ServiceDefinition, Timer, run


async def fine(_conn: asyncpg.Connection, batch: Sequence[Incoming], now: datetime) -> Sequence[Verdict]:  # noqa: ARG001
    return [Applied()] * len(batch)


DEADLY = "Kurs, an dem der Prozess endet"


async def dies(_conn: asyncpg.Connection, batch: Sequence[Incoming], now: datetime) -> Sequence[Verdict]:  # noqa: ARG001
    if any(getattr(one.event.data, "title", "") == DEADLY for one in batch):
        os.kill(os.getpid(), signal.SIGKILL)
    return [Applied()] * len(batch)


async def ends() -> None:
    """Be a background task that dies."""


async def blocks(_now: datetime) -> int:
    time.sleep(300)  # noqa: ASYNC251 - what a frozen process does
    return 0


async def compose(resources: Resources) -> ServiceDefinition:
    mode = sys.argv[1]
    return ServiceDefinition(
        subscriptions=[
            Subscription(
                "in",
                dies if mode == "dies" else fine,
                pattern=pattern(Family.IN, prefix=resources.settings.prefix),
                findings=topic(Family.FINDINGS_STEERING, prefix=resources.settings.prefix),
                judge=True,
            )
        ],
        timers=[Timer("blocks", 1.0, blocks)] if mode == "blocks" else [],
        tasks=[("ends", ends)] if mode == "ends" else [],
    )


def main() -> int:
    left_out = {"relay"} if sys.argv[1] == "dies" else set()  # what it says is looked for in the outbox
    settings = ServiceSettings.from_env("allocation", os.environ, ALL_ROLES - left_out)
    object.__setattr__(settings, "stop_within_seconds", 2.0)
    object.__setattr__(settings, "loop", LoopSettings(metadata_max_age_ms=500))
    return run(settings, compose)


if __name__ == "__main__":
    sys.exit(main())
