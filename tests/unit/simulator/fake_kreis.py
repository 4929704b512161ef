"""A Kreis in memory that answers like the doors: each id counts once, places go first come, first served."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from schemas.envelope import read_data
from schemas.identity import course_id, effect_id, participant_id
from schemas.topics import EVENT_TYPES
from services.simulator.doors.protocols import Answer, Page, Rejected, Taken
from services.simulator.world.state import Planned

SEATED = {"reserved", "accepted", "confirmed", "started"}


@dataclass
class Placement:
    id: UUID
    participant: UUID
    office: str
    provider: str
    course: str
    section: int
    starts_on: date
    ends_on: date
    reserved: date
    registered: date
    state: str = "reserved"
    version: int = 0
    ended_on: date | None = None


@dataclass
class FakeKreis:
    """Gateway, console, inbox and control in one; `stop_after` breaks it off after that many requests."""

    today: date = date.min
    sent: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    people: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    courses: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    placements: dict[UUID, Placement] = field(default_factory=dict)
    excluded: set[tuple[UUID, str]] = field(default_factory=set)
    feeds: dict[str, list[tuple[str, dict[str, Any]]]] = field(default_factory=dict)
    started: list[Placement] = field(default_factory=list)
    stop_after: int | None = None
    asked: int = 0

    async def quiet(self) -> None:
        return

    async def work(self, day: date) -> Mapping[str, int]:  # noqa: ARG002 - the doors' signature
        return {}

    async def ask_questions(self) -> None:
        self.asked += 1

    async def findings(self, publisher: str, after: int) -> Page:  # noqa: ARG002 - the doors' signature
        return Page([], after, more=False)

    async def addressed(self, publisher: str, after: int) -> Page:
        entries = self.feeds.get(publisher, [])[after:]
        return Page(entries, after + len(entries), more=False)

    async def send(self, publisher: str, events: Sequence[Planned]) -> Sequence[Answer]:
        if self.stop_after is not None:
            self.stop_after -= 1
            if self.stop_after < 0:
                raise ConnectionError("the fake Kreis was switched off")
        return [self._take(publisher, event) for event in events]

    def _take(self, publisher: str, event: Planned) -> Answer:
        if event.door == "list":
            self._listed(publisher, event.body or "")
            return Taken(event)
        if event.door == "raw" or event.type not in EVENT_TYPES:
            return Rejected(event, "type_unknown")
        read = read_data(event.type, b"" if event.body else _json(event.data))
        if isinstance(read, list):
            return Rejected(event, read[0].code, read[0].field)
        content = {"type": event.type, "data": event.data, "corrects": event.corrects}
        key = (publisher, event.id)
        if key in self.sent:
            same = self.sent[key] == content
            return Taken(event, event.data.get("reference")) if same else Rejected(event, "id_reused")
        self.sent[key] = content
        handler = getattr(self, "_" + event.type.split(".")[2].replace("-", "_"), None)
        if handler is not None:
            handler(publisher, event.data)
        return Taken(event, event.data.get("reference"))

    def _listed(self, publisher: str, body: str) -> None:
        lines = body.splitlines()[1:]
        for row in csv.DictReader(lines, delimiter=";"):
            day = datetime.strptime(row["erfasst am"], "%d.%m.%Y").replace(tzinfo=UTC)
            self._participant_registered(
                publisher,
                {
                    "reference": row["Aktenzeichen"],
                    "registered_on": day.date().isoformat(),
                    "course_types": row["Kursart"].split(", "),
                    "available": [time for time in row["Zeit"].split(", ") if time],
                },
            )

    def _participant_registered(self, publisher: str, data: dict[str, Any]) -> None:
        who = participant_id(publisher, data["reference"])
        known = self.people.get(who, {})
        self.people[who] = {**known, **data, "office": publisher, "waits": True}

    def _placement_tested(self, publisher: str, data: dict[str, Any]) -> None:
        who = participant_id(publisher, data["reference"])
        self.people.setdefault(who, {"waits": False}).update(level=data["level"], section=data["section"])

    def _participant_withdrawn(self, publisher: str, data: dict[str, Any]) -> None:
        self.people[participant_id(publisher, data["reference"])]["waits"] = False

    def _course_announced(self, publisher: str, data: dict[str, Any]) -> None:
        self.courses[publisher, data["course"]] = {**data, "provider": publisher}

    def _course_cancelled(self, publisher: str, data: dict[str, Any]) -> None:
        self.courses.pop((publisher, data["course"]), None)
        for placement in list(self.placements.values()):
            if placement.course == data["course"] and placement.state in SEATED:
                self._step(placement, "course_cancelled", ended=date.fromisoformat(data["cancelled_on"]))

    def _place_accepted(self, _publisher: str, data: dict[str, Any]) -> None:
        self._if(data, "reserved", "accepted")

    def _place_declined(self, _publisher: str, data: dict[str, Any]) -> None:
        self._if(data, "reserved", "declined")

    def _place_confirmed(self, _publisher: str, data: dict[str, Any]) -> None:
        self._if(data, "accepted", "confirmed")

    def _place_refused(self, _publisher: str, data: dict[str, Any]) -> None:
        self._if(data, "accepted", "refused")

    def _participant_left(self, _publisher: str, data: dict[str, Any]) -> None:
        for placement in self.placements.values():
            if (str(placement.participant), placement.course) == (data["participant"], data["course"]):
                self._step(placement, "left", ended=date.fromisoformat(data["left_on"]))
                self.people[placement.participant]["waits"] = False

    def _course_completed(self, _publisher: str, data: dict[str, Any]) -> None:
        for placement in self.placements.values():
            if placement.course == data["course"] and placement.state == "started":
                self._step(placement, "completed", ended=date.fromisoformat(data["completed_on"]))
                self.people[placement.participant]["waits"] = False

    def _if(self, data: dict[str, Any], before: str, after: str) -> None:
        placement = self.placements[UUID(data["placement"])]
        if placement.state == before:
            self._step(placement, after)

    def _step(self, placement: Placement, to_state: str, ended: date | None = None) -> None:
        before, placement.state = placement.state, to_state
        placement.version += 1
        placement.ended_on = ended
        if to_state in {"declined", "refused", "expired"}:
            self.excluded.add((placement.participant, placement.course))
        event = {
            "placement": str(placement.id),
            "version": placement.version,
            "participant": str(placement.participant),
            "provider": placement.provider,
            "own_course": placement.course,
            "office": placement.office,
            "entry_section": placement.section,
            "starts_on": placement.starts_on.isoformat(),
            "ends_on": placement.ends_on.isoformat(),
            "from_state": before,
            "to_state": to_state,
        } | ({"ended_on": ended.isoformat()} if ended else {})
        for slug in (placement.office, placement.provider):
            self.feeds.setdefault(slug, []).append(("de.kurslotse.placement-advanced.v1", event))

    async def set_clock(self, now: datetime) -> None:
        if now.date() == self.today:
            return  # a day that is played to its end after a restart
        self.today = now.date()
        for placement in self.placements.values():
            if placement.state == "reserved" and placement.reserved + timedelta(days=10) <= self.today:
                self._step(placement, "expired")
            if placement.state == "confirmed" and placement.starts_on <= self.today:
                self._step(placement, "started")
                self.started.append(placement)
        if self.today.weekday() < 5:
            self._match()

    def _match(self) -> None:
        seated = {
            placement.participant for placement in self.placements.values() if placement.state in SEATED
        }
        waiting = [
            (who, person)
            for who, person in self.people.items()
            if person["waits"] and "section" in person and who not in seated
        ]
        for who, person in sorted(waiting, key=lambda item: (item[1]["registered_on"], str(item[0]))):
            found = next(
                (
                    entry
                    for wanted in person["course_types"]
                    for entry in self._entries(wanted, person)
                    if (who, entry[0]["course"]) not in self.excluded
                ),
                None,
            )
            if found is None:
                continue
            course, part = found
            placement = Placement(
                id=effect_id(course_id(course["provider"], course["course"]), "place", f"{who}/{self.today}"),
                participant=who,
                office=person["office"],
                provider=course["provider"],
                course=course["course"],
                section=part["number"],
                starts_on=date.fromisoformat(part["starts_on"]),
                ends_on=date.fromisoformat(course["sections"][-1]["ends_on"]),
                reserved=self.today,
                registered=date.fromisoformat(person["registered_on"]),
            )
            self.placements[placement.id] = placement
            self._step(placement, "reserved")

    def _entries(self, wanted: str, person: Mapping[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        found = []
        for course in self.courses.values():
            if course["course_type"] != wanted:
                continue
            hour = int(course["lessons"][0]["starts_at"][:2])
            time = "morning" if hour < 12 else "afternoon" if hour < 16 else "evening"
            if (person.get("available") and time not in person["available"]) or not self._free(course):
                continue
            for part in course["sections"]:
                soon = date.fromisoformat(part["starts_on"]) - self.today
                fits = part["number"] == person["section"] or wanted == "land"
                if fits and timedelta(days=4) <= soon <= timedelta(days=182):
                    found.append((course, part))
        return sorted(found, key=lambda entry: (entry[1]["starts_on"], entry[0]["course"]))

    def _free(self, course: Mapping[str, Any]) -> bool:
        taken = sum(
            placement.course == course["course"] and placement.state in SEATED
            for placement in self.placements.values()
        )
        return bool(taken + course["taken_elsewhere"] < course["capacity"])


def _json(data: Mapping[str, Any]) -> bytes:
    return orjson.dumps(data)
