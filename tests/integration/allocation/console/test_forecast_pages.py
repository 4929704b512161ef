"""The pages of the forecast as a coordinator uses them, without scripts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.allocation.acts.placements import Placements
from services.allocation.console.app import create_console
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
from tests.integration.allocation.console.test_policy_pages import NOON, Browser, Noon
from tests.integration.allocation.questions.test_analysis import Here
from tests.integration.allocation.rows import fill
from tests.places.invented import invented_places
from tests.serving import DEMO_NOWHERE
from tests.unit.allocation.regions.region import a_region


@pytest.fixture
async def empty(database: MakeDatabase, prefix: str) -> AsyncIterator[Browser]:
    base = await database("allocation")
    worker = await open_pool(base.worker, name="foresight-pages", max_size=4)
    web = await open_pool(base.web, name="foresight-pages-web", max_size=4)
    conn = await connect(base.worker, name="foresight-pages-looking")
    policies, rulebook = CurrentPolicies(load_policies(), worker), load_rulebook()
    settings = ServiceSettings.from_env("allocation", DEMO_NOWHERE)
    resources = Resources(settings, Noon(), CollectorRegistry(), worker, web)
    app = create_console(
        resources, Placements(prefix, PolicyTerms(policies)), rulebook, policies, places=invented_places()
    )
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://kurslotse.test")
    browser = Browser(http, conn, policies, Analyses(worker, Here(), snapshot_source(policies, rulebook)))
    await browser.sign_in("jana-vogt")
    yield browser
    await http.aclose()
    await conn.close()
    await web.close()
    await worker.close()


@pytest.fixture
async def browser(empty: Browser) -> Browser:
    await fill(empty.conn, a_region(3, 200, 12))
    return empty


async def test_a_forecast_is_asked_for_computed_and_told(browser: Browser) -> None:
    assert "Es wurde noch keine Vorhersage berechnet." in await browser.page("/forecast")
    address, page = await browser.done("/forecast")
    assert "Das wird berechnet." in page
    assert (await browser.http.get(address)).headers["refresh"] == "2"
    assert await browser.analyses.run_waiting(NOON) == 1
    page = await browser.page(address)
    assert "refresh" not in (await browser.http.get(address)).headers
    assert re.search(r"In den nächsten 12 Wochen melden sich voraussichtlich \d+ Personen an", page)
    assert "Sie beginnt am 02.03.2026 und beruht auf" in page
    assert re.search(r"\d+ Personen warten heute ohne Platz", page)
    assert page.count("<svg") - page.count("</svg>") == 0
    assert len(re.findall(r'class="kl-chart__mean" x1="\d+\.\d+%"', page)) == 24
    assert len(re.findall(r"<th scope=\"row\"[^>]*>\d\d\.\d\d\.2026</th>", page)) == 12
    for part in (
        "Nach Kursart",
        "Nach Niveau",
        "Nach Ort",
        "Nach Kursart und Niveau",
        "Musterstadt",
        " bis ",
    ):
        assert part in page
    assert page.count("<td") == (await browser.page("/forecast")).count("<td")
    file = await browser.http.get(f"{address}.csv")
    assert file.text.count("\r\n") == 1 + 12 * page.count("<option")


async def test_each_part_has_its_weeks(browser: Browser) -> None:
    address, _ = await browser.done("/forecast")
    await browser.analyses.run_waiting(NOON)
    page = await browser.page(address)
    link = re.search(rf'href="({address}\?by=town[^"]*)"', page)
    assert link is not None
    part = await browser.page(link[1])
    title = re.search(r"Woche für Woche: ([^<]*)<", part)
    assert title is not None
    assert title[1] != "Der ganze Kreis"
    unknown = await browser.page(f"{address}?by=town&value=nowhere")
    assert "Woche für Woche: Der ganze Kreis" in unknown


async def test_nobody_registered_is_said(empty: Browser) -> None:
    address, _ = await empty.done("/forecast")
    assert await empty.analyses.run_waiting(NOON) == 1
    assert "Es hat sich noch niemand angemeldet" in await empty.page(address)
