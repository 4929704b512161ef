"""The gateway's metrics: what goes to the support side is one label, in whole hundreds."""

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from schemas.envelope import Event
from schemas.support import ConsentGranted
from schemas.topics import Family
from services.gateway.acceptance.domain import Ready, Refused
from services.gateway.metrics import DoorMetrics

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def consent(number: int) -> Ready:
    said = ConsentGranted(
        reference=f"a-{number}", office="mbe-nord", purposes=("dropout_support",), given_on=NOW.date()
    )
    event = Event(str(number), said.type_, "/treff", NOW, said)
    return Ready(event, Family.SUPPORT, b"{}", b"")


def test_no_single_consent_is_seen_when_it_is_given() -> None:
    registry = CollectorRegistry()
    metrics = DoorMetrics(registry)

    def accepted() -> dict[str, float]:
        return {
            sample.labels["type"]: sample.value
            for metric in registry.collect()
            for sample in metric.samples
            if sample.name == "kurslotse_gateway_events_total" and sample.labels["outcome"] == "accepted"
        }

    before = accepted()
    metrics.count([consent(number) for number in range(99)])
    assert accepted() == before
    metrics.count([consent(99)])
    assert accepted() == before | {"support": 100}
    assert not any("consent" in name for name in before)


def test_what_was_refused_is_counted_without_its_type() -> None:
    registry = CollectorRegistry()
    DoorMetrics(registry).count([Refused("1", 422, (), ConsentGranted.type_, Family.SUPPORT)])
    labels = {"type": "support", "outcome": "refused"}
    assert registry.get_sample_value("kurslotse_gateway_events_total", labels) == 1
