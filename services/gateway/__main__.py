"""Wires the gateway together and runs it."""

import asyncio
import os
import sys
import time
from functools import partial

from services.gateway.consumer import subscriptions
from services.gateway.erasures.handlers import Erasures
from services.gateway.files.reader import FileReader
from services.gateway.findings.advice import Adviser
from services.gateway.http.app import create_app
from services.gateway.http.context import GatewayContext
from services.gateway.http.keys import key_guard
from services.gateway.http.limits import Limits
from services.gateway.metrics import DoorMetrics
from services.gateway.people.client import people_client
from services.gateway.progress.handlers import ProgressAnnouncer
from services.gateway.progress.kafka_ends import KafkaEnds
from services.gateway.status import due, own_status
from services.gateway.upkeep import Upkeep
from services.runtime.base.settings import ALL_ROLES, ServiceSettings, need
from services.runtime.kafka.administration import parse_address
from services.runtime.serve.service import Resources, ServiceDefinition, Timer, run


async def compose(resources: Resources) -> ServiceDefinition:
    """Return the gateway's subscriptions, timers and HTTP application, on what the runtime has opened."""
    settings = resources.settings
    context = GatewayContext(
        worker=resources.worker,
        web=resources.web,
        clock=resources.clock,
        prefix=settings.prefix,
        installation_key=need(settings.installation_key, "KURSLOTSE_INSTALLATION_KEY"),
        identity_key=settings.identity_key,
        people=people_client(settings),
        reader=FileReader(settings.file_readers),
        adviser=Adviser(),
        limits=Limits(time.monotonic),
        metrics=DoorMetrics(resources.registry),
        keys=key_guard(resources.worker, time.monotonic),
        broker=parse_address(settings.kafka),
    )
    ends = KafkaEnds(parse_address(settings.kafka))
    progress = ProgressAnnouncer(resources.worker, ends, prefix=settings.prefix, monotonic=time.monotonic)
    upkeep = Upkeep(resources.worker, settings.identity_key, inbox_days=settings.loop.inbox_days)
    erasures = Erasures(settings.identity_key, settings.prefix)
    return ServiceDefinition(
        subscriptions=subscriptions(settings.prefix, settings.identity_key),
        timers=(
            Timer("progress", 0.5, progress.run),
            Timer("upkeep", 30.0, upkeep.run),
            Timer("erase again", 600.0, partial(erasures.again, resources.worker)),
        ),
        web=create_app(context),
        status=own_status,
        due=due,
        tasks=(("broker's ends", partial(_close_at_end, ends)),),
    )


async def _close_at_end(ends: KafkaEnds) -> None:
    """Close the connection to the broker when the process stops."""
    try:
        await asyncio.Event().wait()
    finally:
        await ends.close()


def main(roles: frozenset[str] = ALL_ROLES) -> int:
    """Run the gateway with these roles."""
    return run(ServiceSettings.from_env("gateway", os.environ, roles), compose)


if __name__ == "__main__":
    sys.exit(main())
