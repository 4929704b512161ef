"""The policy pages as two coordinators use them: written, checked, previewed, activated; travel times."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.allocation.acts.placements import Placements
from services.allocation.console.app import create_console
from services.allocation.console.context.visit import ConsoleContext
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import load_policies
from services.allocation.policy.terms import PolicyTerms
from services.allocation.steering.questions.material import snapshot_source
from services.allocation.steering.questions.runner import Analyses
from services.runtime.base.settings import ServiceSettings
from services.runtime.data.db import connect, open_pool
from services.runtime.serve.service import Resources
from tests.conftest import MakeDatabase
from tests.integration.allocation.questions.test_analysis import Here
from tests.integration.allocation.rows import fill
from tests.places.invented import invented_places
from tests.rejected import check
from tests.serving import DEMO_NOWHERE
from tests.unit.allocation.regions.region import a_region

NOON = datetime(2026, 3, 2, 11, tzinfo=UTC)
WHY = "the council decided it so"


class Noon:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOON


@dataclass
class Browser:
    """A browser without scripts on the console, and what works behind it."""

    http: httpx.AsyncClient
    conn: asyncpg.Connection
    policies: CurrentPolicies
    analyses: Analyses
    csrf: str = ""

    async def sign_in(self, who: str) -> None:
        self.csrf = (await self.http.post("/demo/sign-in", json={"person": who})).json()["csrf"]

    async def page(self, path: str) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:2000])
        return html.unescape(answer.text)

    async def form(self, path: str, **values: str) -> httpx.Response:
        return await self.http.post(path, data={"csrf": self.csrf, **values})

    async def done(self, path: str, **values: str) -> tuple[str, str]:
        """Send a form and follow; return the address and the page."""
        answer = await self.form(path, **values)
        assert answer.status_code == 303, (path, answer.status_code, answer.text[:3000])
        return answer.headers["location"], await self.page(answer.headers["location"])

    async def refused(self, path: str, **values: str) -> str:
        answer = await self.form(path, **values)
        assert answer.status_code == 422, (path, answer.status_code)
        if path.startswith(("/policy/", "/provider-policy/")):
            assert check(path, answer) == []
        return html.unescape(answer.text)

    async def document(self) -> str:
        return _document(await self.page("/policy/edit"))

    async def draft(self, document: str) -> str:
        """Keep a draft; return its address."""
        address, page = await self.done("/policy/edit", document=document, do="save")
        assert "Der Entwurf ist gespeichert" in page
        return address


def _document(page: str) -> str:
    found = re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def _seen(page: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]*)"', page)
    assert found is not None
    return found[1]


@pytest.fixture
async def browser(database: MakeDatabase, prefix: str) -> AsyncIterator[Browser]:
    made = await database("allocation")
    worker = await open_pool(made.worker, name="policy-pages", max_size=4)
    web = await open_pool(made.web, name="policy-pages-web", max_size=4)
    conn = await connect(made.worker, name="policy-pages-looking")
    await fill(conn, a_region(3, 120, 10))
    policies, rulebook = CurrentPolicies(load_policies(), worker), load_rulebook()
    resources = Resources(
        ServiceSettings.from_env("allocation", DEMO_NOWHERE), Noon(), CollectorRegistry(), worker, web
    )
    placements = Placements(prefix, PolicyTerms(policies))
    app = create_console(resources, placements, rulebook, policies, places=invented_places())
    assert isinstance(app.state.console, ConsoleContext)
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://kurslotse.test")
    one = Browser(http, conn, policies, Analyses(worker, Here(), snapshot_source(policies, rulebook)))
    await one.sign_in("jana-vogt")
    yield one
    await http.aclose()
    await conn.close()
    await web.close()
    await worker.close()


async def test_the_policy_in_force_stands_there_in_words(browser: Browser) -> None:
    page = await browser.page("/policy")
    assert "Vorgaben des Kreises" in page
    assert "Vorgeschlagen werden Kurse, die innerhalb von 182 Tagen beginnen." in page
    for said in ("Der Träger sagt, ob er", "Ein bestätigter Platz gilt"):
        assert said in page
    assert "mitgelieferten Vorgaben" in page
    await browser.form("/preferences", language="en", back="/policy")
    assert "A confirmed place counts as started on the first day of the course." in await browser.page(
        "/policy"
    )


async def test_mistakes_stand_beside_the_document_that_stays_as_typed(browser: Browser) -> None:
    document = (await browser.document()).replace("days: 10", "days: 99") + "goal: 1 # <b>\n"
    page = await browser.refused("/policy/edit", document=document, do="save")
    assert "2 Fehler im Dokument" in page
    assert re.search(
        r"Zeile \d+, Spalte \d+</a> \(reservation > days\): Das ist zu groß; höchstens 60\.", page
    )
    assert "Meinen Sie „goals“?" in page
    assert _document(page).strip() == document.strip()
    assert "<b>" not in (await browser.form("/policy/edit", document=document, do="save")).text
    assert await browser.conn.fetchval("SELECT count(*) FROM policy_version") == 0


async def test_a_policy_is_only_checked_if_that_is_asked(browser: Browser) -> None:
    answer = await browser.form("/policy/edit", document=await browser.document(), do="check")
    assert answer.status_code == 200
    assert "Das Dokument hat keine Fehler" in answer.text
    assert await browser.conn.fetchval("SELECT count(*) FROM policy_version") == 0


async def test_two_people_change_the_policy(browser: Browser) -> None:
    document = (await browser.document()).replace("latest_start_days: 182", "latest_start_days: 60")
    draft = await browser.draft(document.replace("2026-03-03", "2026-03-02"))
    page = await browser.page(draft)
    assert "<del>Vorgeschlagen werden Kurse, die innerhalb von 182 Tagen beginnen.</del>" in page
    assert "<ins>Vorgeschlagen werden Kurse, die innerhalb von 60 Tagen beginnen.</ins>" in page
    assert "mindestens zehn Zeichen" in await browser.refused(f"{draft}/submit", reason="kurz")
    _, page = await browser.done(f"{draft}/submit", reason=WHY)
    assert "Eine zweite Person muss diese Vorgaben in Kraft setzen" in page
    assert "/activate" not in page
    seen = await browser.conn.fetchval("SELECT encode(sha256, 'hex') FROM policy_version")
    _, page = await browser.done(f"{draft}/activate", seen=seen)
    assert "Sie haben diese Vorgaben geschrieben." in page
    assert browser.policies.at("99001", NOON).limits.latest_start_days == 182

    await browser.sign_in("peter-lindner")
    page = await browser.page(draft)
    form = re.search(r'name="seen" value="([0-9a-f]{64})"', page)
    assert form is not None
    assert "nicht mehr" not in page
    _, page = await browser.done(f"{draft}/activate", seen="")
    assert "haben sich geändert, seit Sie sie gelesen haben" in page
    _, page = await browser.done(f"{draft}/activate", seen=form[1], reason=WHY)
    assert "in Kraft gesetzt" in page
    assert browser.policies.at("99001", NOON).limits.latest_start_days == 60  # this process knows at once
    page = await browser.page("/policy")
    assert "innerhalb von 60 Tagen" in page
    assert "ja, von zwei Personen" in page
    assert page.count(WHY) == 2
    for name in ("Jana Vogt", "Peter Lindner"):
        assert name in page
    _, page = await browser.done(f"{draft}/withdraw", reason=WHY)
    assert "Es gilt wieder, was davor galt" in page
    assert browser.policies.at("99001", NOON).limits.latest_start_days == 182


async def test_a_document_is_tried_before_it_is_kept(browser: Browser) -> None:
    document = (await browser.document()).replace("latest_start_days: 182", "latest_start_days: 30")
    assert "1 Fehler im Dokument" in await browser.refused("/policy/preview", document=document + "x: 1\n")
    address, page = await browser.done("/policy/preview", document=document)
    assert "Das wird berechnet" in page
    assert await browser.analyses.run_waiting(NOON) == 1
    page = await browser.page(address)
    assert "<ins>Vorgeschlagen werden Kurse, die innerhalb von 30 Tagen beginnen.</ins>" in page
    assert re.search(r"0 Personen gewinnen einen Platz, [1-9]\d* verlieren ihn", page)
    kept = re.search(r'name="document" value="(.*?)">', (await browser.http.get(address)).text, re.DOTALL)
    assert kept is not None
    again = await browser.form("/policy/edit", document=html.unescape(kept[1]), do="show")
    assert _document(again.text).strip() == document.strip()
    assert await browser.conn.fetchval("SELECT count(*) FROM policy_version") == 0
    await browser.draft(html.unescape(kept[1]))
    asked = await browser.conn.fetchval("SELECT id FROM analysis_task")
    assert (await browser.http.get(f"/what-if/{asked}")).status_code == 200
    await browser.conn.execute("UPDATE analysis_task SET question = question - 'document'")
    assert (await browser.http.get(address)).status_code == 404


async def test_a_preview_says_who_gains_and_who_loses_and_writes_nothing(browser: Browser) -> None:
    document = (await browser.document()).replace("latest_start_days: 182", "latest_start_days: 30")
    draft = await browser.draft(document)
    answer = await browser.form(f"{draft}/preview")
    address = answer.headers["location"].partition("#")[0]
    waiting = await browser.http.get(address)
    assert waiting.headers["refresh"] == "2"
    assert "Das wird berechnet" in waiting.text
    assert await browser.analyses.run_waiting(NOON) == 1
    done = await browser.http.get(address)
    assert "refresh" not in done.headers
    page = html.unescape(done.text)
    assert "Nach Vorrangklasse" in page
    assert re.search(r"Verlieren einen Platz: [1-9]", page)
    assert re.search(r'<a class="kern-link kl-id" href="/people/[0-9a-f-]{36}">', page)
    assert await browser.conn.fetchval("SELECT count(*) FROM placement") == 0
    other = await browser.draft(document.replace("30", "31"))
    assert "Nach Vorrangklasse" not in await browser.page(f"{other}?{address.partition('?')[2]}")


async def test_a_draft_is_opened_again_and_changed(browser: Browser) -> None:
    draft = await browser.draft(await browser.document())
    version = draft.rpartition("/")[2]
    page = await browser.page(f"/policy/edit?from={version}")
    assert f'name="based_on" value="{version}"' in page
    changed = _document(page).replace("days: 10", "days: 9")
    values = {"document": changed, "do": "save", "based_on": version}
    address, _ = await browser.done("/policy/edit", **values, seen=_seen(page))
    assert address == draft
    await browser.sign_in("peter-lindner")
    seen = _seen(await browser.page(f"/policy/edit?from={version}"))
    address, _ = await browser.done("/policy/edit", **values, seen=seen)
    assert address != draft
    assert "/withdraw" not in await browser.page(draft)


async def test_providers_have_no_policy_page(browser: Browser) -> None:
    await browser.sign_in("mira-kern")
    for path in ("/policy", "/policy/edit"):
        assert (await browser.http.get(path)).status_code == 403


async def _upload(browser: Browser, text: str, **values: str) -> httpx.Response:
    return await browser.http.post(
        "/policy/travel",
        data={"csrf": browser.csrf, **values},
        files={"file": ("fahrzeiten.csv", text.encode())},
    )


WAYS = "from_town;to_town;minutes\n99001001;99001002;20\n99001001;99001003;x\n"


async def test_travel_times_are_uploaded_line_by_line(browser: Browser) -> None:
    answer = await _upload(browser, WAYS)
    assert check("/policy/travel", answer) == []
    assert "Zeile 3: „x“ ist keine Minutenzahl von 0 bis 600." in html.unescape(answer.text)
    assert await browser.conn.fetchval("SELECT count(*) FROM travel_time") == 0
    answer = await _upload(browser, WAYS, skip="1")
    assert answer.status_code == 303
    page = await browser.page("/policy")
    assert "Geladene Wege: 1. Ergänzte Rückwege: 1. Weggelassene Zeilen: 1." in page
    assert "In Kraft: fahrzeiten.csv mit 1 Wegen" in page
    table = re.search(r'href="(/policy/travel/[0-9a-f-]{36}\.csv)"', page)
    assert table is not None
    assert (await browser.http.get(table[1])).text == WAYS
    assert "mindestens zehn Zeichen" in await browser.refused("/policy/travel/remove", reason="")
    _, page = await browser.done("/policy/travel/remove", reason=WHY)
    assert "Es gibt keine Tabelle." in page
    assert await browser.conn.fetchval("SELECT count(*) FROM travel_time") == 0


async def _send(browser: Browser, path: str, body: str) -> httpx.Response:
    return await browser.http.post(
        f"/api/v1{path}", content=body.encode(), headers={"x-csrf": browser.csrf, "content-type": "text/csv"}
    )


async def test_programs_load_travel_times(browser: Browser) -> None:
    answer = await _send(browser, "/travel?name=kreis.csv", WAYS)
    assert answer.status_code == 422
    assert answer.json() == {
        "problems": [
            {
                "line": 3,
                "column": None,
                "path": "",
                "code": "minutes",
                "detail": "„x“ ist keine Minutenzahl von 0 bis 600.",
            }
        ]
    }
    answer = await _send(browser, "/travel?name=kreis.csv&skip=true", WAYS)
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("rows", "filled", "skipped")} == {
        "rows": 1, "filled": 1, "skipped": 1,
    }  # fmt: skip
    assert "In Kraft: kreis.csv mit 1 Wegen" in await browser.page("/policy")


async def test_programs_read_and_check_policies(browser: Browser) -> None:
    now = (await browser.http.get("/api/v1/policy")).json()
    assert (now["kreis"], now["version"], now["policy"]["reservation"]["days"]) == ("99001", "", 10)
    document = await browser.document()
    answer = await _send(browser, "/policy/check", document)
    assert answer.status_code == 200
    assert answer.json()["valid_from"] == "2026-03-03"
    answer = await _send(browser, "/policy/check", document.replace("days: 10", "days: 61"))
    assert answer.status_code == 422
    (problem,) = answer.json()["problems"]
    line = 1 + document[: document.index("days: 10")].count("\n")
    assert (problem["line"], problem["path"], problem["code"]) == (line, "reservation > days", "too_large")


async def test_a_town_that_no_directory_has_is_a_mistake_in_its_line(browser: Browser) -> None:
    document = await browser.document() + 'towns:\n  "99001777": {latitude: 53.9, longitude: 11.3}\n'
    page = await browser.refused("/policy/edit", document=document, do="save")
    said = "Der Ort 99001777 steht in keinem Gemeindeverzeichnis. Bitte prüfen Sie den Schlüssel."
    assert said in page
    assert await browser.conn.fetchval("SELECT count(*) FROM policy_version") == 0
    assert said in await browser.refused("/policy/edit", document=document, do="check")
    answer = await _send(browser, "/policy/check", document)
    (problem,) = answer.json()["problems"]
    assert (problem["code"], problem["line"]) == ("town_unknown", document.count("\n"))
    right = document.replace("99001777", "99001001")
    assert (await _send(browser, "/policy/check", right)).status_code == 200


async def test_programs_find_towns(browser: Browser) -> None:
    found = (await browser.http.get("/api/v1/places", params={"q": "uebungs"})).json()
    assert [(one["town"], one["label"]) for one in found] == [("99001010", "Übungsdorf, 00150")]
