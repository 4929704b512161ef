"""Registers the runtime's metrics with all their label values, so that each exists from the start."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

OUTCOMES = ("applied", "refused", "parked", "skipped", "duplicate", "redelivered")
RELAY_FAILURES = ("transient", "topic", "unsendable")
_BATCH_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class ConsumeMetrics:
    """Metrics of the batch loop, labelled by subscription."""

    records: Counter
    batches: Histogram
    retries: Counter
    alarms: Counter
    lag: Gauge


@dataclass(frozen=True, slots=True)
class RelayMetrics:
    """Metrics of the relay."""

    sent: Counter
    failures: Counter


@dataclass(frozen=True, slots=True)
class TimerMetrics:
    """Metrics of the timers, labelled by timer."""

    done: Counter
    seconds: Histogram
    failures: Counter


SERVERS = ("web", "ops")
REFUSED_STATUSES = (403, 408, 413, 414, 431, 503)


class RefusalMetrics:
    """Counts requests that a server ended by itself, before an application or instead of it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counter = Counter(
            "kurslotse_http_refused",
            "Requests refused for their size, their slowness, or because of too many others.",
            ["server", "status"],
            registry=registry,
        )
        for server in SERVERS:
            for status in REFUSED_STATUSES:
                self._counter.labels(server=server, status=str(status))

    def of(self, server: str) -> Callable[[int], None]:
        """Return the function that counts a refusal of one server."""
        return partial(self._count, server)

    def _count(self, server: str, status: int) -> None:
        self._counter.labels(server=server, status=str(status)).inc()


ALARMS = ("out_of_range", "refused_in_row", "gap", "own_record", "crashed", "undecodable", "alone")


def consume_metrics(registry: CollectorRegistry, readers: Iterable[str]) -> ConsumeMetrics:
    """Register the loop's metrics with every label value it can have."""
    metrics = ConsumeMetrics(
        Counter(
            "kurslotse_records",
            "Records read, by what became of them.",
            ["reader", "outcome"],
            registry=registry,
        ),
        Histogram(
            "kurslotse_batch_seconds",
            "Time from a batch's arrival to its commit.",
            ["reader"],
            buckets=_BATCH_SECONDS,
            registry=registry,
        ),
        Counter(
            "kurslotse_batch_retries",
            "Batches tried again after a transient error.",
            ["reader"],
            registry=registry,
        ),
        Counter(
            "kurslotse_consume_alarms", "What a person should look at.", ["reader", "what"], registry=registry
        ),
        Gauge("kurslotse_lag_records", "Records not yet read.", ["reader"], registry=registry),
    )
    for reader in readers:
        for outcome in OUTCOMES:
            metrics.records.labels(reader=reader, outcome=outcome)
        for what in ALARMS:
            metrics.alarms.labels(reader=reader, what=what)
        metrics.batches.labels(reader=reader)
        metrics.retries.labels(reader=reader)
        metrics.lag.labels(reader=reader)
    return metrics


def relay_metrics(registry: CollectorRegistry) -> RelayMetrics:
    """Register the relay's metrics."""
    metrics = RelayMetrics(
        Counter("kurslotse_relay_sent", "Outbox rows that the broker has.", registry=registry),
        Counter("kurslotse_relay_failures", "What went wrong in sending.", ["reason"], registry=registry),
    )
    for reason in RELAY_FAILURES:
        metrics.failures.labels(reason=reason)
    return metrics


def timer_metrics(registry: CollectorRegistry, timers: Iterable[str]) -> TimerMetrics:
    """Register the timers' metrics."""
    metrics = TimerMetrics(
        Counter("kurslotse_timer_done", "Things done by a timer.", ["timer"], registry=registry),
        Histogram("kurslotse_timer_seconds", "Time one round of a timer took.", ["timer"], registry=registry),
        Counter(
            "kurslotse_timer_failures",
            "Rounds that failed, by whether it passes by itself.",
            ["timer", "what"],
            registry=registry,
        ),
    )
    for timer in timers:
        for what in ("transient", "crashed"):
            metrics.failures.labels(timer=timer, what=what)
        metrics.done.labels(timer=timer)
        metrics.seconds.labels(timer=timer)
    return metrics


@dataclass(frozen=True, slots=True)
class WorkMetrics:
    """Metrics of the items of queues on which work failed."""

    failing: Gauge
    aside: Gauge


def work_metrics(registry: CollectorRegistry) -> WorkMetrics:
    """Register the metrics of failing items."""
    return WorkMetrics(
        Gauge("kurslotse_work_failing", "Items on which work failed.", registry=registry),
        Gauge("kurslotse_work_set_aside", "Items set aside until somebody looks.", registry=registry),
    )
