"""Defines the support side's metrics, without persons; every label value exists from the start."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.notifications.alerts.domain import AlertState, CauseKind
from services.notifications.delivery.domain import Attempted, Fault, Outcome
from services.runtime.data.db import Pool, transaction

log = logging.getLogger(__name__)

ACKNOWLEDGED_WITHIN_SECONDS = 60.0
DELIVERY_STATES = ("pending", "sent", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class DeliveryMetrics:
    """Counts the attempts of the delivery worker."""

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


@dataclass(frozen=True, slots=True)
class StateMetrics:
    """Numbers of alerts, deliveries, risks and consents, read from the database by a timer."""

    pool: Pool
    alerts: Gauge
    deliveries: Gauge
    risks: Gauge
    consents: Gauge
    erasures_overdue: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry, pool: Pool) -> "StateMetrics":
        """Register the metrics."""
        alerts = Gauge("kurslotse_alerts", "Alerts by kind and state.", ["kind", "state"], registry=registry)
        for kind in CauseKind:
            for state in AlertState:
                alerts.labels(kind=kind.value, state=state.value)
        deliveries = Gauge("kurslotse_deliveries", "Deliveries by state.", ["state"], registry=registry)
        for name in DELIVERY_STATES:
            deliveries.labels(state=name)
        return cls(
            pool,
            alerts,
            deliveries,
            Gauge("kurslotse_open_risks", "Open risks of people who consented.", registry=registry),
            Gauge("kurslotse_open_consents", "Consents that have not ended.", registry=registry),
            Gauge(
                "kurslotse_erasures_overdue",
                "Erasures that a service has not acknowledged within a minute.",
                registry=registry,
            ),
        )

    async def refresh(self, _now: object) -> int:
        """Read the numbers again."""
        async with transaction(self.pool) as conn:
            alerts = await conn.fetch("SELECT kind, state, n FROM status.alert")
            deliveries = await conn.fetch("SELECT state, n FROM status.delivery")
            risks = await conn.fetchval(
                "SELECT coalesce(sum(n), 0)::bigint FROM status.risk WHERE state = 'open'"
            )
            consents = await conn.fetchval(
                "SELECT coalesce(sum(n), 0)::bigint FROM status.consent WHERE NOT ended"
            )
            overdue = await conn.fetchval(
                "SELECT count(*) FROM status.erasures_open"
                " WHERE heard_at < clock_timestamp() - make_interval(secs => $1)",
                ACKNOWLEDGED_WITHIN_SECONDS,
            )
        self.erasures_overdue.set(overdue)
        if overdue:
            log.error("ALARM: erasures are not acknowledged", extra={"erasures": overdue})
        found = _summed((row["kind"], row["state"], row["n"]) for row in alerts)
        for kind in CauseKind:
            for state in AlertState:
                self.alerts.labels(kind=kind.value, state=state.value).set(
                    found.get((kind.value, state.value), 0)
                )
        counted = {row["state"]: row["n"] for row in deliveries}
        for name in DELIVERY_STATES:
            self.deliveries.labels(state=name).set(counted.get(name, 0))
        self.risks.set(risks)
        self.consents.set(consents)
        return 0


def _summed(rows: Iterable[tuple[str, str, int]]) -> dict[tuple[str, str], int]:
    total: dict[tuple[str, str], int] = {}
    for kind, state, n in rows:
        total[kind, state] = total.get((kind, state), 0) + n
    return total
