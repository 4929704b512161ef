"""A run of two Kreise that pool, on the pages of either: the run and its proof, and one's own people only."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.accounts.domain import Side
from services.allocation.acts.placements import Placements
from services.allocation.console.app import create_console
from services.allocation.console.context.menu import COORDINATOR
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.terms import PolicyTerms
from services.allocation.rerun import request_rerun
from services.allocation.steering.runs.service import Steering
from services.runtime.base.settings import ServiceSettings
from services.runtime.data.db import connect, open_pool
from services.runtime.serve.service import Resources
from tests.accounts.people import people_of, put_people
from tests.conftest import MakeDatabase
from tests.integration.allocation.console.test_policy_pages import Noon
from tests.integration.allocation.rows import fill
from tests.integration.allocation.runs.test_regions import BOTH, NOON, ONE, OTHER, THIRD, Solver
from tests.places.invented import invented_places
from tests.serving import DEMO_NOWHERE
from tests.unit.allocation.regions.region import a_region

WHO = {"of-one": ONE, "of-other": OTHER, "of-third": THIRD}


@pytest.fixture
async def http(database: MakeDatabase, prefix: str) -> AsyncIterator[httpx.AsyncClient]:
    """The console after one common run, with a coordinator in each of three Kreise."""
    made = await database("allocation")
    pool = await open_pool(made.worker, name="common-runs", max_size=4)
    web = await open_pool(made.web, name="common-runs-web", max_size=2)
    conn = await connect(made.worker, name="common-runs-looking")
    await fill(conn, a_region(3, 60, 4))
    await fill(conn, replace(a_region(4, 20, 12), region=OTHER))
    placements, rulebook = Placements(prefix, PolicyTerms(BOTH)), load_rulebook()
    async with conn.transaction():
        await request_rerun(conn, OTHER, "a_test", True, NOON)  # noqa: FBT003 - as callers ask
    assert (
        await Steering(pool, Solver(), placements, CurrentPolicies(BOTH), rulebook, prefix).run_due(NOON) == 1
    )
    settings = ServiceSettings.from_env("allocation", DEMO_NOWHERE)
    app = create_console(
        Resources(settings, Noon(), CollectorRegistry(), pool, web),
        placements,
        rulebook,
        places=invented_places(),
    )
    people = people_of(
        [
            {"slug": f"kreis-{kreis}", "name": kreis, "kind": "kreis", "kreise": [kreis]}
            for kreis in WHO.values()
        ],
        [
            {"key": key, "name": key, "organisation": f"kreis-{kreis}", "roles": [COORDINATOR]}
            for key, kreis in WHO.items()
        ],
    )
    await put_people(made.worker, Side.STEERING, people)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://kurslotse.test")
    client.headers["x-run"] = str(await conn.fetchval("SELECT run FROM steering_run"))
    for kreis in (ONE, OTHER):
        client.headers[f"x-{kreis}"] = str(
            await conn.fetchval(
                "SELECT participant FROM main_reason WHERE kreis = $1 ORDER BY participant LIMIT 1", kreis
            )
        )
    yield client
    await client.aclose()
    await conn.close()
    await web.close()
    await pool.close()


@pytest.mark.parametrize(("who", "own", "others"), [("of-one", 60, 20), ("of-other", 20, 60)])
async def test_either_sees_the_run_and_its_own_people(
    http: httpx.AsyncClient, who: str, own: int, others: int
) -> None:
    await http.post("/demo/sign-in", json={"person": who})
    mine, theirs = (OTHER, ONE) if WHO[who] == OTHER else (ONE, OTHER)
    run = http.headers["x-run"]
    page = html.unescape((await http.get(f"/runs/{run}")).text)
    assert "Nachweis des Vorrangs" in page
    assert (
        "Ein gemeinsamer Steuerungslauf von: Kreis Musterland (erfunden), Kreis Nachbarland (erfunden)."
        in page
    )
    seen = (await http.get(f"/runs/{run}/snapshot.json")).json()
    assert (len(seen["people"]), seen["left_out"]) == (own, others)
    assert {one["kreis"] for one in seen["people"]} == {mine}
    known = {one["id"] for one in seen["people"]}
    result = (await http.get(f"/runs/{run}/result.json")).json()
    assert {person for person, *_ in result["places"]} <= known
    assert (await http.get(f"/runs/{run}/certificate.json")).status_code == 200
    assert (await http.get(f"/people/{http.headers[f'x-{mine}']}/why")).status_code == 200
    why = (await http.get(f"/api/v1/people/{http.headers[f'x-{mine}']}/why")).json()
    assert why["run"] == run
    assert why["courses"]
    for door in ("", "/api/v1"):
        assert (await http.get(f"{door}/people/{http.headers[f'x-{theirs}']}/why")).status_code == 404


async def test_a_third_kreis_sees_nothing_of_it(http: httpx.AsyncClient) -> None:
    await http.post("/demo/sign-in", json={"person": "of-third"})
    for path in ("", "/snapshot.json", "/result.json", "/certificate.json"):
        assert (await http.get(f"/runs/{http.headers['x-run']}{path}")).status_code == 404
