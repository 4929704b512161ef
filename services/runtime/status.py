"""What a service says about itself at /status."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Invariant:
    """One thing that must always hold, counted just now."""

    id: str
    ok: bool
    checked: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OwnStatus:
    """The part that a service itself answers; the runtime adds events, lag, outbox, parked, quarantined.

    `due` counts what its timers would do at `now`: the simulator advances the day only when it is 0.
    """

    due: int = 0
    invariants: tuple[Invariant, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """The whole answer at /status."""

    service: str
    now: str
    events: Mapping[str, int]
    lag: Mapping[str, int]
    outbox: int
    due: int
    parked: int
    quarantined: int
    paused: tuple[str, ...]
    invariants: tuple[Invariant, ...]
    figures: Mapping[str, float]
