"""Defines the support side's metrics: no number there moves with one person's choice."""

import logging
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.notifications.delivery.domain import Attempted, Fault, Outcome
from services.runtime.data.db import Pool, transaction
from services.runtime.serve.discreet import Discreet

log = logging.getLogger(__name__)

ACKNOWLEDGED_WITHIN_SECONDS = 60.0
SCRAPED = Discreet(
    exact=frozenset(
        {
            "kurslotse_batch_retries",
            "kurslotse_consume_alarms",
            "kurslotse_deliveries_overdue",
            "kurslotse_delivery_heartbeat_seconds",
            "kurslotse_erasures_overdue",
            "kurslotse_http_refused",
            "kurslotse_lag_records",
            "kurslotse_offices_silent",
            "kurslotse_published_high",
            "kurslotse_published_low",
            "kurslotse_published_quarter_seconds",
            "kurslotse_relay_failures",
            "kurslotse_sign_in_lockouts",
            "kurslotse_timer_failures",
            "kurslotse_work_failing",
            "kurslotse_work_set_aside",
        }
    ),
    stepped=frozenset({"kurslotse_batch_seconds", "kurslotse_records"}),
    flags=frozenset({"kurslotse_delivery_faults"}),
)


@dataclass(frozen=True, slots=True)
class DeliveryMetrics:
    """Counts the attempts of the delivery worker; scraped is only whether a fault occurred."""

    attempts: Counter
    faults: Counter

    @classmethod
    def on(cls, registry: CollectorRegistry) -> "DeliveryMetrics":
        """Register the metrics."""
        attempts = Counter(
            "kurslotse_delivery_attempts",
            "Attempts to send, by how they ended.",
            ["outcome"],
            registry=registry,
        )
        for outcome in Outcome:
            attempts.labels(outcome=outcome.value)
        faults = Counter(
            "kurslotse_delivery_faults",
            "Attempts without success; all but deferred and recipient_refused need mending.",
            ["fault"],
            registry=registry,
        )
        for fault in Fault:
            faults.labels(fault=fault.value)
        return cls(attempts, faults)

    def count(self, attempted: Attempted) -> None:
        """Count one attempt by how it ended and why."""
        self.attempts.labels(outcome=attempted.outcome.value).inc()
        if attempted.fault is not None:
            self.faults.labels(fault=attempted.fault.value).inc()


class OverdueMetrics:
    """Tells whether messages wait, and whether offices are silent: 1 if it concerns at least k people."""

    def __init__(self, registry: CollectorRegistry, pool: Pool, k: int) -> None:
        self._pool, self._k = pool, k
        self._overdue = Gauge(
            "kurslotse_deliveries_overdue",
            "1 if mails about several people have waited for an hour.",
            registry=registry,
        )
        self._silent = Gauge(
            "kurslotse_offices_silent",
            "1 if notices about several people went up to the last level and were not answered.",
            registry=registry,
        )
        self._erasures = Gauge(
            "kurslotse_erasures_overdue",
            "1 if a service has not acknowledged an erasure within a minute.",
            registry=registry,
        )

    async def refresh(self, now: datetime) -> int:
        """Look again; `now` is the business time, messages wait in technical time."""
        async with transaction(self._pool) as conn:
            people: int = await conn.fetchval(
                """
                SELECT count(DISTINCT a.participant_id) FROM delivery AS d JOIN alert AS a USING (alert_id)
                WHERE d.state IN ('pending', 'carried') AND least(d.next_at, (
                    SELECT min(t.started_at) FROM delivery_attempt AS t WHERE t.delivery_id = d.delivery_id
                )) < clock_timestamp() - interval '1 hour'
                """
            )
            silent: int = await conn.fetchval(
                """
                SELECT count(DISTINCT a.participant_id) FROM alert AS a WHERE a.state IN ('new', 'seen')
                AND a.escalated_at < $1::timestamptz - interval '3 days' AND NOT EXISTS (
                    SELECT FROM escalation AS e WHERE e.alert_id = a.alert_id AND e.done_at IS NULL)
                """,
                now,
            )
            erasures: int = await conn.fetchval(
                "SELECT count(*) FROM status.erasures_open"
                " WHERE heard_at < clock_timestamp() - make_interval(secs => $1)",
                ACKNOWLEDGED_WITHIN_SECONDS,
            )
        self._overdue.set(people >= self._k)
        self._silent.set(silent >= self._k)
        self._erasures.set(erasures > 0)
        if erasures:
            log.error("ALARM: an erasure is not acknowledged")
        return 0
