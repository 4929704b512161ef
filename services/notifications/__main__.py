"""Puts the support side together; the only wiring."""

import logging
import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial

import httpx

from services.notifications import settings as policies
from services.notifications import status, working
from services.notifications.alerts.considering import Considering
from services.notifications.alerts.escalating import Escalating
from services.notifications.consumer import subscriptions
from services.notifications.counts.handlers import Counting
from services.notifications.delivery.mail import MailTexts, SmtpServer
from services.notifications.delivery.worker import Delivering
from services.notifications.metrics import DeliveryMetrics, StateMetrics
from services.notifications.pages.app import create_pages
from services.notifications.participation import rules
from services.notifications.participation.assessing import Assessing
from services.notifications.people.api import PeopleDoor, router
from services.notifications.people.crypto import Keyring
from services.notifications.people.registrations import GatewayDoor, send_pending
from services.notifications.retention import Retention
from services.runtime.base.settings import ALL_ROLES, ServiceSettings, need
from services.runtime.serve.service import Resources, ServiceDefinition, Timer, run

log = logging.getLogger(__name__)

_GATEWAY_TIMEOUT = 10.0


async def compose(resources: Resources) -> ServiceDefinition:
    """Build the service from what the runtime has opened."""
    settings, pool, clock = resources.settings, resources.worker, resources.clock
    policy = policies.load(settings.policy or policies.PACKAGED)
    keyring = Keyring.from_text(need(settings.kek, "KURSLOTSE_KEK"))
    gateway = GatewayDoor(
        httpx.AsyncClient(timeout=_GATEWAY_TIMEOUT, trust_env=False),
        need(settings.gateway_url, "KURSLOTSE_GATEWAY_URL"),
        need(settings.gateway_key, "KURSLOTSE_GATEWAY_KEY"),
    )
    assessing = Assessing(pool, rules.load())
    considering = Considering(pool, keyring, policy)
    retention = Retention(pool, policy)
    wake = working.Wake(settings.db_worker)
    people_key = need(settings.people_key, "KURSLOTSE_PEOPLE_KEY")
    return ServiceDefinition(
        subscriptions=subscriptions(settings.prefix, keyring, policy),
        timers=(
            Timer("escalate", 0.25, Escalating(pool).drain),
            Timer("lapse", 0.25, retention.lapse),
            Timer("clean", 5.0, retention.clean),
            Timer("registrations", 0.25, partial(send_pending, pool, gateway)),
            Timer("counts", 0.25, Counting(pool, settings.prefix, policy.counts.suppress_below).publish),
            Timer("metrics", 15.0, StateMetrics.on(resources.registry, pool).refresh),
        ),
        web=create_pages(resources, keyring, gateway, [router(PeopleDoor(pool, clock, keyring, people_key))]),
        status=partial(status.own_status, delivers=settings.smtp is not None),
        due=partial(status.due, delivers=settings.smtp is not None),
        tasks=(
            ("wake-up", wake.listen),
            ("assess", _worker("assess", working.at_now(clock, assessing.drain), wake, "course_day")),
            ("consider", _worker("consider", working.at_now(clock, considering.drain), wake, "reconsider")),
            *_deliver(resources, policy, wake),
        ),
    )


def _deliver(
    resources: Resources, policy: policies.Policy, wake: working.Wake
) -> tuple[tuple[str, Callable[[], Awaitable[None]]], ...]:
    """Make the worker that sends mails; without a mail server they are owed until there is one."""
    settings = resources.settings
    if settings.smtp is None:
        log.warning("KURSLOTSE_SMTP is not set: mails are kept and not sent")
        return ()
    delivering = Delivering(
        resources.worker,
        SmtpServer.from_url(settings.smtp),
        MailTexts(),
        need(settings.public_url, "KURSLOTSE_PUBLIC_URL"),
        policy.delivery.in_doubt_retries,
        DeliveryMetrics.on(resources.registry),
    )
    return (("deliver", _worker("deliver", delivering.drain, wake, "delivery")),)


def _worker(name: str, drain: working.Drain, wake: working.Wake, table: str) -> Callable[[], Awaitable[None]]:
    return partial(working.work_off, name, drain, wake.of(table))


def main(roles: frozenset[str] = ALL_ROLES) -> int:
    """Run the service; return its exit status."""
    return run(ServiceSettings.from_env("notifications", os.environ, roles), compose)


if __name__ == "__main__":
    sys.exit(main())
