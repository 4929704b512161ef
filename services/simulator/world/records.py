"""Knows who is registered and who holds which seat, from what the publishers were told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Final

from pydantic import BaseModel

from schemas.base import Payload
from schemas.identity import participant_id
from services.simulator.world.courses import PlannedCourse, programme
from services.simulator.world.people import Person, population
from services.simulator.world.state import Planned, Seat, State

OPENS: Final = time(6, 30, tzinfo=UTC)
"""When a simulated day begins: after the municipality's steering hour, before the offices open."""


def moment(day: date) -> datetime:
    """Return the business time of a simulated day."""
    return datetime.combine(day, OPENS)


def plain(payload: BaseModel) -> dict[str, Any]:
    """Write a payload as JSON data; fields that are None are left out."""
    return payload.model_dump(mode="json", exclude_none=True)


@dataclass
class Records:
    """The people and courses of the year (pure functions of the seed) with what is remembered of them."""

    state: State
    people: tuple[Person, ...]
    courses: tuple[PlannedCourse, ...]
    seats_of_person: dict[int, list[Seat]] = field(default_factory=dict)
    seats_of_course: dict[tuple[str, str], list[Seat]] = field(default_factory=dict)

    @classmethod
    def of(cls, state: State) -> "Records":
        """Invent people and courses for a state, and index its seats."""
        people = population(state.seed, state.start, state.people)
        records = cls(state=state, people=people, courses=programme(state.seed, state.start))
        for seat in state.seats.values():
            records.index(seat)
        return records

    def index(self, seat: Seat) -> None:
        """Make a seat findable."""
        for found in (
            self.seats_of_person.setdefault(seat.person, []),
            self.seats_of_course.setdefault((seat.provider, seat.course), []),
        ):
            found[:] = [other for other in found if other.placement != seat.placement]
            found.append(seat)
            found.sort(key=lambda other: other.placement)

    def reference(self, person: Person) -> str:
        """Return the reference under which the office registered a person."""
        return self.state.references.get(person.number, person.reference)

    def registered(self, person: Person, reference: str) -> None:
        """Remember that a person is on the list."""
        self.state.references[person.number] = reference
        self.state.known[str(participant_id(person.office, reference))] = person.number

    def is_registered(self, person: Person) -> bool:
        """Return whether the office has registered the person."""
        return person.number in self.state.references

    def plan(self, publisher: str, id_: str, day: date, payload: Payload, **more: Any) -> Planned:  # noqa: ANN401 - fields of Planned
        """Prepare an event of a publisher."""
        return Planned(
            publisher=publisher, id=id_, type=payload.type_, time=moment(day), data=plain(payload), **more
        )

    def hear(self, day: date, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Take in addressed events (type, data); of each placement the highest version counts."""
        for type_, data in events:
            if "placement" in data and "to_state" in data:
                self._step(day, data)
            self.state.count(f"heard.{type_.removeprefix('de.kurslotse.').removesuffix('.v1')}")

    def _step(self, day: date, data: Mapping[str, Any]) -> None:
        placement = str(data["placement"])
        known = self.state.seats.get(placement)
        person = self.state.known.get(str(data["participant"]))
        if person is None or (known is not None and known.version >= int(data["version"])):
            return
        ended = data.get("ended_on")
        seat = Seat(
            placement=placement,
            version=int(data["version"]),
            state=str(data["to_state"]),
            person=person,
            participant=str(data["participant"]),
            provider=str(data["provider"]),
            course=str(data["own_course"]),
            office=str(data["office"]),
            section=int(data["entry_section"]),
            starts_on=date.fromisoformat(data["starts_on"]),
            ends_on=date.fromisoformat(data["ends_on"]),
            heard=day,
            ended_on=date.fromisoformat(ended) if ended else None,
        )
        self.state.seats[placement] = seat
        self.state.count(f"placements.{seat.state}")
        self.index(seat)

    def once(self, what: str) -> bool:
        """Return whether this is asked for the first time, and remember it."""
        if what in self.state.said:
            return False
        self.state.said.add(what)
        return True
