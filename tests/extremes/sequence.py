"""Says events of all types in any order: also again, with other content, corrected and taken back."""

import random
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from schemas.base import Payload
from schemas.codes import PublisherKind
from schemas.days import add_days, local_day
from schemas.erasures import ParticipantErased
from schemas.gateway import PublisherAnnounced
from schemas.identity import course_id, participant_id
from schemas.offices import ParticipantRegistered, ParticipantWithdrawn, PlaceAccepted
from schemas.placements import ParticipantsMerged
from schemas.providers import CourseCancelled, CourseCompleted, PlaceConfirmed
from schemas.support import AttendanceRecorded, ConsentGranted
from schemas.topics import EVENT_TYPES, PER_PUBLISHER, EventType, Family, event_types_on, topic
from tests.extremes.brokerless import Record, Topics
from tests.extremes.pool import OWN_COURSES, PUBLISHERS, REFERENCES, Pool, of_kind
from tests.extremes.texts import text
from tests.extremes.usual import usual
from tests.extremes.values import Values

SAID_BY_PUBLISHERS = (Family.IN, Family.SUPPORT)
OUR_OWN = (Family.PLACEMENTS, Family.COUNTS, Family.ERASURES, Family.ERASURES_DONE, Family.PUBLISHERS,
           Family.PROGRESS, Family.FINDINGS_STEERING, Family.FINDINGS_SUPPORT)  # fmt: skip
KINDS: Sequence[tuple[Family, EventType]] = [
    (family, kind) for family in (*SAID_BY_PUBLISHERS, *OUR_OWN) for kind in event_types_on(family)
]
"""Every event type on every family of topics that a service reads."""
_OFTEN: Mapping[type[Payload], float] = {
    AttendanceRecorded: 4.0, ConsentGranted: 2.0, ParticipantRegistered: 1.5, PlaceAccepted: 2.0,
    PlaceConfirmed: 2.0,
}  # fmt: skip
_SELDOM: Mapping[type[Payload], float] = {
    CourseCompleted: 0.3, CourseCancelled: 0.3, ParticipantWithdrawn: 0.3, ParticipantsMerged: 0.4,
    ParticipantErased: 0.15,
}  # fmt: skip
_OUR_OWN_SHARE = 0.3  # readers hear more of our own events than these: what the services say themselves
_WEIGHTS = [
    {**_OFTEN, **_SELDOM}.get(kind.payload, 1.0) * (1.0 if family in SAID_BY_PUBLISHERS else _OUR_OWN_SHARE)
    for family, kind in KINDS
]
_CALM = (0.0, 0.5, 0.9, 0.98, 0.98, 1.0)
_PRINTABLE = "".join(sorted(set(string.printable[:94])))

PEOPLE = {participant_id(office, one): (office, one) for office in of_kind("office") for one in REFERENCES}
COURSES = {course_id(slug, own): (slug, own) for slug in of_kind("provider") for own in OWN_COURSES}


@dataclass(frozen=True, slots=True)
class Known:
    """A placement that the steering side has made."""

    placement: UUID
    participant: UUID
    course: UUID


@dataclass
class Speaker:
    """Says the events of one sequence."""

    chance: random.Random
    topics: Topics
    pool: Pool
    known: list[Known] = field(default_factory=list)
    said: dict[tuple[str | None, Family], list[tuple[dict[str, str], bytes, str]]] = field(
        default_factory=dict
    )
    ids: int = 0

    def begin(self) -> None:
        """Say usual courses, people, tests and consents, in any order: what comes later is about them."""
        first = usual(self.chance, local_day(self.pool.now))
        for publisher, kind, fixed in self.chance.sample(first, len(first)):
            event_type = EVENT_TYPES[kind.type_]
            self.say_of(event_type.family, event_type, calm=1.0, publisher=publisher, fixed=fixed)

    def say_each(self) -> None:
        """Say one event of every type, in any order."""
        for family, kind in self.chance.sample(KINDS, len(KINDS)):
            self.say_of(family, kind)

    def say(self) -> Record:
        """Say one event of any type."""
        ((family, kind),) = self.chance.choices(KINDS, _WEIGHTS)
        if kind.payload is AttendanceRecorded and self.known and self.chance.random() < 0.4:
            self._absences(kind)
        return self.say_of(family, kind)

    def _absences(self, kind: EventType) -> None:
        """Say that somebody with a place has been missing for days: chance alone hardly ever says so."""
        one = self._place()
        if one.course not in COURSES:
            return
        provider, own = COURSES[one.course]
        entries = [{"participant": str(one.participant), "mark": "U", "ue": 0}]
        for before in range(8, 0, -1):
            day = add_days(local_day(self.pool.now), -before).isoformat()
            fixed = {"course": own, "day": day, "ue_held": 5, "entries": entries}
            self.say_of(kind.family, kind, calm=1.0, publisher=provider, fixed=fixed)

    def _place(self) -> Known:
        """Return a placement, mostly one of the last: those that are not over."""
        return self.known[-1 - int(len(self.known) * self.chance.random() ** 3)]

    def say_of(
        self,
        family: Family,
        kind: EventType,
        *,
        calm: float | None = None,
        publisher: str | None = None,
        fixed: Mapping[str, Any] | None = None,
    ) -> Record:
        """Say an event of this type on a topic of this family, with some fields as given."""
        if calm is None:
            calm = self.chance.choice(_CALM)
        raw = Values(self.chance, self.pool, calm).payload(kind.payload)
        if fixed is not None:
            raw = orjson.dumps(orjson.loads(raw) | fixed)
        elif family in PER_PUBLISHER:
            publisher = self._publisher(kind)
        if fixed is None and self.known and self.chance.random() < 0.75:
            raw, publisher = self._fitted(raw, publisher)
        key = kind.payload.model_validate_json(raw).subject_key(publisher or "")
        said = self.said.setdefault((publisher, family), [])
        if said and fixed is None and self.chance.random() < 0.06:
            headers, raw, key = self.chance.choice(said)  # the same again
        else:
            headers = self._headers(kind.name, publisher, family)
            said.append((headers, raw, key))
        name = topic(family, publisher, prefix=self.topics.prefix)
        return self.topics.append(name, key, headers, raw, self.pool.now)

    def announce(self, data: PublisherAnnounced) -> None:
        """Announce a publisher."""
        name = topic(Family.PUBLISHERS, prefix=self.topics.prefix)
        headers = self._headers(data.type_, None, Family.PUBLISHERS)
        self.topics.append(
            name, data.slug, headers, orjson.dumps(data.model_dump(mode="json")), self.pool.now
        )

    def _publisher(self, kind: EventType) -> str:
        kinds = {str(one) for one in kind.kinds or frozenset(PublisherKind)}
        able = [slug for slug, (own, _, _) in PUBLISHERS.items() if kinds & set(own)]
        if self.chance.random() < 0.03:
            return self.chance.choice([*PUBLISHERS, "unbekannt"])
        return able[int(len(able) * self.chance.random() ** 2)]

    def _fitted(self, raw: bytes, publisher: str | None) -> tuple[bytes, str | None]:
        """Let an event be about a placement that there is, said by who is concerned."""
        one = self._place()
        if one.participant not in PEOPLE or one.course not in COURSES:
            return raw, publisher
        (office, reference), (provider, own) = PEOPLE[one.participant], COURSES[one.course]
        data: dict[str, Any] = orjson.loads(raw)
        ours = publisher is None
        fit: dict[str, Any] = {
            "placement": str(one.placement),
            "participant": str(one.participant),
            "reference": reference,
            "course": str(one.course) if ours else own,
            "own_course": own,
            "provider": provider,
        }
        data |= {name: value for name, value in fit.items() if name in data}
        if data.get("steps"):
            data["steps"][0]["participant"] = str(one.participant)
        if data.get("entries") and all(e["participant"] != str(one.participant) for e in data["entries"]):
            data["entries"][0]["participant"] = str(one.participant)
        if not ours:
            publisher = office if "reference" in data else provider if "course" in data else publisher
        return orjson.dumps(data), publisher

    def _headers(self, type_: str, publisher: str | None, family: Family) -> dict[str, str]:
        headers = {"ce_specversion": "1.0", "ce_id": self._id(publisher, family), "ce_type": type_}
        headers["ce_source"] = self.chance.choice(("/x", "urn:ü", text(self.chance, 1, 255)))
        if self.chance.random() < 0.8:
            times = ("1900-01-01T00:00:00Z", "2199-12-31T23:59:59Z", self.pool.now.isoformat())
            headers["ce_time"] = self.chance.choice(times)
        if publisher is not None and self.chance.random() < 0.12:
            name = self.chance.choice(("ce_corrects", "ce_retracts"))
            headers[name] = self._earlier(publisher, family)
        if publisher is None:
            headers["ce_audience"] = ",".join(self.chance.sample(list(PUBLISHERS), self.chance.randrange(3)))
            if self.chance.random() < 0.2:
                headers["ce_causationid"] = text(self.chance, 1, 40)
        return headers

    def _id(self, publisher: str | None, family: Family) -> str:
        """Return the id of a new event; now and then that of another one."""
        self.ids += 1
        chosen = self.chance.random()
        if chosen < 0.03:
            return self._earlier(publisher, family)
        if chosen < 0.08:
            return (f"{self.ids}!" + "".join(self.chance.choice(_PRINTABLE) for _ in range(128)))[:128]
        if publisher is None:  # readers take effects apart by their ids, which are UUIDs
            return str(UUID(int=self.chance.getrandbits(128)))
        return f"e-{self.ids}"

    def _earlier(self, publisher: str | None, family: Family) -> str:
        said = self.said.get((publisher, family), [])
        if said and self.chance.random() < 0.93:
            return self.chance.choice(said[-40:])[0]["ce_id"]
        return self.chance.choice(("nie-gesagt", f"e-{self.ids}", f"e-{self.ids + 1}", "x" * 128))
