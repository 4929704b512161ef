"""Defines the gateway's metrics; every label value exists from the start."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter

from schemas.topics import EVENT_TYPES, Family
from services.gateway.acceptance.domain import Checked, Ready
from services.runtime.serve.discreet import STEP

_OUTCOMES = ("accepted", "refused")
COUNTED = ("key_missing", "key_unknown", "key_failures", "rate_limited", "busy")
"""Codes of requests refused as a whole that are counted."""
_UNKNOWN = "unknown"
_SUPPORT = "support"
"""Everything for the support side under one label: a consent is not to be seen when it is given."""


class DoorMetrics:
    """Counts events and requests that the doors accepted or refused."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "kurslotse_gateway_events",
            "Events at the doors (repetitions included)",
            ("type", "outcome"),
            registry=registry,
        )
        self.turned_away = Counter(
            "kurslotse_gateway_turned_away", "Requests refused as a whole", ("code",), registry=registry
        )
        self._types = [
            name for name, type_ in EVENT_TYPES.items() if type_.kinds and type_.family is not Family.SUPPORT
        ]
        self._supported = 0
        for type_ in (*self._types, _SUPPORT, _UNKNOWN):
            for outcome in _OUTCOMES:
                self.events.labels(type_, outcome)
        for code in (*COUNTED, "database_unavailable"):
            self.turned_away.labels(code)

    def count(self, results: Sequence[Checked]) -> None:
        """Count events by type and outcome."""
        for item in results:
            if isinstance(item, Ready) and item.family is Family.SUPPORT:
                self._supported += 1
                if self._supported % STEP == 0:
                    self.events.labels(_SUPPORT, "accepted").inc(STEP)
            elif isinstance(item, Ready):
                self.events.labels(item.event.type, "accepted").inc()
            else:
                self.events.labels(self._label(item.type), "refused").inc()

    def _label(self, type_: str | None) -> str:
        if type_ in self._types:
            return str(type_)
        known = EVENT_TYPES.get(type_ or "")
        return _SUPPORT if known is not None and known.family is Family.SUPPORT else _UNKNOWN
