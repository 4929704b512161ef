"""Composition root of the gateway; the only wiring."""

import asyncio
import os
import sys
import time
from functools import partial

import httpx

from services.gateway.consumer import subscriptions
from services.gateway.findings.advice import Adviser
from services.gateway.http.app import create_app
from services.gateway.http.door import Door
from services.gateway.http.limits import Limits
from services.gateway.kafka_ends import KafkaEnds
from services.gateway.metrics import DoorMetrics
from services.gateway.people import HttpPeople, NoPeople, People
from services.gateway.progress import Progress
from services.gateway.status import due, own_status
from services.gateway.upkeep import Upkeep
from services.runtime.base.settings import ALL_ROLES, ServiceSettings, need
from services.runtime.kafka.administration import parse_address
from services.runtime.serve.service import Resources, ServiceDefinition, Timer, run

PEOPLE_TIMEOUT = 10.0


def people_of(settings: ServiceSettings) -> People:
    """Return where names go: notifications, or nowhere if it is not set."""
    if settings.people_url is None:
        return NoPeople()
    client = httpx.AsyncClient(timeout=PEOPLE_TIMEOUT, trust_env=False)
    return HttpPeople(settings.people_url, need(settings.people_key, "KURSLOTSE_PEOPLE_KEY"), client)


async def compose(resources: Resources) -> ServiceDefinition:
    """Wire the doors, the way back, progress and upkeep."""
    settings = resources.settings
    door = Door(
        worker=resources.worker,
        web=resources.web,
        clock=resources.clock,
        prefix=settings.prefix,
        installation_key=need(settings.installation_key, "KURSLOTSE_INSTALLATION_KEY"),
        people=people_of(settings),
        adviser=Adviser(),
        limits=Limits(time.monotonic),
        metrics=DoorMetrics(resources.registry),
    )
    ends = KafkaEnds(parse_address(settings.kafka))
    progress = Progress(resources.worker, ends, prefix=settings.prefix, monotonic=time.monotonic)
    upkeep = Upkeep(resources.worker, inbox_days=settings.loop.inbox_days)
    return ServiceDefinition(
        subscriptions=subscriptions(settings.prefix),
        timers=(Timer("progress", 0.5, progress.run), Timer("upkeep", 30.0, upkeep.run)),
        web=create_app(door),
        status=own_status,
        due=due,
        tasks=(("broker's ends", partial(_kept_open, ends)),),
    )


async def _kept_open(ends: KafkaEnds) -> None:
    """Let go of the broker when the process stops."""
    try:
        await asyncio.Event().wait()
    finally:
        await ends.close()


def main(roles: frozenset[str] = ALL_ROLES) -> int:
    """Run the gateway with these roles."""
    return run(ServiceSettings.from_env("gateway", os.environ, roles), compose)


if __name__ == "__main__":
    sys.exit(main())
