"""Metrics and status of the side where one more record is one person's choice."""

from dataclasses import replace
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from services.runtime.serve.discreet import Discreet, coarse, discreetly, under_way_discreetly
from services.runtime.serve.status import Invariant, ServiceStatus, UnderWay

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def status(consents: int, alerts: int) -> ServiceStatus:
    return ServiceStatus(
        service="notifications",
        now=NOW,
        events={"de.kurslotse.consent-granted.v1": consents, "de.kurslotse.attendance-recorded.v1": 240},
        lag={"n.support|support.vhs": 2, "n.support|support.mbe": 1, "n.in|in.vhs": 0},
        outbox=0,
        unsendable=0,
        due=consents,
        parked=0,
        quarantined=0,
        paused=(),
        failing=(f"reconcile: {alerts} failed, 0 set aside: KeyError",) if alerts else (),
        invariants=(Invariant("I4", ok=True, checked=alerts, detail=f"{alerts} alerts"),),
        figures={"people_kept": 7},
    )


def test_one_consent_more_changes_nothing_in_the_status() -> None:
    said = discreetly(status(31, 4))
    assert said == discreetly(status(32, 5))
    assert (said.events, said.due, said.lag) == ({"all": 200}, 1, {"n.support": 3, "n.in": 0})
    assert (said.invariants[0].checked, said.invariants[0].detail) == (1, "")


def test_a_broken_invariant_is_told_without_its_count() -> None:
    broken = replace(status(1, 1), invariants=(Invariant("I4", ok=False, checked=9, detail="2 missing"),))
    assert discreetly(broken).invariants == (Invariant("I4", ok=False, checked=1, detail="does not hold"),)


def test_whoever_waits_for_quiet_sees_that_something_was_read_and_not_what() -> None:
    def looked(consents: int) -> UnderWay:
        events = {"de.kurslotse.consent-granted.v1": consents}
        return under_way_discreetly(UnderWay("notifications", NOW, events, {}, 0, consents))

    assert looked(1).events == looked(1).events
    assert looked(1).events != looked(2).events
    assert [looked(n).due for n in (0, 1, 9)] == [0, 1, 1]


def test_only_what_is_named_is_scraped_and_work_in_whole_hundreds() -> None:
    registry = CollectorRegistry()
    records = Counter("kurslotse_records", "-", ["reader"], registry=registry)
    seconds = Histogram("kurslotse_batch_seconds", "-", registry=registry, buckets=(1.0,))
    Gauge("kurslotse_alarm", "-", registry=registry).set(1)
    faults = Counter("kurslotse_faults", "-", ["fault"], registry=registry)
    faults.labels("tls").inc()
    faults.labels("refused")
    Gauge("kurslotse_open_consents", "-", registry=registry).set(17)
    shown = coarse(
        registry,
        Discreet(
            frozenset({"kurslotse_alarm"}),
            frozenset({"kurslotse_records", "kurslotse_batch_seconds"}),
            frozenset({"kurslotse_faults"}),
        ),
    )
    records.labels("support").inc(199)
    seconds.observe(0.5)
    before = generate_latest(shown)
    records.labels("support").inc(0.5)
    faults.labels("tls").inc()
    seconds.observe(0.5)
    assert generate_latest(shown) == before
    records.labels("support").inc(1)
    after = generate_latest(shown).decode()
    assert 'kurslotse_records_total{reader="support"} 200.0' in after
    assert "kurslotse_alarm 1.0" in after
    assert 'kurslotse_faults_total{fault="tls"} 1.0' in after
    assert 'kurslotse_faults_total{fault="refused"} 0.0' in after
    assert "consents" not in after
    assert "_sum" not in after
    assert "_created" not in after
