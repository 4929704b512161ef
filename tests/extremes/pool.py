"""The few publishers, courses, people and places that events of one sequence are about, so that they meet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from schemas.codes import PublisherKind
from schemas.days import local_day
from schemas.gateway import PublisherAnnounced
from schemas.identity import course_id, participant_id
from schemas.topics import EVENT_TYPES, types_for
from services.texts.figures import STEERING, SUPPORT
from tests.identity import IDENTITY_KEY

START = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)
KREISE = ("99001", "99002")
TOWNS = ("99001001", "99001002", "99002001", "00000000")
PUBLISHERS: Mapping[str, tuple[tuple[str, ...], str, bool]] = {
    "schule": (("provider",), "schule", False),
    "akademie": (("provider",), "akademie", False),
    "amt": (("office",), "amt", True),
    "treff": (("office", "counselling"), "wohlfahrt", False),
    "beratung": (("counselling", "office"), "wohlfahrt", False),
    "haus": (("provider", "office", "counselling"), "haus", False),
}
"""Slug -> kinds, organisation, whether it obliges people."""
STRANGERS = ("fremd-1", "a" * 48)
"""Slugs that only generated announcements of publishers speak of."""
OWN_COURSES = ("k-1", "k-ü\u0308", "k" * 255)
REFERENCES = ("A-1", "3", "a.2/x", "9" * 64)

BLOCKING = frozenset({"provider", "office"})
"""Fields of which an unknown value keeps everything later about the same person waiting: seldom unknown."""


def of_kind(kind: str) -> tuple[str, ...]:
    """Return the slugs of the publishers of a kind."""
    return tuple(slug for slug, (kinds, _, _) in PUBLISHERS.items() if kind in kinds)


def announcements() -> list[PublisherAnnounced]:
    """Return the announcements of the publishers; each may send what its kinds may."""
    return [
        PublisherAnnounced(
            slug=slug,
            name=f"{slug} (erfunden)",
            kinds=kinds,
            organisation=organisation,
            authority=authority,
            kreise=KREISE,
            event_types=types_for(frozenset(map(PublisherKind, kinds))),
            version=1,
        )
        for slug, (kinds, organisation, authority) in PUBLISHERS.items()
    ]


@dataclass
class Pool:
    """What events of one sequence refer to; `placements` are those that the steering side has made."""

    now: datetime = START
    placements: list[UUID] = field(default_factory=lambda: [UUID(int=n) for n in (0, 1, 2**128 - 1)])

    @property
    def today(self) -> str:
        """Return the business day."""
        return local_day(self.now).isoformat()

    def texts(self, name: str, *, is_id: bool) -> Sequence[str]:
        """Return the values from which a field of this name takes mostly; `is_id`: it holds a UUID."""
        return _IDS.get(name, ()) if is_id and name != "placement" else self._texts(name)

    def _texts(self, name: str) -> Sequence[str]:
        if name == "placement":
            return [str(one) for one in self.placements[-12:]]
        return _TEXTS.get(name, ())


_PEOPLE = tuple(
    str(participant_id(office, reference)) for office in of_kind("office") for reference in REFERENCES
)
_COURSES = tuple(str(course_id(slug, own)) for slug in of_kind("provider") for own in OWN_COURSES)
_IDS: Mapping[str, Sequence[str]] = {
    "participant": _PEOPLE,
    "merged": _PEOPLE,
    "into": _PEOPLE,
    "course": _COURSES,
    "erasure": [str(UUID(int=n)) for n in range(3)],
    "run": [str(UUID(int=n)) for n in range(3)],
    "id": [str(UUID(int=n)) for n in range(3)],
}
_TYPES = ("integration_general",) * 6 + ("integration_women", "vocational", "municipal")
_FIGURES = (*STEERING, *SUPPORT)
_TEXTS: Mapping[str, Sequence[str]] = {
    "course": OWN_COURSES,
    "own_course": OWN_COURSES,
    "reference": REFERENCES,
    "family": ("F-1", "F-2"),
    "own_number": ("N-1", "N-2"),
    "provider": of_kind("provider"),
    "office": of_kind("office"),
    "publisher": (*PUBLISHERS, *STRANGERS),
    "slug": STRANGERS,
    "organisation": [organisation for _, organisation, _ in PUBLISHERS.values()],
    "course_type": _TYPES,
    "course_types": _TYPES,
    "standing": ("obliged_jobcenter", "entitled", "self_payer"),
    "route": ("aufenthg_44a", "aufenthg_44_1"),
    "level": ("none", "A1"),
    "kreis": KREISE,
    "kreise": KREISE,
    "town": TOWNS,
    "event_types": list(EVENT_TYPES),
    "event_type": list(EVENT_TYPES),
    "topic": [f"kurslotse.{family}.{slug}" for slug in PUBLISHERS for family in ("in", "support")],
    "figure": [figure.name for figure in _FIGURES],
    "name": [part.name for figure in _FIGURES for part in figure.parts],
    "quarter": ("2026-07-01", "2026-10-01", "2027-01-01", "2026-11-29"),
    "tombstones": [IDENTITY_KEY.tombstone(UUID(one)).hex() for one in _PEOPLE[:2]],
    "service": ("allocation", "gateway", "notifications", "nobody"),
    "table": ("placement", "runtime.parked"),
}
