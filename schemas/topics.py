"""Defines which event goes on which topic, who may write it, and how topics are named."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from schemas import counts, erasures, gateway, installation, measures, offices, placements, providers, support
from schemas.base import Payload
from schemas.codes import PublisherKind


class Family(StrEnum):
    """Topic families (architecture.md, 'Topics')."""

    PUBLISHERS = "publishers"
    IN = "in"
    SUPPORT = "support"
    PLACEMENTS = "placements"
    FINDINGS_STEERING = "findings.steering"
    FINDINGS_SUPPORT = "findings.support"
    OUT = "out"
    PROGRESS = "progress"
    COUNTS = "counts"
    INSTALLATION = "installation"
    ERASURES = "erasures"
    ERASURES_DONE = "erasures.done"


PUBLISHERS_FAMILIES = frozenset({Family.IN, Family.SUPPORT})
"""Families in which publishers speak."""

PER_PUBLISHER = frozenset({Family.IN, Family.SUPPORT, Family.OUT})
"""Families with one topic for each publisher."""

PARTITIONS: Mapping[Family, int] = {family: 12 if family is Family.PLACEMENTS else 1 for family in Family}
"""Partitions of a topic when it is made."""

COMPACTED = frozenset({Family.PUBLISHERS, Family.INSTALLATION})


@dataclass(frozen=True, slots=True)
class EventType:
    """An event type: its payload, its home, and which publishers may be allowed to send it."""

    name: str
    payload: type[Payload]
    family: Family
    kinds: frozenset[PublisherKind]


_PROVIDER = frozenset({PublisherKind.PROVIDER})
_OFFICE = frozenset({PublisherKind.OFFICE})
_ANY_OFFICE = frozenset({PublisherKind.OFFICE, PublisherKind.COUNSELLING})
_NONE: frozenset[PublisherKind] = frozenset()

_TABLE: tuple[tuple[Family, frozenset[PublisherKind], tuple[type[Payload], ...]], ...] = (
    (
        Family.IN,
        _PROVIDER,
        (
            providers.CourseAnnounced,
            providers.CourseChanged,
            providers.CourseCancelled,
            providers.SectionCompleted,
            providers.ParticipantLeft,
            providers.PlaceConfirmed,
            providers.PlaceRefused,
            providers.CourseCompleted,
        ),
    ),
    (
        Family.IN,
        _OFFICE,
        (
            offices.ParticipantRegistered,
            offices.ParticipantChanged,
            offices.ParticipantWithdrawn,
            offices.PlacementTested,
            offices.AssignedByAuthority,
            offices.PlaceAccepted,
            offices.PlaceDeclined,
        ),
    ),
    (
        Family.SUPPORT,
        _PROVIDER,
        (
            support.AttendanceRecorded,
            support.SectionResultRecorded,
            support.ExamResultRecorded,
            support.ConsentCollected,
        ),
    ),
    (Family.SUPPORT, _ANY_OFFICE, (support.ConsentGranted, support.ConsentRevoked, support.NeedReported)),
    (
        Family.PLACEMENTS,
        _NONE,
        (
            placements.PlaceProposed,
            placements.PlaceReserved,
            placements.ReservationExpired,
            placements.EnrolmentConfirmed,
            placements.EnrolmentEnded,
            placements.PlacementAdvanced,
            placements.ParticipantUnplaced,
            placements.ParticipantsMerged,
            placements.CourseMerged,
            placements.CourseOutcomeReported,
            placements.CourseStated,
            placements.ParticipantStated,
            measures.MeasureStated,
        ),
    ),
    (Family.COUNTS, _NONE, (counts.CountsReported, counts.WeeklyCountsReported)),
    (Family.ERASURES, _NONE, (erasures.ParticipantErased,)),
    (Family.ERASURES_DONE, _NONE, (erasures.ErasureAcknowledged,)),
    (Family.PUBLISHERS, _NONE, (gateway.PublisherAnnounced,)),
    (Family.PROGRESS, _NONE, (gateway.PublisherProgressed,)),
    (Family.FINDINGS_STEERING, _NONE, (gateway.FindingRaised,)),
    (Family.INSTALLATION, _NONE, (installation.InstallationAnnounced,)),
)

EVENT_TYPES: Mapping[str, EventType] = {
    payload.type_: EventType(payload.type_, payload, family, kinds)
    for family, kinds, payloads in _TABLE
    for payload in payloads
}
"""CloudEvents type -> event type. FindingRaised travels on both findings families and on `out`."""

_INCLUDED_IN: Mapping[str, str] = {
    support.ConsentCollected.type_: support.AttendanceRecorded.type_,
}
"""Types that came later -> the type whose permission includes them: lists of permissions are kept as made."""

_ALSO_ON: Mapping[Family, frozenset[Family]] = {
    Family.FINDINGS_SUPPORT: frozenset({Family.FINDINGS_STEERING}),
    Family.OUT: frozenset({Family.FINDINGS_STEERING, Family.PLACEMENTS, Family.ERASURES}),
}
"""Families whose topics carry the event types of other families too."""


def event_types_on(family: Family) -> list[EventType]:
    """Return the event types that travel on the topics of a family."""
    families = {family} | _ALSO_ON.get(family, frozenset())
    return [event_type for event_type in EVENT_TYPES.values() if event_type.family in families]


def types_for(kinds: frozenset[PublisherKind]) -> tuple[str, ...]:
    """List the event types that publishers of these kinds may be allowed to send."""
    return tuple(name for name, event_type in EVENT_TYPES.items() if event_type.kinds & kinds)


def may_send(type_: str, allowed: AbstractSet[str]) -> bool:
    """Return whether a publisher that is allowed these event types may send one of a type."""
    return type_ in allowed or _INCLUDED_IN.get(type_) in allowed


def topic(family: Family, publisher: str | None = None, *, prefix: str = "") -> str:
    """Name a topic; families in PER_PUBLISHER need the publisher's slug.

    Raises:
        ValueError: a publisher is missing or too much.
    """
    if (publisher is not None) != (family in PER_PUBLISHER):
        raise ValueError(f"{family} needs a publisher" if publisher is None else f"{family} has no publisher")
    return f"{prefix}kurslotse.{family}" + (f".{publisher}" if publisher is not None else "")


def pattern(family: Family, *, prefix: str = "") -> str:
    """Regular expression of all topics of a per-publisher family."""
    start = f"{prefix}kurslotse.{family}.".replace(".", r"\.")
    return rf"^{start}[a-z0-9-]+\Z"


def parse_topic(name: str, *, prefix: str = "") -> tuple[Family, str | None]:
    """Read family and publisher from a topic's name.

    Raises:
        ValueError: it is none of ours.
    """
    start = f"{prefix}kurslotse."
    if not name.startswith(start):
        raise ValueError("not a topic of this installation")
    rest = name.removeprefix(start)
    for family in Family:
        if family in PER_PUBLISHER and rest.startswith(f"{family}."):
            return family, rest.removeprefix(f"{family}.")
        if rest == family and family not in PER_PUBLISHER:
            return family, None
    raise ValueError("no topic family of this name")
