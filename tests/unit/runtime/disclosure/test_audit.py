"""The audit of an installation finds what was planted: a leaky publication, a changed one, a wrong gauge."""

from collections import defaultdict
from dataclasses import replace
from datetime import date

import pytest
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from services.runtime.disclosure.bands import UNTOLD, Band
from services.runtime.disclosure.figures import Publication, publish
from services.runtime.disclosure.quarters import Quarter
from services.texts.figures import COUNSELLING, NEEDS, needs_with_towns
from tests.attacker.attack import Statement
from tests.attacker.audit import Known, attack, by_town_of, differing, wrong_gauges

QUARTER = Quarter(date(2026, 1, 1))
COUNTED = {"began": 20, "consented": 20, "announced": 12, "unsuited": 1, "at_risk": 1, "taken_up": 0}
PUBLISHED = publish(COUNSELLING, "99001", QUARTER, COUNTED, k=5, today=QUARTER.closes_on)


def known(size: int) -> Known:
    group = frozenset(range(size))
    return Known(group, (Statement(group, "began", size, size),))


def test_what_was_published_as_it_should_be_passes() -> None:
    verdict = attack(COUNSELLING, [(PUBLISHED, known(20))])
    assert (verdict.counts, verdict.corrected, verdict.leaks) == (5, 0, ())


def test_what_todays_records_contradict_is_counted_and_not_attacked() -> None:
    verdict = attack(COUNSELLING, [(PUBLISHED, known(3))])
    assert (verdict.counts, verdict.corrected) == (0, 1)


@pytest.mark.parametrize("leaky", [Band(20, 20), Band(18, 20), Band(0, 0), Band(3, 5)])
def test_a_leaky_publication_is_found(leaky: Band) -> None:
    bands = {**dict.fromkeys(PUBLISHED.bands, UNTOLD), "began": PUBLISHED.bands["began"], "consented": leaky}
    assert attack(COUNSELLING, [(replace(PUBLISHED, bands=bands), known(20))]).leaks != ()


def test_what_the_other_side_did_not_publish_is_found() -> None:
    changed = replace(PUBLISHED, bands={**PUBLISHED.bands, "at_risk": Band(5, 9)})
    assert differing([PUBLISHED], [PUBLISHED]) == []
    assert len(differing([changed], [PUBLISHED])) == 1
    assert len(differing([PUBLISHED], [])) == 1


def page(published: Publication, **more: float) -> str:
    registry = CollectorRegistry()
    low = Gauge("kurslotse_published_low", "-", ["kreis", "figure", "part"], registry=registry)
    for part, band in published.bands.items():
        low.labels(published.kreis, published.figure, part).set(band.low)
    for name, value in more.items():
        Gauge(name, "-", registry=registry).set(value)
    return generate_latest(registry).decode()


def test_a_gauge_that_shows_something_else_is_found() -> None:
    changed = replace(PUBLISHED, bands={**PUBLISHED.bands, "at_risk": Band(1, 1)})
    assert wrong_gauges(page(PUBLISHED), [PUBLISHED], support=True) == []
    assert len(wrong_gauges(page(changed), [PUBLISHED], support=True)) == 1
    of_before = replace(PUBLISHED, bands={**PUBLISHED.bands, "town_99001001": Band(9)})
    assert len(wrong_gauges(page(of_before), [PUBLISHED], support=True)) == 1
    assert len(wrong_gauges(page(PUBLISHED, kurslotse_open_consents=7), [PUBLISHED], support=True)) == 1


def test_towns_of_needs_are_attacked_with_their_need() -> None:
    figure = needs_with_towns(NEEDS, ["99001001", "99001002", "99001003"])
    counts = defaultdict(int, {"bus": 20, "town_99001001_bus": 20, "town_99001002_bus": 0})
    told = publish(figure, "99001", QUARTER, counts, k=5, today=QUARTER.closes_on)
    names = [part.name for part in figure.parts]
    bus = next(one for one in by_town_of(names) if one.parts[0].name == "bus")
    assert (bus.name, len(by_town_of(names)), len(bus.parts)) == ("needs", 4, 3)
    assert attack(bus, [(told, Known(frozenset(range(500))))]).leaks == ()
    solved = replace(told, bands={**told.bands, "town_99001001_bus": Band(23, 24)})
    assert attack(bus, [(solved, Known(frozenset(range(500))))]).leaks != ()
