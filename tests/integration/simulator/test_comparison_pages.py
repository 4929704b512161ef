"""The page of the comparison as a coordinator of the demo uses it, without scripts."""

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
from services.simulator.comparison import words
from services.simulator.comparison.extension import EXTENSION
from tests.conftest import MakeDatabase
from tests.integration.allocation.console.test_policy_pages import NOON, Browser, Noon
from tests.integration.allocation.questions.test_analysis import Here
from tests.integration.allocation.rows import fill
from tests.rejected import faults_of
from tests.serving import DEMO_NOWHERE
from tests.unit.allocation.regions.region import a_region
from tests.unit.web.messages import COMPARISON

ONE_YEAR = {"seeds": "1", "people": "300", "policy": "own"}


@pytest.fixture
async def browser(database: MakeDatabase, prefix: str) -> AsyncIterator[Browser]:
    base = await database("allocation")
    worker = await open_pool(base.worker, name="comparison-pages", max_size=4)
    web = await open_pool(base.web, name="comparison-pages-web", max_size=4)
    conn = await connect(base.worker, name="comparison-pages-looking")
    book, rulebook = CurrentPolicies(load_policies(), worker), load_rulebook()
    settings = ServiceSettings.from_env("allocation", DEMO_NOWHERE)
    resources = Resources(settings, Noon(), CollectorRegistry(), worker, web)
    app = create_console(resources, Placements(prefix, PolicyTerms(book)), rulebook, book, EXTENSION)
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://kurslotse.test")
    browser = Browser(
        http, conn, book, Analyses(worker, Here(), snapshot_source(book, rulebook), EXTENSION.kinds)
    )
    await fill(conn, a_region(3, 200, 12))
    await browser.sign_in("jana-vogt")
    yield browser
    await http.aclose()
    await conn.close()
    await web.close()
    await worker.close()


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
    assert line == "Kurse abgesagt;5;7;2;'\N{MINUS SIGN}2;besser;3;schlechter"


@pytest.mark.parametrize("wrong", [{"seeds": "50"}, {"people": "100000"}, {"policy": "none"}, {"seeds": ""}])
async def test_only_what_is_offered_can_be_asked(browser: Browser, wrong: dict[str, str]) -> None:
    page = await browser.refused("/compare", **(ONE_YEAR | wrong))
    assert "Bitte wählen Sie aus den Listen." in page
    assert list(faults_of(page)) == []
    assert await browser.conn.fetchval("SELECT count(*) FROM analysis_task") == 0


async def test_an_answer_of_another_kind_is_not_found(browser: Browser) -> None:
    address, _ = await browser.done("/next-course", seats="12", course_type="integration_general")
    task = address.rpartition("/")[2]
    assert (await browser.http.get(f"/compare/{task}")).status_code == 404


def test_every_figure_and_assumption_is_told_in_german() -> None:
    german = load([COMPARISON / "locale"])["de"]
    texts = (*words.NAMES.values(), *words.OF_CLASS.values(), *words.ASSUMPTIONS)
    assert [text for text in texts if not german.knows(text)] == []
