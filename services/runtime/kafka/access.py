"""Says who may read and write which topics, and how long records stay there."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.topics import Family

RETENTION_DAYS: Mapping[Family, int] = {
    Family.IN: 14,
    Family.SUPPORT: 14,
    Family.PLACEMENTS: 90,
    Family.FINDINGS_STEERING: 14,
    Family.FINDINGS_SUPPORT: 14,
    Family.OUT: 30,
    Family.PROGRESS: 7,
    Family.COUNTS: 90,
    Family.ERASURES: 400,  # longer than any backup is kept
    Family.ERASURES_DONE: 14,
}
"""Days that records stay; the inbox is kept at least as long (LoopSettings.inbox_days)."""


@dataclass(frozen=True, slots=True)
class Access:
    """The topic families a service's user may read and write, and those in which it may make topics."""

    reads: tuple[Family, ...]
    writes: tuple[Family, ...]
    makes: tuple[Family, ...] = ()


SERVICE_ACCESS: Mapping[str, Access] = {
    "gateway": Access(
        reads=(
            Family.INSTALLATION,
            Family.PUBLISHERS,
            Family.PLACEMENTS,
            Family.FINDINGS_STEERING,
            Family.FINDINGS_SUPPORT,
            Family.ERASURES,
        ),
        writes=(
            Family.PUBLISHERS,
            Family.IN,
            Family.SUPPORT,
            Family.OUT,
            Family.PROGRESS,
            Family.ERASURES_DONE,
        ),
        makes=(Family.IN, Family.SUPPORT, Family.OUT),
    ),
    "allocation": Access(
        reads=(
            Family.INSTALLATION,
            Family.PUBLISHERS,
            Family.IN,
            Family.PROGRESS,
            Family.COUNTS,
            Family.ERASURES,
        ),
        writes=(Family.PLACEMENTS, Family.FINDINGS_STEERING, Family.ERASURES, Family.ERASURES_DONE),
    ),
    "notifications": Access(
        reads=(
            Family.INSTALLATION,
            Family.PUBLISHERS,
            Family.SUPPORT,
            Family.PLACEMENTS,
            Family.ERASURES,
            Family.ERASURES_DONE,
        ),
        writes=(Family.FINDINGS_SUPPORT, Family.COUNTS),
    ),
}
"""The topics table of the architecture: the wall between the two sides, as the broker enforces it."""
