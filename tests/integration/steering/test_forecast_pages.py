"""The pages of forecast and comparison as a coordinator uses them, without scripts."""

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
from services.runtime.web.languages import load
from services.simulator.year import words
from tests.conftest import MakeDatabase
from tests.integration.steering.rows import fill
from tests.integration.steering.test_analysis import Here
from tests.integration.steering.test_policy_pages import ENV, NOON, Browser, Noon
from tests.unit.steering.region import a_region
from tests.unit.web.messages import CONSOLE

ONE_YEAR = {"seeds": "1", "people": "300", "policy": "own"}


@pytest.fixture
async def empty(database: MakeDatabase, prefix: str) -> AsyncIterator[Browser]:
    base = await database("allocation")
    worker = await open_pool(base.worker, name="foresight-pages", max_size=4)
    web = await open_pool(base.web, name="foresight-pages-web", max_size=4)
    conn = await connect(base.worker, name="foresight-pages-looking")
    policies, rulebook = CurrentPolicies(load_policies(), worker), load_rulebook()
    settings = ServiceSettings.from_env("allocation", ENV)
    resources = Resources(settings, Noon(), CollectorRegistry(), worker, web)
    app = create_console(resources, Placements(prefix, PolicyTerms(policies)), rulebook, policies)
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


async def test_a_comparison_is_asked_for_computed_and_told(browser: Browser) -> None:
    page = await browser.page("/compare")
    assert "Es wurde noch kein Vergleich berechnet." in page
    assert "Die Träger schicken niemanden zueinander." in page
    address, page = await browser.done("/compare", **ONE_YEAR)
    assert "Das wird berechnet." in page
    assert await browser.analyses.run_waiting(NOON) == 1
    page = await browser.page(address)
    assert "1 Jahr mit 300 neuen Personen, Maßstab: die hier geltenden Vorgaben" in page
    assert "Gesteuert gegenüber: der Reihe nach bei jedem Träger einzeln" in page
    assert "Wo Steuerung schlechter ist" in page
    assert "verfallene Rechte: DeuFöV, drei Monate" in page
    assert re.search(r"Personen angemeldet</th>(\s*<td[^>]*>337</td>){3}", page)


async def test_each_world_stands_in_its_own_column(browser: Browser) -> None:
    address, _ = await browser.done("/compare", **ONE_YEAR)
    value = {"steered": 5.0, "unsteered": 7.0, "one_list": 2.0}
    row = {
        "code": "courses_cancelled",
        "better": "less",
        "worlds": {world: dict.fromkeys(("mean", "low", "high"), one) for world, one in value.items()},
        "differences": {
            world: {"spread": dict.fromkeys(("mean", "low", "high"), 5 - value[world]), "worse_in": bad}
            for world, bad in (("unsteered", 0), ("one_list", 1))
        },
        "worse_than": ["one_list"],
    }
    await browser.conn.execute(
        "UPDATE analysis_task SET state = 'done', finished_at = asked_at, snapshot = sha256(''), result = $1",
        {"seeds": [0], "people": 300, "rows": [row]},
    )
    page = await browser.page(address)
    cells = re.search(r"Kurse abgesagt</th>((?:\s*<td.*?</td>)+)", page)
    assert cells is not None
    told = re.sub(r"<[^>]+>", " ", cells[1]).split()
    assert told == ["5", "7", "2", "\N{MINUS SIGN}2", "besser", "+3", "schlechter"]
    assert re.search(
        r"einzeln</h2>.*?bei keiner Kennzahl.*?der Reihe nach</h2>.*?Kurse abgesagt: \+3", page, re.DOTALL
    )
    line = (await browser.http.get(f"{address}.csv")).text.splitlines()[1]
    assert line == "Kurse abgesagt;5;7;2;\N{MINUS SIGN}2;besser;3;schlechter"


@pytest.mark.parametrize("wrong", [{"seeds": "50"}, {"people": "100000"}, {"policy": "none"}, {"seeds": ""}])
async def test_only_what_is_offered_can_be_asked(browser: Browser, wrong: dict[str, str]) -> None:
    page = await browser.refused("/compare", **(ONE_YEAR | wrong))
    assert "Bitte wählen Sie aus den Listen." in page
    assert await browser.conn.fetchval("SELECT count(*) FROM analysis_task") == 0


async def test_an_answer_of_another_kind_is_not_found(browser: Browser) -> None:
    address, _ = await browser.done("/forecast")
    task = address.rpartition("/")[2]
    assert (await browser.http.get(f"/compare/{task}")).status_code == 404


def test_every_figure_and_assumption_is_told_in_german() -> None:
    german = load([CONSOLE.parent / "locale"])["de"]
    texts = (*words.NAMES.values(), *words.OF_CLASS.values(), *words.ASSUMPTIONS)
    assert [text for text in texts if not german.knows(text)] == []
