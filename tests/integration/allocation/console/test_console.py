"""The coordinators' pages on a real database: forms with reasons, what they leave, the list for BAMF."""

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import openpyxl
import pytest
from prometheus_client import CollectorRegistry

from services.allocation.acts.placements import Placements
from services.allocation.console.app import create_console
from services.allocation.law.rulebook import load_rulebook
from services.runtime.base.settings import ServiceSettings
from services.runtime.data.db import open_pool
from services.runtime.serve.service import Resources
from tests.allocation.builders import (
    NOW,
    OFFICE,
    OTHER_PROVIDER,
    PROVIDER,
    accepted,
    announced,
    completed,
    confirmed,
    course,
    levelled,
    person,
    registered,
)
from tests.allocation.world import FixedTerms, World, world_on
from tests.conftest import MakeDatabase

WHY = "the person waits for a day care place"
ENV = {
    "KURSLOTSE_DB_WORKER": "-",
    "KURSLOTSE_DB_WEB": "-",
    "KURSLOTSE_DB_STATUS": "-",
    "KURSLOTSE_SERVICE_KAFKA": "-",
    "KURSLOTSE_HTTP": "localhost:1",
    "KURSLOTSE_OPS": "localhost:2",
    "KURSLOTSE_WEB_SECRET": "invented",
    "KURSLOTSE_GATEWAY_URL": "http://gateway.invalid",
    "KURSLOTSE_DEMO": "1",
}


@dataclass
class Watch:
    """A clock that tests put forward."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class ConsoleClient:
    """A browser without scripts, signed in, on the console of a world."""

    world: World
    http: httpx.AsyncClient
    watch: Watch
    csrf: str = ""

    async def sign_in(self, who: str = "jana-vogt") -> None:
        signed = await self.http.post("/demo/sign-in", json={"person": who})
        self.csrf = signed.json()["csrf"]

    async def page(self, path: str) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:2000])
        return answer.text

    async def form(self, path: str, **values: Any) -> httpx.Response:  # noqa: ANN401
        return await self.http.post(path, data={"csrf": self.csrf, **values})

    async def done(self, path: str, **values: Any) -> str:  # noqa: ANN401
        """Send a form, follow to the next page, return what is said there."""
        answer = await self.form(path, **values)
        assert answer.status_code == 303, (path, answer.status_code, answer.text[:2000])
        return _said(await self.page(answer.headers["location"]))

    async def api(self, path: str, body: Any = None) -> httpx.Response:  # noqa: ANN401
        return await self.http.post(f"/api/v1{path}", json=body or {}, headers={"x-csrf": self.csrf})


def _said(page: str) -> str:
    found = re.findall(r'role="(?:status|alert)">.*?<span class="kern-title">(.*?)</span>', page, re.DOTALL)
    return " | ".join(found)


@pytest.fixture
async def client(database: MakeDatabase, prefix: str) -> AsyncIterator[ConsoleClient]:
    made = await database("allocation")
    async with world_on(made, prefix, steps=frozenset()) as world:
        web = await open_pool(made.web, name="console-test", max_size=4)
        async with _client(world, web, Placements(prefix, FixedTerms(frozenset()))) as client:
            yield client
        await web.close()


class _client:  # noqa: N801 - a context manager
    def __init__(self, world: World, web: asyncpg.Pool, placements: Placements) -> None:
        settings = ServiceSettings.from_env("allocation", ENV)
        watch = Watch()
        resources = Resources(settings, watch, CollectorRegistry(), world.pool, web)
        app = create_console(resources, placements, load_rulebook())
        transport = httpx.ASGITransport(app=app)
        http = httpx.AsyncClient(transport=transport, base_url="http://kurslotse.test")
        self.client = ConsoleClient(world, http, watch)

    async def __aenter__(self) -> ConsoleClient:
        world = self.client.world
        for own in ("k1", "k2"):
            await world.must(PROVIDER, announced(own, title=f"Kurs {own}", minimum=2, own_number=f"N-{own}"))
        await world.must(OTHER_PROVIDER, announced("o1"))
        for reference in ("p1", "p2"):
            await world.must(OFFICE, registered(reference))
        await self.client.sign_in()
        return self.client

    async def __aexit__(self, *_: object) -> None:
        await self.client.http.aclose()


def _person(reference: str = "p1") -> str:
    return f"/people/{person(reference)}"


async def _one(world: World, query: str) -> tuple[Any, ...]:
    (row,) = await world.rows(query)
    return tuple(row)


async def test_hold_and_end_of_hold(client: ConsoleClient) -> None:
    assert "zurückgestellt" in await client.done(f"{_person()}/hold", reason=WHY, until="20.2.2026")
    page = await client.page(_person())
    assert "Wieder gesteuert ab 20.02.2026." in page
    assert WHY in page
    assert "Jana Vogt" in page
    await client.sign_in("peter-lindner")
    assert "beendet" in await client.done(f"{_person()}/hold/end")
    assert "von Peter Lindner" in await client.page(_person())
    assert await _one(client.world, "SELECT actor, lifted_by FROM steering_hold") == (
        "jana-vogt",
        "peter-lindner",
    )
    assert "schon beendet" in await client.done(f"{_person()}/hold/end")


@pytest.mark.parametrize(
    ("form", "values", "said"),
    [
        ("hold", {"reason": "kurz"}, "mindestens zehn Zeichen"),
        ("hold", {"reason": WHY, "until": "neulich"}, "künftigen Tag"),
        ("hold", {"reason": WHY, "until": "31.01.2026"}, "künftigen Tag"),
        ("hold", {"reason": WHY * 20}, "höchstens 500"),
        ("exclude", {"reason": WHY, "what": "course:nonsense"}, "Kurs oder den Träger"),
        ("exclude", {"reason": WHY}, "Kurs oder den Träger"),
        ("deviation", {"reason": WHY}, "Abschnitt oder ein Niveau"),
        ("deviation", {"reason": WHY, "section": "99", "level": "Z9"}, "Abschnitt oder ein Niveau"),
        ("deviation", {"section": "2"}, "mindestens zehn Zeichen"),
        ("place", {"reason": WHY, "entry": "x/1"}, "Bitte wählen Sie"),
    ],
)
async def test_half_a_form_comes_back_with_what_was_entered(
    client: ConsoleClient, form: str, values: dict[str, str], said: str
) -> None:
    answer = await client.form(f"{_person()}/{form}", **values)
    assert answer.status_code == 422
    assert said in answer.text
    assert values.get("reason", "") in answer.text
    for table in ("steering_hold", "steering_exclusion", "level_deviation", "placement"):
        assert await client.world.rows(f"SELECT FROM {table}") == []


async def test_exclude_a_course_and_a_provider(client: ConsoleClient) -> None:
    await client.done(f"{_person()}/exclude", reason=WHY, what=f"course:{course()}")
    await client.done(f"{_person()}/exclude", reason=WHY, what=f"provider:{OTHER_PROVIDER}")
    page = await client.page(_person())
    assert page.count("Ausschluss beenden") == 2
    assert await client.world.propose("p1") == []
    rows = await client.world.rows("SELECT id FROM steering_exclusion ORDER BY decided_at, course")
    for row in rows:
        assert "beendet" in await client.done(f"{_person()}/exclusions/{row['id']}/end")
    assert len(await client.world.propose("p1")) == 1


async def test_a_deviation_from_the_test(client: ConsoleClient) -> None:
    await client.done(f"{_person()}/deviation", reason=WHY, section="3", level="A2")
    assert "Abschnitt 3, A2" in await client.page(_person())
    assert "gilt wieder" in await client.done(f"{_person()}/deviation/end")


async def test_what_speaks_against_a_place_is_shown_first(client: ConsoleClient) -> None:
    entry = f"{course('k2')}/1"
    answer = await client.form(f"{_person()}/place", reason=WHY, entry=entry)
    assert answer.status_code == 200
    assert "Gegen diesen Kurs sprechen Regeln" in answer.text
    assert "<li>Einstufungstest</li>" in answer.text
    assert WHY in answer.text
    assert await client.world.rows("SELECT FROM placement") == []
    said = await client.done(f"{_person()}/place", reason=WHY, entry=entry, known=entry, present="1")
    assert "hat den Platz" in said
    assert "Ein Platz ist vergeben" in await client.page(_person())
    assert await _one(client.world, "SELECT state, expires_at FROM placement") == (
        "reserved",
        NOW + timedelta(days=3),
    )


async def test_a_place_that_nothing_speaks_against_is_given_at_once(client: ConsoleClient) -> None:
    await client.world.must(OFFICE, levelled())
    assert "hat den Platz" in await client.done(f"{_person()}/place", reason=WHY, entry=f"{course('k2')}/1")
    assert await _one(client.world, "SELECT state FROM placement") == ("reserved",)


async def test_the_placement_page_shows_what_speaks_against_another_course(client: ConsoleClient) -> None:
    (placement,) = await client.world.propose("p1")
    entry = f"{course('k2')}/1"
    answer = await client.form(f"/placements/{placement}/override", reason=WHY, entry=entry)
    assert "Gegen diesen Kurs sprechen Regeln" in answer.text
    assert "anderen Platz" in await client.done(
        f"/placements/{placement}/override", reason=WHY, entry=entry, known=entry
    )


@pytest.mark.parametrize(("present", "days"), [({}, 10), ({"present": "1"}, 3)])
async def test_whoever_is_in_the_room_has_three_days(
    client: ConsoleClient, present: dict[str, str], days: int
) -> None:
    first, second = await client.world.propose("p1", "p2")
    await client.done("/proposals/approve", placement=str(first), **present)
    one = {f"present-{second}": "1"} if present else {}
    await client.done("/proposals/approve", one=str(second), **one)
    rows = await client.world.rows("SELECT expires_at FROM placement")
    assert {row["expires_at"] for row in rows} == {NOW + timedelta(days=days)}


async def test_a_course_starts_below_its_minimum_or_does_not_start(client: ConsoleClient) -> None:
    address = f"/courses/{course()}"
    assert "Mindestzahl" in await client.done(f"{address}/ruling", reason=WHY, decision="start")
    await client.world.propose("p1")
    assert "beginnt nicht" in await client.done(f"{address}/ruling", reason=WHY, decision="close")
    page = await client.page(address)
    assert "Er beginnt nicht" in page
    assert page.count(WHY) == 3  # the notice, and twice in the history
    assert await _one(client.world, "SELECT state FROM placement") == ("superseded",)
    assert "entscheidet wieder" in await client.done(f"{address}/ruling/end")
    answer = await client.form(f"{address}/ruling", reason="kurz", decision="close")
    assert (answer.status_code, "mindestens zehn Zeichen" in answer.text) == (422, True)
    answer = await client.form(f"{address}/ruling", reason=WHY)
    assert answer.status_code == 422


async def test_the_list_for_bamf(client: ConsoleClient) -> None:
    first, second = await client.world.propose("p1", "p2")
    assert "Kein Vorschlag liegt beim BAMF" in await client.page("/authority")
    assert "kreuzen Sie" in await client.done("/authority/send")
    assert "1 Vorschlag" in await client.done("/authority/send", placement=str(first))
    answer = await client.form("/authority/export", format="csv", scope="new")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert rows == [
        [
            "Aktenzeichen", "Anmeldestelle", "Kursnummer", "Kursträger", "Abschnitt", "Beginn",
            "Rechtsgrundlage", "Grund der Teilnahme",
        ],
        [
            "p1", OFFICE, "N-k1", PROVIDER, "1", "02.03.2026", "Verpflichtung (§ 44a AufenthG)",
            "verpflichtet durch das Jobcenter",
        ],
    ]  # fmt: skip
    assert await _one(client.world, "SELECT placement, format, actor, exported_at FROM authority_export") == (
        first,
        "csv",
        "jana-vogt",
        NOW,
    )
    assert "kein Vorschlag" in await client.done("/authority/export", format="csv", scope="new")

    await client.done("/authority/send", placement=str(second))
    client.watch.at = NOW + timedelta(hours=1)
    answer = await client.form("/authority/export", format="xlsx", scope="all")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    assert [row[0] for row in sheet.iter_rows(values_only=True)] == ["Aktenzeichen", "p1", "p2"]
    page = await client.page("/authority")
    assert "Excel" in page
    assert "noch nicht" not in page

    said = await client.done(f"/placements/{first}/authority-refused", reason=WHY)
    assert "wartet wieder" in said
    # What was in which list can be taken out again, with what has become of it.
    lists = re.findall(r"/authority/lists/([0-9a-f-]+)\?format=(csv|xlsx)", await client.page("/authority"))
    assert [form for _, form in lists] == ["xlsx", "csv"]
    answer = await client.http.get(f"/authority/lists/{lists[1][0]}?format=csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert [row[0] for row in rows] == ["Aktenzeichen", "p1"]
    assert (rows[0][-1], rows[1][-1] != "") == ("Stand", True)
    told = (await client.http.get(f"/api/v1/authority/exports/{lists[0][0]}")).json()["proposals"]
    assert {one["reference"]: one["state"] for one in told} == {
        "p1": "superseded", "p2": "sent_to_authority",
    }  # fmt: skip
    assert (await client.http.get(f"/authority/lists/{first}")).status_code == 404
    # Two coordinators take out what is new at the same moment: it stands in one list only.
    await client.world.must(OFFICE, registered("p3"))
    (third,) = await client.world.propose("p3")
    await client.done("/authority/send", placement=str(third))
    both = await asyncio.gather(*(client.api("/authority/export", {"scope": "new"}) for _ in range(2)))
    assert sorted(len(one.json()["proposals"]) for one in both) == [0, 1]
    assert WHY in await client.page(_person())
    assert "bestätigt" in await client.done("/proposals/approve", one=str(second))  # BAMF agrees
    short = await client.form(f"/placements/{second}/authority-refused", reason="kurz")
    assert short.status_code == 422


async def test_steps_that_the_policy_leaves_to_people(client: ConsoleClient) -> None:
    (placement,) = await client.world.propose("p1")
    await client.done("/proposals/approve", one=str(placement))
    client.watch.at = NOW + timedelta(days=11)
    assert "vorbei" in await client.page("/reservations")
    assert "Reservierung enden lassen" in await client.page(f"/placements/{placement}")
    assert "vermerkt" in await client.done(f"/placements/{placement}/step", step="expire")
    assert await _one(client.world, "SELECT placement, actor FROM expiry_order") == (placement, "jana-vogt")

    await client.world.must(OFFICE, accepted(placement))
    await client.world.must(PROVIDER, confirmed(placement))
    assert "früh" in await client.done(f"/placements/{placement}/step", step="start")
    client.watch.at = NOW + timedelta(days=40)
    assert "Hat begonnen" in await client.page(f"/placements/{placement}")
    address = f"/courses/{course()}"
    assert "Hat begonnen" in await client.page(address)
    assert "Für 1 Person vermerkt" in await client.done(f"{address}/steps", step="start")
    assert "Für 0 Personen" in await client.done(f"{address}/steps", step="start")
    await client.world.must(PROVIDER, completed())
    assert "Hat abgeschlossen" in await client.page(address)
    assert "Für 1 Person vermerkt" in await client.done(f"{address}/steps", step="complete")
    assert await client.world.state(placement) == "completed"
    assert (await client.form(f"/placements/{placement}/step", step="dance")).status_code == 404


async def test_taking_back_says_whether_it_may_come_again(client: ConsoleClient) -> None:
    (placement,) = await client.world.propose("p1")
    await client.done(f"/placements/{placement}/withdraw", reason=WHY, again="1")
    assert await client.world.rows("SELECT FROM steering_exclusion") == []
    (placement,) = await client.world.propose("p1")
    await client.done(f"/placements/{placement}/withdraw", reason=WHY)
    assert len(await client.world.rows("SELECT FROM steering_exclusion")) == 1


async def test_a_foreign_kreis_sees_and_changes_nothing(client: ConsoleClient) -> None:
    for table in ("participant", "course", "course_section"):
        await client.world.rows(f"UPDATE {table} SET kreis = '99002'")
    assert (await client.http.get(_person())).status_code == 404
    assert (await client.http.get(f"/courses/{course()}")).status_code == 404
    for path, body, code in (
        (f"/people/{person()}/hold", {"reason": WHY}, "participant_unknown"),
        (f"/courses/{course()}/ruling", {"reason": WHY, "decision": "close"}, "course_unknown"),
    ):
        answer = await client.api(path, body)
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert await client.world.rows("SELECT FROM steering_hold") == []


async def test_the_json_twin(client: ConsoleClient) -> None:
    world, who = client.world, f"/people/{person()}"
    held = await client.api(f"{who}/hold", {"reason": WHY, "until": "2026-02-20"})
    assert held.json()["ok"]
    assert (await client.api(f"{who}/hold/end")).json() == {"ok": True, "ruling": None}
    excluded = await client.api(f"{who}/exclusions", {"reason": WHY, "provider": OTHER_PROVIDER})
    both = {"reason": WHY, "provider": OTHER_PROVIDER, "course": str(course())}
    assert (await client.api(f"{who}/exclusions", both)).status_code == 422
    assert (await client.api(f"/exclusions/{excluded.json()['ruling']}/end")).json()["ok"]
    assert (await client.api(f"/exclusions/{uuid4()}/end")).json()["code"] == "ruling_unknown"
    assert (await client.api(f"{who}/deviation", {"reason": WHY})).status_code == 422
    assert (await client.api(f"{who}/deviation", {"reason": WHY, "section": 2})).json()["ok"]
    assert (await client.api(f"{who}/deviation/end")).json()["ok"]
    listed = (await client.http.get(f"/api/v1{who}/rulings")).json()["rulings"]
    assert {(one["kind"], one["lifted_by"]) for one in listed} == {
        ("hold", "jana-vogt"), ("exclusion", "jana-vogt"), ("deviation", "jana-vogt"),
    }  # fmt: skip
    assert (await client.api(f"/courses/{course()}/ruling", {"reason": WHY, "decision": "start"})).json()[
        "ok"
    ]
    assert (await client.api(f"/courses/{course()}/ruling/end")).json()["ok"]

    body = {"reason": WHY, "course": str(course()), "section": 1, "present": True}
    placed = (await client.api(f"{who}/place", body)).json()
    assert (placed["state"], placed["against"]) == ("reserved", ["placement_test"])
    (proposal,) = await world.propose("p2")
    sent = (await client.api("/proposals/send", {"placements": [str(proposal)]})).json()["results"]
    assert [one["state"] for one in sent] == ["sent_to_authority"]
    listed = (await client.api("/authority/export", {"scope": "new"})).json()["proposals"]
    assert [one["reference"] for one in listed] == ["p2"]
    refused = await client.api(f"/proposals/{proposal}/authority-refused", {"reason": WHY, "again": True})
    assert refused.json()["state"] == "superseded"
    (proposal,) = await world.propose("p2")
    given = await client.api(f"/proposals/{proposal}/approve", {"present": True})
    assert given.json()["state"] == "reserved"
    assert await _expires(world, proposal) == NOW + timedelta(days=3)
    client.watch.at = NOW + timedelta(days=4)
    ended = await client.api(f"/placements/{proposal}/step", {"step": "expire"})
    assert ended.json()["ok"]


async def _expires(world: World, placement: UUID) -> datetime:
    (row,) = await world.rows("SELECT expires_at FROM placement WHERE placement = $1", placement)
    found: datetime = row["expires_at"]
    return found
