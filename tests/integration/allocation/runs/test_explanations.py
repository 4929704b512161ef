"""A run is explained, certified and checked; what would help is looked for after it, and shown."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from services.allocation.acts.placements import Placements
from services.allocation.console.app import create_console
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import load_policies
from services.allocation.policy.terms import PolicyTerms
from services.allocation.rerun import request_rerun
from services.allocation.steering.commands import app
from services.allocation.steering.explain import store as explanation_store
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.questions.material import snapshot_source
from services.allocation.steering.questions.runner import Analyses
from services.allocation.steering.runs.audit import verify
from services.allocation.steering.runs.service import Steering
from services.checker.run import findings
from services.runtime.base.settings import ServiceSettings
from services.runtime.data.db import connect, open_pool, transaction
from services.runtime.serve.service import Resources
from tests.conftest import MakeDatabase
from tests.integration.allocation.console.test_policy_pages import NOON, Browser, Noon
from tests.integration.allocation.questions.test_analysis import Here
from tests.integration.allocation.rows import fill
from tests.integration.allocation.runs.test_runs import Solver
from tests.serving import DEMO_NOWHERE
from tests.unit.allocation.regions.crowd import a_course, a_kreis, a_person

KREIS = "99001"
CHILDCARE = 4
"""People who wait only for childcare; there are more seats than that."""


@dataclass
class Run:
    """A run that is stored, with pages on it."""

    run: UUID
    browser: Browser
    pool: asyncpg.Pool
    worker: str
    """The worker role's address."""


@pytest.fixture
async def done(database: MakeDatabase, prefix: str) -> AsyncIterator[Run]:
    base = await database("allocation")
    worker = await open_pool(base.worker, name="explained", max_size=4)
    web = await open_pool(base.web, name="explained-web", max_size=4)
    conn = await connect(base.worker, name="explained-looking")
    people = [a_person(number) for number in range(8)]
    people += [a_person(number, needs_childcare=True) for number in range(20, 20 + CHILDCARE)]
    people += [a_person(number, section=2) for number in range(40, 44)]
    courses = [a_course(1, 20, seats=6), a_course(2, 30, seats=12, minimum=0)]
    await fill(conn, a_kreis(people, courses))
    await conn.execute("UPDATE course SET title = 'Kurs ' || provider")
    policies, rulebook = CurrentPolicies(load_policies(), worker), load_rulebook()
    settings = ServiceSettings.from_env("allocation", DEMO_NOWHERE)
    placements = Placements(prefix, PolicyTerms(policies))
    console = create_console(
        Resources(settings, Noon(), CollectorRegistry(), worker, web), placements, rulebook, policies
    )
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=console), base_url="http://kurslotse.test")
    browser = Browser(http, conn, policies, Analyses(worker, Here(), snapshot_source(policies, rulebook)))
    await browser.sign_in("jana-vogt")
    async with conn.transaction():
        await request_rerun(conn, KREIS, "a_test", True, NOON)  # noqa: FBT003 -- urgent
    steering = Steering(worker, Solver(), placements, policies, rulebook, prefix)
    assert await steering.run_due(NOON) == 1
    yield Run(await conn.fetchval("SELECT run FROM steering_run"), browser, worker, base.worker)
    await http.aclose()
    await conn.close()
    await web.close()
    await worker.close()


async def test_a_stored_run_is_verified_and_a_changed_one_is_not(done: Run) -> None:
    conn = done.browser.conn
    checked = await verify(conn, done.run, resolve=True)
    assert checked.findings == ()
    assert (checked.certificates, checked.reasons, checked.remedies) == (1, 16, 0)
    assert await done.browser.analyses.run_waiting(NOON) == 1
    checked = await verify(conn, done.run, resolve=True)
    assert checked.findings == ()
    assert checked.remedies > CHILDCARE
    await conn.execute("UPDATE main_reason SET code = 'all_full' WHERE code = 'blocked_childcare'")
    await conn.execute("UPDATE remedy SET section = 2 WHERE code = 'childcare'")
    kinds = {one.split(":")[0] for one in (await verify(conn, done.run)).findings}
    assert kinds == {"reason", "remedy"}


async def test_a_swapped_result_is_found(done: Run) -> None:
    conn = done.browser.conn
    names = await explanation_store.contents_of(conn, done.run)
    packed = await conn.fetchval("SELECT content FROM steering_content WHERE sha256 = $1", names.result)
    forged = orjson.loads(snapshot.unpack(packed, names.result))
    forged["places"] = forged["places"][1:]
    forged["tiers"][0]["value"] -= 1
    raw = orjson.dumps(forged)
    await conn.execute(
        "INSERT INTO steering_content (sha256, kreis, content) VALUES ($1, $2, $3)",
        snapshot.address(raw),
        KREIS,
        snapshot.pack(raw),
    )
    await conn.execute("UPDATE steering_run SET result = $1", snapshot.address(raw))
    kinds = {one.split(":")[0] for one in (await verify(conn, done.run, resolve=True)).findings}
    assert {"certificate", "tiers", "priority", "resolve"} <= kinds
    with pytest.raises(LookupError):
        await verify(conn, UUID(int=0))


async def test_remedies_are_asked_for_once_and_kept_summed(done: Run) -> None:
    conn = done.browser.conn
    async with transaction(done.pool) as other:
        await explanation_store.ask_for_remedies(other, KREIS, NOON)
    assert await conn.fetchval("SELECT count(*) FROM analysis_task WHERE kind = 'remedies'") == 1
    assert await done.browser.analyses.run_waiting(NOON) == 1
    assert await conn.fetchval("SELECT state FROM analysis_task") == "done"
    waiting = await conn.fetchval("SELECT count(*) FROM main_reason WHERE NOT placed")
    assert await conn.fetchval("SELECT count(*) FROM remedy") == waiting
    row = await conn.fetchrow("SELECT * FROM remedy_sum WHERE code = 'childcare'")
    assert row is not None
    assert (row["people"], row["together"]) == (CHILDCARE, CHILDCARE)
    async with transaction(done.pool) as other:
        await explanation_store.ask_for_remedies(other, KREIS, NOON)
    assert await done.browser.analyses.run_waiting(NOON) == 1
    assert await conn.fetchval("SELECT count(*) FROM remedy") == waiting


async def test_pages_tell_reasons_proof_and_help(done: Run) -> None:
    browser, conn = done.browser, done.browser.conn
    page = await browser.page("/remedies")
    assert "Noch liegt nichts vor" in page
    assert "Eine neuere Suche läuft." in page
    await browser.analyses.run_waiting(NOON)
    page = await browser.page("/remedies")
    assert "Stand: Steuerungslauf vom 02.03.2026" in page
    assert "Eine neuere Suche läuft." not in page
    assert "Kinderbetreuung" in page
    assert (
        f"{CHILDCARE} Personen bekämen einen Platz, wenn ein Kurs Kinderbetreuung hätte."
        in await browser.page("/waiting")
    )
    filtered = await browser.page("/remedies?code=childcare")
    assert filtered.count("Kinderbetreuung während des Kurses.") == CHILDCARE
    person = await conn.fetchval("SELECT participant FROM remedy WHERE code = 'childcare' LIMIT 1")
    told = await browser.page(f"/people/{person}/why")
    assert "Dort ist keine Kinderbetreuung bekannt." in told
    assert "Niemand verliert dadurch einen Platz." in told
    assert "Einen solchen Kurs gibt es nicht." in await browser.page(f"/people/{person}/why?show=suitable")
    placed = await conn.fetchval("SELECT participant FROM main_reason WHERE placed LIMIT 1")
    assert "Der Platz, und warum gerade dieser" in await browser.page(f"/people/{placed}/why")
    assert f"/people/{placed}/why" in await browser.page(f"/people/{placed}")
    run = await browser.page(f"/runs/{done.run}")
    assert f"kurslotse steering verify {done.run}" in run
    assert "Grenzen der vollen Kurse" in run
    assert f'href="/runs/{done.run}"' in await browser.page("/runs")


async def test_files_of_a_run_name_nobody_and_prove_the_same(done: Run) -> None:
    parts = {}
    for part in ("snapshot", "result", "certificate"):
        answer = await done.browser.http.get(f"/runs/{done.run}/{part}.json")
        assert answer.status_code == 200
        parts[part] = answer.content
    ids = await done.browser.conn.fetch("SELECT participant, reference, office FROM participant")
    for row in ids:
        for name in (str(row["participant"]), row["office"]):
            assert all(name.encode() not in raw for raw in parts.values())
    assert findings(parts["snapshot"], parts["result"], parts["certificate"]) == []
    claims = orjson.loads(parts["certificate"])
    assert claims["snapshot"] == hashlib.sha256(parts["snapshot"]).hexdigest()
    assert re.fullmatch("[0-9a-f]{64}", claims["stored_snapshot"])
    assert (await done.browser.http.get(f"/runs/{done.run}/secrets.json")).status_code == 422
    assert (await done.browser.http.get(f"/runs/{UUID(int=0)}")).status_code == 404


async def test_the_command_counts_what_it_checks_and_fails_with_findings(
    done: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KURSLOTSE_DB_WORKER", done.worker)

    async def said(*words: str) -> tuple[int, str]:
        ended = await asyncio.to_thread(CliRunner().invoke, app, ["verify", "--jobs", "1", *words])
        return ended.exit_code, ended.output

    assert await said(str(done.run), "--resolve") == (
        0,
        "1 runs, 1 certificates, 16 reasons, 0 remedies checked: 0 findings\n",
    )
    await done.browser.analyses.run_waiting(NOON)
    code, output = await said("--all")
    assert code == 0
    assert re.search(r"1 runs, 1 certificates, 16 reasons, [1-9]\d? remedies checked: 0 findings", output)
    assert (await said())[0] == 2
    name = (await explanation_store.contents_of(done.browser.conn, done.run)).remedies
    assert name is not None
    raw = snapshot.unpack(await explanation_store.content(done.browser.conn, name), name)
    await explanation_store.keep_remedies(done.browser.conn, done.run, orjson.loads(raw)[1:])
    code, output = await said("--all")
    assert code == 1
    assert f"{done.run}: remedies: not one for each person without a place" in output
    assert "is shown" in output
    assert (await said("--all", "--since", "2026-03-03"))[1].startswith("0 runs")
    assert (await said("--all", "--since", "2026-03-02"))[1] == output
    await done.browser.conn.execute("UPDATE steering_content SET content = ''")
    code, output = await said("--all")
    assert (code, output.count("stored: stored content is damaged")) == (1, 1)
    assert (await said(str(UUID(int=0))))[0] == 1


async def test_what_an_earlier_version_decided_is_told_as_that(
    done: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    conn, said = done.browser.conn, "Entschieden hat eine frühere Version"
    person = await conn.fetchval("SELECT participant FROM main_reason WHERE placed LIMIT 1")
    assert said not in await done.browser.page(f"/people/{person}/why")
    assert (await verify(conn, done.run)).made_by is None
    then = matching.ENGINE
    monkeypatch.setattr(matching, "ENGINE", "a later one")
    assert said in await done.browser.page(f"/people/{person}/why")
    assert (await verify(conn, done.run)).made_by == then
