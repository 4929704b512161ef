"""Fills a Kreis for the page tests: its offices and providers send their events through the gateway."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import UUID, uuid4

import httpx

from schemas.base import Payload
from schemas.envelope import encode_data
from schemas.identity import participant_id
from schemas.offices import Entitlement, ParticipantRegistered, PlaceAccepted, PlacementTested
from schemas.providers import CourseAnnounced, Lesson, PlaceConfirmed, Section
from schemas.support import ConsentGranted

PROVIDER = "vhs-musterland"
OFFICE = "jobcenter-musterland"
COUNSELLING = "mbe-nord"
WAIT_SECONDS = 90.0


T = TypeVar("T")


def wait_for(ask: Callable[[], T | None], what: str) -> T:
    """Repeat a call until it returns something, up to a deadline."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.2)
    raise AssertionError(f"waited {WAIT_SECONDS:.0f} s for {what}")


class Program:
    """A program that uses the JSON doors of one service as one of the invented people."""

    def __init__(self, url: str, person: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30.0, headers={"Accept": "application/json"})
        answer = self.http.post("/demo/sign-in", json={"person": person})
        answer.raise_for_status()
        self.http.headers["X-CSRF"] = answer.json()["csrf"]

    def get(self, path: str, **query: str | int) -> Any:  # noqa: ANN401 - any JSON value
        answer = self.http.get(path, params=query)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        return self.http.post(path, json=dict(body or {}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()


class Kreis:
    """The running installation, its clock, and what its publishers say."""

    def __init__(self, facts: Mapping[str, Any], home: Path) -> None:
        self.console = facts["addresses"]["console"].rstrip("/")
        self.support = facts["addresses"]["desk"].removesuffix("/desk")
        self._gateway = facts["addresses"]["gateway"]
        self._control = facts["control"]
        self._keys = json.loads((home / "work" / "demo-keys.json").read_text("utf-8"))
        self._http = httpx.Client(timeout=30.0)
        self.now = datetime.fromisoformat("2025-10-06T05:00:00+00:00")
        self.people: dict[str, str] = {}
        """Reference -> participant id."""

    @property
    def today(self) -> date:
        return self.now.date()

    def close(self) -> None:
        self._http.close()

    def say(self, publisher: str, payload: Payload) -> None:
        event = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": f"/{publisher}",
            "type": payload.type_,
            "data": json.loads(encode_data(payload)),
        }
        answer = self._http.post(
            f"{self._gateway}/v1/events",
            content=json.dumps(event),
            headers={
                "Authorization": f"Bearer {self._keys[publisher]}",
                "Content-Type": "application/cloudevents+json",
            },
        )
        assert answer.status_code == 202, answer.text

    def register(self, reference: str, family: str, given: str, **facts: Any) -> None:  # noqa: ANN401 - fields of the event
        data = ParticipantRegistered(
            reference=reference,
            registered_on=self.today - timedelta(days=40),
            kreis="99001",
            town="99001001",
            entitlement=Entitlement(
                standing="obliged_jobcenter", route="aufenthg_44a", granted_on=self.today - timedelta(days=50)
            ),
            course_types=("integration_general",),
            **facts,
        )
        answer = self._http.post(
            f"{self._gateway}/v1/registrations",
            json={
                "id": str(uuid4()),
                "event": json.loads(encode_data(data)),
                "contact": {"family_name": family, "given_name": given, "phone": "0000 1234"},
                "official_number": None,
            },
            headers={"Authorization": f"Bearer {self._keys[OFFICE]}"},
        )
        assert answer.status_code == 202, answer.text
        self.people[reference] = str(participant_id(OFFICE, reference))

    def announce(self, course: str, title: str, days: int, capacity: int = 15, minimum: int = 3) -> None:
        first = self.today + timedelta(days=days)
        sections = tuple(
            Section(
                number=number,
                starts_on=first + timedelta(days=35 * (number - 1)),
                ends_on=first + timedelta(days=35 * number - 1),
                ue=100,
            )
            for number in (1, 2, 3)
        )
        self.say(
            PROVIDER,
            CourseAnnounced(
                course=course,
                title=title,
                course_type="integration_general",
                kreis="99001",
                town="99001001",
                sections=sections,
                capacity=capacity,
                minimum=minimum,
                childcare=False,
                lessons=(Lesson(weekday="mon", starts_at="09:00", ends_at="12:15"),),
            ),
        )

    def test(self, reference: str, section: int = 1) -> None:
        self.say(
            OFFICE,
            PlacementTested(reference=reference, tested_on=self.today, level="none", section=section),
        )

    def forward(self, **delta: float) -> None:
        """Put the business clock forward."""
        self.now += timedelta(**delta)
        answer = self._http.post(
            f"{self._control['url']}/clock",
            json={"now": self.now.isoformat()},
            headers={"Authorization": f"Bearer {self._control['token']}"},
        )
        answer.raise_for_status()

    def live_a_little(self) -> None:
        """Courses, people, a steering run, a proposal confirmed, an offer open, a consent given."""
        self.announce("VHS-1", "Deutsch am Vormittag", 8)
        self.announce("VHS-2", "Deutsch am Kanal", 20, capacity=12, minimum=12)
        for number in range(1, 9):
            reference = f"J-25-{number:03}"
            self.register(reference, f"Muster{number}", "Mia", needs_childcare=number == 8)
            self.test(reference)
        self.register("J-25-099", "Ungetestet", "Uwe")
        self.say(
            OFFICE,
            ConsentGranted(
                reference="J-25-001",
                office=COUNSELLING,
                purposes=("enrolment_notice", "dropout_support"),
                given_on=self.today,
            ),
        )
        with Program(self.console, "jana-vogt") as coordinator:
            wait_for(lambda: coordinator.get("/api/v1/figures")["waiting"] == 9, "nine people to wait")
            self.forward(days=1)
            wait_for(lambda: len(self._proposed(coordinator)) == 7, "seven proposals")

    def _proposed(self, coordinator: Program) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = coordinator.get("/api/v1/proposals")["proposals"]
        return listed

    def accept(self, reference: str, placement: str) -> None:
        """The person takes the place."""
        self.say(
            OFFICE,
            PlaceAccepted(reference=reference, placement=UUID(placement), answered_on=self.today),
        )

    def confirm_place(self, reference: str, placement: str) -> bool:
        """The provider confirms the place once it is accepted."""
        with Program(self.console, "jana-vogt") as coordinator:
            accepted = coordinator.get("/api/v1/proposals", state="accepted")["proposals"]
        found = next((one for one in accepted if one["placement"] == placement), None)
        if found is None:
            return False
        self.say(
            PROVIDER,
            PlaceConfirmed(
                course=found["own_course"],
                participant=UUID(self.people[reference]),
                placement=UUID(placement),
            ),
        )
        return True

    def confirmed(self, reference: str) -> str:
        """Make sure that a proposal is confirmed and the office has the offer; return the placement."""
        with Program(self.console, "jana-vogt") as coordinator:
            for state in ("proposed", "reserved"):
                found = [
                    one
                    for one in coordinator.get("/api/v1/proposals", state=state)["proposals"]
                    if one["reference"] == reference
                ]
                if found and state == "proposed":
                    answer = coordinator.post(f"/api/v1/proposals/{found[0]['placement']}/approve")
                    assert answer.status_code == 200, answer.text
                if found:
                    return str(found[0]["placement"])
        raise AssertionError(f"{reference} has no proposal")
