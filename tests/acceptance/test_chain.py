"""Follows one person through the real processes, by API, pages and mail box."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from schemas.identity import participant_id
from services.simulator.doors.control import HttpControl
from services.simulator.doors.gateway import HttpGateway
from services.simulator.doors.http import PatientClient
from services.simulator.doors.ledger import read_lines
from services.simulator.doors.protocols import Taken
from services.simulator.doors.session import DemoSession
from services.simulator.doors.sink import MailBox, mail_sink
from services.simulator.world.state import Planned
from tests.acceptance.installation import Installation, installed, read_json
from tests.serving import Servers

pytestmark = pytest.mark.timeout(900)

OFFICE, PROVIDER, COUNSELLING = "jobcenter-musterland", "vhs-musterland", "mbe-nord"
REFERENCE = "BG-7001"
PARTICIPANT = str(participant_id(OFFICE, REFERENCE))
FAMILY_NAME = "Kanarientorvalek"
COURSE = {
    "course": "KETTE-1",
    "title": "Integrationskurs (erfunden)",
    "course_type": "integration_general",
    "kreis": "99001",
    "town": "99001001",
    "sections": [
        {"number": 1, "starts_on": "2025-10-20", "ends_on": "2025-11-14", "ue": 100},
        {"number": 2, "starts_on": "2025-11-17", "ends_on": "2025-12-12", "ue": 100},
    ],
    "capacity": 20,
    "minimum": 1,
    "lessons": [
        {"weekday": day, "starts_at": "08:30:00", "ends_at": "12:45:00"}
        for day in ("mon", "tue", "wed", "thu")
    ],
}
FACTS = {
    "reference": REFERENCE,
    "registered_on": "2025-10-06",
    "kreis": "99001",
    "town": "99001001",
    "entitlement": {"standing": "obliged_jobcenter", "route": "aufenthg_44a", "granted_on": "2025-09-01"},
    "course_types": ["integration_general"],
}
CONTACT = {
    "family_name": FAMILY_NAME,
    "given_name": "Miropesalu",
    "birth_date": "1988-03-17",
    "languages": ["uk"],
}


@dataclass
class Kreis:
    """The doors, pages and mail box of one installation, and its clock."""

    gateway: HttpGateway
    console: DemoSession
    inbox: DemoSession
    control: HttpControl
    mails: Path
    installation: Installation

    async def say(
        self, publisher: str, id_: str, type_: str, data: Mapping[str, Any], **more: object
    ) -> None:
        fields = {
            "publisher": publisher,
            "id": id_,
            "type": f"de.kurslotse.{type_}.v1",
            "time": datetime(2025, 10, 6, 7, tzinfo=UTC),
            "data": dict(data),
        }
        event = Planned.model_validate(fields | more)
        (answer,) = await self.gateway.send(publisher, [event])
        assert isinstance(answer, Taken), answer

    async def day(self, day: str) -> None:
        """Let everything come to rest, then begin a day and let it come to rest."""
        await self.control.quiet()
        await self.control.set_clock(
            datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).replace(hour=6, minute=30)
        )
        await self.control.quiet()

    async def heard(self, publisher: str) -> list[tuple[str, Mapping[str, Any]]]:
        page = await self.gateway.addressed(publisher, 0)
        return [
            (type_.removeprefix("de.kurslotse.").removesuffix(".v1"), data) for type_, data in page.entries
        ]

    async def alerts(self) -> list[dict[str, Any]]:
        response = await self.inbox.ask("GET", "/inbox", params={"state": "all"})
        found: list[dict[str, Any]] = response.json()["alerts"]
        return found

    async def contact(self, alert: Mapping[str, Any]) -> str:
        """Return the page that the counsellor sees on asking whom to call."""

        def look() -> str:
            with self.installation.signed_in("notifications", "sara-demir") as browser:
                return browser.post(f"/inbox/{alert['alert']}/contact", headers={"Accept": "text/html"}).text

        return await asyncio.to_thread(look)

    async def marks(self) -> int:
        """Count the attendance marks that are kept: the one look behind the doors, for erasure."""
        conn = await asyncpg.connect(self.installation.database("notifications"))
        try:
            kept: int = await conn.fetchval("SELECT count(*) FROM attendance")
        finally:
            await conn.close()
        return kept

    def mailed(self) -> list[dict[str, Any]]:
        return list(read_lines(self.mails))

    async def attend(self, id_: str, days: Sequence[str], mark: str, *, corrects: str | None = None) -> None:
        for day in days:
            entry = {"participant": PARTICIPANT, "mark": mark, "ue": 5 if mark == "X" else 0}
            data = {"course": COURSE["course"], "day": day, "ue_held": 5, "entries": [entry]}
            named = f"{corrects}-{day}" if corrects else None
            await self.say(PROVIDER, f"{id_}-{day}", "attendance-recorded", data, corrects=named)
        await self.control.quiet()


@asynccontextmanager
async def kreis(found: Installation) -> AsyncIterator[Kreis]:
    facts, stopped = found.facts, asyncio.Event()
    at = {name: urlsplit(facts["addresses"][name]) for name in ("console", "inbox")}
    urls = {name: f"{parts.scheme}://{parts.netloc}" for name, parts in at.items()}
    keys = json.loads((found.home / "work" / "demo-keys.json").read_text())
    mails = found.home / "mails.jsonl"
    box = MailBox(mails)
    server = await mail_sink(box, "127.0.0.1", read_json(found.home / "ports.json")["smtp_sink"])
    try:
        async with httpx.AsyncClient(timeout=60) as one, httpx.AsyncClient(timeout=60) as other:
            client = PatientClient(one, stopped)
            yield Kreis(
                HttpGateway(facts["addresses"]["gateway"], keys, client),
                DemoSession(urls["console"], "jana-vogt", client),
                DemoSession(urls["inbox"], "sara-demir", PatientClient(other, stopped)),
                HttpControl(facts["control"]["url"], facts["control"]["token"], client, longest=120),
                mails,
                found,
            )
    finally:
        server.close()
        box.close()


async def test_from_registration_to_a_course_to_help_in_time(servers: Servers, tmp_path: Path) -> None:
    prefix = f"way{secrets.token_hex(3)}-"
    with installed(tmp_path / "home", prefix, servers, "up", "--demo") as found:
        async with kreis(found) as here:
            placement = await into_the_course(here)
            await enrolment_is_told(here, placement)
            await absence_is_told_and_withdrawn_when_corrected(here)
            await what_nobody_answers_goes_to_the_lead(here)
            await revocation_erases(here)


async def into_the_course(here: Kreis) -> str:
    await here.day("2025-10-06")
    await here.say(PROVIDER, "kurs", "course-announced", COURSE)
    await here.say(OFFICE, "person", "participant-registered", FACTS, door="registration", contact=CONTACT)
    tested = {"reference": REFERENCE, "tested_on": "2025-10-06", "level": "none", "section": 1}
    await here.say(OFFICE, "test", "placement-tested", tested)
    consent = {
        "reference": REFERENCE,
        "office": COUNSELLING,
        "purposes": ["enrolment_notice", "dropout_support"],
        "given_on": "2025-10-06",
    }
    await here.say(OFFICE, "consent", "consent-granted", consent)
    await here.day("2025-10-07")
    said = [type_ for type_, _ in await here.heard(OFFICE)]
    assert set(said) <= {"participant-unplaced"}  # no proposal is told before a person has confirmed it
    (proposal,) = (await here.console.ask("GET", "/api/v1/proposals")).json()["proposals"]
    assert (proposal["participant"], proposal["own_course"]) == (PARTICIPANT, "KETTE-1")
    assert proposal["reasons"]
    placement = str(proposal["placement"])
    answer = await here.console.ask("POST", f"/api/v1/proposals/{placement}/approve", json={})
    assert answer.json()["state"] == "reserved"
    await here.control.quiet()
    told = dict(await here.heard(OFFICE))
    assert told["place-proposed"]["reasons"]
    assert told["place-reserved"]["expires_at"]
    assert [type_ for type_, _ in await here.heard(PROVIDER)] == ["place-reserved"]
    await here.say(
        OFFICE,
        "accept",
        "place-accepted",
        {"reference": REFERENCE, "placement": placement, "answered_on": "2025-10-07"},
    )
    await here.control.quiet()
    assert await here.alerts() == []
    return placement


async def enrolment_is_told(here: Kreis, placement: str) -> None:
    confirmed = {
        "course": "KETTE-1",
        "participant": PARTICIPANT,
        "placement": placement,
        "own_number": "TN-1",
    }
    await here.say(PROVIDER, "confirm", "place-confirmed", confirmed)
    await here.control.quiet()
    assert dict(await here.heard(PROVIDER))["enrolment-confirmed"]["own_number"] == "TN-1"
    (alert,) = await here.alerts()
    assert (alert["purpose"], alert["state"]) == ("enrolment_notice", "new")
    (mail,) = here.mailed()
    assert mail["to"] == [f"postfach@{COUNSELLING}.kurslotse.invalid"]
    assert f"/inbox/{alert['alert']}" in mail["text"]
    assert FAMILY_NAME not in json.dumps(mail)
    assert FAMILY_NAME in await here.contact(alert)
    for what, state in (("see", "seen"), ("accept", "accepted"), ("done", "done")):
        assert (await here.inbox.ask("POST", f"/inbox/{alert['alert']}/{what}", json={})).json()[
            "state"
        ] == state


async def absence_is_told_and_withdrawn_when_corrected(here: Kreis) -> None:
    await here.day("2025-10-22")
    await here.attend("tag", ["2025-10-20", "2025-10-21"], "U")
    (alert,) = [alert for alert in await here.alerts() if alert["purpose"] == "dropout_support"]
    assert (alert["state"], alert["reason"]["code"]) == ("new", "no_show")
    assert alert["reported_until"]
    assert len(here.mailed()) == 2
    await here.attend("richtig", ["2025-10-20", "2025-10-21"], "X", corrects="tag")
    (alert,) = [alert for alert in await here.alerts() if alert["purpose"] == "dropout_support"]
    assert alert["state"] == "withdrawn"


async def what_nobody_answers_goes_to_the_lead(here: Kreis) -> None:
    await here.day("2025-10-28")
    before = len(here.mailed())
    await here.attend("woche", ["2025-10-22", "2025-10-23", "2025-10-27"], "U")
    (alert,) = [one for one in await here.alerts() if one["state"] == "new"]
    assert alert["reason"]["code"] == "consecutive_unexcused"
    await here.day("2025-10-30")
    to = [address for mail in here.mailed()[before:] for address in mail["to"]]
    assert to[:2] == [f"postfach@{COUNSELLING}.kurslotse.invalid", "leitung@wohlfahrt-nord.kurslotse.invalid"]
    assert all("jobcenter" not in address for address in to)
    accepted = await here.inbox.ask("POST", f"/inbox/{alert['alert']}/accept", json={})
    assert accepted.json()["state"] == "accepted"
    told = len(here.mailed())
    await here.day("2025-11-03")
    assert len(here.mailed()) == told  # nothing answered escalates later


async def revocation_erases(here: Kreis) -> None:
    assert await here.marks() == 5
    await here.say(OFFICE, "revoke", "consent-revoked", {"reference": REFERENCE, "revoked_on": "2025-11-03"})
    await here.control.quiet()
    alerts = await here.alerts()
    assert {alert["state"] for alert in alerts} <= {"withdrawn", "done"}
    for alert in alerts:
        assert FAMILY_NAME not in await here.contact(alert)
    assert await here.marks() == 0
    told = len(here.mailed())
    await here.attend("danach", ["2025-10-28", "2025-10-29", "2025-10-30"], "U")
    assert len(here.mailed()) == told
    assert await here.marks() == 0
