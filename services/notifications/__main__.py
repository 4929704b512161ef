"""Wires the support side together and runs it."""

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from services.accounts.app import create_accounts
from services.accounts.retention import Retention as AccountsRetention
from services.accounts.settings import AccountSettings
from services.notifications import settings as policies
from services.notifications import status, work_queue
from services.notifications.alerts.escalation import EscalationWorker
from services.notifications.alerts.reconciler import AlertReconciler
from services.notifications.alerts.reminding import ReminderWorker
from services.notifications.consumer import subscriptions
from services.notifications.counts.handlers import publisher
from services.notifications.delivery.bounces.imap import ImapMailbox
from services.notifications.delivery.bounces.worker import BounceReader
from services.notifications.delivery.holding.store import usual
from services.notifications.delivery.holding.worker import ReleaseWorker
from services.notifications.delivery.mail import MailTexts
from services.notifications.delivery.smtp import SmtpServer
from services.notifications.delivery.webhooks.guard import Guard, networks_of
from services.notifications.delivery.webhooks.secrets import SecretSeal
from services.notifications.delivery.webhooks.sender import WebhookSender
from services.notifications.delivery.webhooks.worker import WebhookWorker
from services.notifications.delivery.worker import DeliveryWorker
from services.notifications.erasures.handlers import Erasures
from services.notifications.heartbeat import Heartbeat
from services.notifications.metrics import SCRAPED, DeliveryMetrics, OverdueMetrics
from services.notifications.offices.store import office_hours
from services.notifications.pages.app import create_pages
from services.notifications.participation.held_marks import HeldMarks
from services.notifications.people.api import PeopleDoor, router
from services.notifications.people.keys import Keks, PersonSecrets
from services.notifications.people.registrations import send_pending
from services.notifications.retention import Retention
from services.notifications.risk import parameters
from services.notifications.risk.assessor import RiskAssessor
from services.notifications.risk.evaluate.daily import DailyEvaluation
from services.notifications.risk.parameters_store import RiskBookshelf
from services.notifications.risk.rounds import DailyRound, Rounds
from services.places import current
from services.places.current import CurrentPlaces
from services.runtime.base.settings import ALL_ROLES, ServiceSettings, need
from services.runtime.data.db import Pool, open_pool
from services.runtime.http.gateway_client import gateway_of
from services.runtime.serve.published import PublishedMetrics
from services.runtime.serve.service import Resources, ServiceDefinition, Timer, run

log = logging.getLogger(__name__)


async def compose(resources: Resources) -> ServiceDefinition:
    """Return the service's subscriptions, timers, workers and pages, on what the runtime has opened."""
    settings, pool, clock = resources.settings, resources.worker, resources.clock
    policy = policies.load(settings.policy or policies.PACKAGED)
    keys = await open_pool(need(settings.db_keys, "KURSLOTSE_DB_KEYS"), name="notifications keys", max_size=4)
    secrets = PersonSecrets(keys, Keks.from_text(need(settings.kek, "KURSLOTSE_KEK")), settings.identity_key)
    gateway = gateway_of(settings)
    books = RiskBookshelf(parameters.load())
    assess = work_queue.at_now(clock, RiskAssessor(pool, books).drain)
    release = work_queue.at_now(clock, ReleaseWorker(pool, office_hours, usual(policy.telling)).drain)
    reconcile = work_queue.at_now(clock, AlertReconciler(pool, secrets, policy, Rounds(books)).drain)
    counts = publisher(pool, settings.prefix, policy.counts.k)
    retention = Retention(pool, policy, secrets)
    erasures = Erasures(secrets, policy.retention)
    listener = work_queue.QueueListener(settings.db_worker)
    metrics, heartbeat = DeliveryMetrics.on(resources.registry), Heartbeat.on(resources.registry)
    hooks = WebhookWorker(
        pool,
        WebhookSender(Guard(networks_of("KURSLOTSE_WEBHOOK_NETWORKS", settings.webhook_networks))),
        SecretSeal(secrets.keks),
        settings.public_url or "",
        metrics.count,
    )
    people_key = need(settings.people_key, "KURSLOTSE_PEOPLE_KEY")
    own = AccountSettings.from_env(os.environ)
    accounts = AccountsRetention(resources.worker, own)
    people_door = router(PeopleDoor(pool, clock, secrets, people_key))
    places = CurrentPlaces(pool)
    await places.refreshed()
    own_status = partial(status.own_status, delivers=settings.smtp is not None)
    return ServiceDefinition(
        subscriptions=subscriptions(settings.prefix, secrets, policy, erasures),
        timers=(
            Timer("escalate", 0.25, heartbeat.after("escalate", EscalationWorker(pool).drain)),
            Timer("remind", 0.25, heartbeat.after("remind", ReminderWorker(pool).drain)),
            Timer("lapse", 0.25, retention.lapse),
            Timer("daily round", 0.25, DailyRound(pool).begin),
            Timer("clean", 5.0, retention.clean),
            Timer("erase again", 600.0, partial(erasures.again, pool)),
            Timer("rewrap", 5.0, partial(_rewrap, secrets)),
            Timer("reseal", 60.0, hooks.reseal),
            *_bounces(settings, pool),
            Timer("registrations", 0.25, partial(send_pending, pool, gateway)),
            Timer("counts", 0.25, counts.publish),
            Timer("held", 15.0, HeldMarks(pool, secrets).take_up),
            Timer("evaluate risks", 60.0, DailyEvaluation(pool, books).next),
            Timer("published", 15.0, PublishedMetrics(resources.registry, pool).refresh),
            Timer("overdue", 60.0, OverdueMetrics(resources.registry, pool, policy.counts.k).refresh),
            Timer("forget accounts", 3600.0, accounts.forget),
        ),
        web=create_pages(
            resources,
            secrets,
            gateway,
            [people_door],
            sign_in=create_accounts(resources, own),
            places=places,
            consent_months=policy.consent.months,
            status=own_status,
        ),
        everywhere=(Timer("places", current.REFRESH_SECONDS, places.refreshed),),
        status=own_status,
        due=partial(status.due, delivers=settings.smtp is not None),
        discreet=SCRAPED,
        tasks=(
            ("wake-up", listener.listen),
            ("assess", _worker("assess", assess, listener, "course_day")),
            (
                "consider",
                _worker("consider", reconcile, listener, "reconsider"),
            ),
            ("release", _worker("release", heartbeat.after("release", release), listener, "delivery")),
            ("hooks", _worker("hooks", heartbeat.after("webhooks", hooks.drain), listener, "delivery")),
            *_deliver(resources, policy, metrics, heartbeat, listener),
            ("keys", partial(_close_at_end, keys)),
        ),
    )


async def _rewrap(secrets: PersonSecrets, _now: datetime) -> int:
    """Wrap some secrets by the current KEK, after another one was set."""
    return await secrets.rewrap()


async def _close_at_end(pool: Pool) -> None:
    """Close the pool of the keys database when the process stops."""
    try:
        await asyncio.Event().wait()
    finally:
        await pool.close()


def _deliver(
    resources: Resources,
    policy: policies.Policy,
    metrics: DeliveryMetrics,
    heartbeat: Heartbeat,
    listener: work_queue.QueueListener,
) -> tuple[tuple[str, Callable[[], Awaitable[None]]], ...]:
    """Return the worker that sends mails; without a mail server there is none, and mails wait."""
    settings = resources.settings
    if settings.smtp is None:
        log.warning("KURSLOTSE_SMTP is not set: mails are kept and not sent")
        return ()
    worker = DeliveryWorker(
        resources.worker,
        SmtpServer.from_url(settings.smtp),
        MailTexts(),
        need(settings.public_url, "KURSLOTSE_PUBLIC_URL"),
        policy.delivery.in_doubt_retries,
        metrics.count,
    )
    beating = heartbeat.after("deliver", worker.drain, stuck=lambda: worker.pause.lasts)
    return (("deliver", _worker("deliver", beating, listener, "delivery")),)


def _bounces(settings: ServiceSettings, pool: Pool) -> tuple[Timer, ...]:
    """Return the timer that reads mails that came back; none without a mailbox."""
    if not settings.bounces:
        return ()
    return (Timer("bounces", 60.0, BounceReader(pool, ImapMailbox.from_url(settings.bounces)).drain),)


def _worker(
    name: str, drain: work_queue.Drain, listener: work_queue.QueueListener, table: str
) -> Callable[[], Awaitable[None]]:
    return partial(work_queue.run_worker, name, drain, listener.of(table))


def main(roles: frozenset[str] = ALL_ROLES) -> int:
    """Run the service with these roles; return its exit status."""
    return run(ServiceSettings.from_env("notifications", os.environ, roles), compose)


if __name__ == "__main__":
    sys.exit(main())
