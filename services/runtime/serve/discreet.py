"""Coarsens what a service says about its own work where one more record can be one person's choice."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from services.runtime.serve.status import ServiceStatus, UnderWay

STEP = 100
"""Counted records are told in whole hundreds, all kinds together."""
_SALT = os.urandom(16)
_PROCESS = ("process_", "python_")


@dataclass(frozen=True, slots=True)
class Discreet:
    """The metrics that may be scraped, by name; others are not shown at all.

    `exact` are alarms and published figures, `stepped` counters and histograms of work, in whole
    hundreds, without their sums, `flags` faults of which is told whether there was one since the start.
    """

    exact: frozenset[str]
    stepped: frozenset[str]
    flags: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """Everything that is shown."""
        return self.exact | self.stepped | self.flags


class _Coarse(Collector):
    def __init__(self, registry: CollectorRegistry, discreet: Discreet) -> None:
        self._registry, self._discreet = registry, discreet

    def collect(self) -> Iterable[Metric]:
        for metric in self._registry.collect():
            if metric.name in self._discreet.exact or metric.name.startswith(_PROCESS):
                yield _shown(metric, lambda value: value)
            elif metric.name in self._discreet.stepped:
                yield _shown(metric, _down, left_out="_sum")
            elif metric.name in self._discreet.flags:
                yield _shown(metric, _whether)


def coarse(registry: CollectorRegistry, discreet: Discreet) -> CollectorRegistry:
    """Return a registry that shows what may be scraped of another."""
    shown = CollectorRegistry()
    shown.register(_Coarse(registry, discreet))
    return shown


def _shown(metric: Metric, told: Callable[[float], float], left_out: str = "_created") -> Metric:
    shown = Metric(metric.name, metric.documentation, metric.type, metric.unit)
    shown.samples = [
        sample._replace(value=told(sample.value), exemplar=None)
        for sample in metric.samples
        if not sample.name.endswith(("_created", left_out))
    ]
    return shown


def _down(value: float) -> int:
    return int(value) // STEP * STEP


def _whether(value: float) -> int:
    return int(value > 0)


def discreetly(said: ServiceStatus) -> ServiceStatus:
    """Return a status in which no single record shows: work in whole hundreds, conditions without counts."""
    return replace(
        said,
        events={"all": _down(sum(said.events.values()))},
        lag=_by_reader(said.lag),
        due=min(said.due, 1),
        failing=tuple(one.partition(":")[0] for one in said.failing),
        invariants=tuple(
            replace(one, checked=min(one.checked, 1), detail="" if one.ok else "does not hold")
            for one in said.invariants
        ),
    )


def under_way_discreetly(said: UnderWay) -> UnderWay:
    """Return what is under way; the events only show whether any was read since the last look."""
    changed = {"changed": _digest(said.events)}
    return replace(said, events=changed, lag=_by_reader(said.lag), due=min(said.due, 1))


def _by_reader(lag: Mapping[str, int]) -> dict[str, int]:
    """Add the lag of a reader's topics up: the topic of one office carries hardly anything but consents."""
    found: Counter[str] = Counter()
    for name, unread in lag.items():
        found[name.partition("|")[0]] += unread
    return dict(found)


def _digest(events: Mapping[str, int]) -> int:
    found = hashlib.blake2b(repr(sorted(events.items())).encode(), digest_size=6, key=_SALT).digest()
    return int.from_bytes(found)
