"""Defines the gateway's metrics; every label value exists from the start."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter

from schemas.topics import EVENT_TYPES
from services.gateway.acceptance.domain import Checked, Ready

_OUTCOMES = ("accepted", "refused")
COUNTED = ("key_missing", "key_unknown", "key_failures", "rate_limited", "busy")
"""Codes of requests refused as a whole that are counted."""
_UNKNOWN = "unknown"


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
        self._types = [name for name, type_ in EVENT_TYPES.items() if type_.kinds]
        for type_ in (*self._types, _UNKNOWN):
            for outcome in _OUTCOMES:
                self.events.labels(type_, outcome)
        for code in (*COUNTED, "database_unavailable"):
            self.turned_away.labels(code)

    def count(self, results: Sequence[Checked]) -> None:
        """Count events by type and outcome."""
        for item in results:
            if isinstance(item, Ready):
                self.events.labels(item.event.type, "accepted").inc()
            else:
                known = item.type if item.type in self._types else _UNKNOWN
                self.events.labels(known, "refused").inc()
