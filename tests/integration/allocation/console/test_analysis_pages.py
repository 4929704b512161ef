"""The pages of what if, which course next and pooling as a coordinator uses them, without scripts."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.allocation.acts.placements import Placements
from services.allocation.console.app import create_console
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import load_policies
from services.allocation.policy.terms import PolicyTerms
from services.allocation.rerun import request_rerun
from services.allocation.steering.matching.domain import Course
from services.allocation.steering.questions.material import snapshot_source
from services.allocation.steering.questions.runner import Analyses
from services.allocation.steering.runs.service import Steering
from services.runtime.base.settings import ServiceSettings
from services.runtime.data.db import connect, open_pool
from services.runtime.serve.service import Resources
from tests.conftest import MakeDatabase
from tests.integration.allocation.console.test_policy_pages import ENV, NOON, Browser, Noon
from tests.integration.allocation.questions.test_analysis import Here
from tests.integration.allocation.rows import fill
from tests.integration.allocation.runs.test_runs import Solver
from tests.unit.allocation.questions.test_pooling import three_weak
from tests.unit.allocation.regions.crowd import TOWNS, a_course, a_kreis, a_person

WHY = "three courses of four people each"
ADDED = {
    "do": "add:course_added",
    "course_added-course_type": "integration_general",
    "course_added-first_section": "1",
    "course_added-starts_on": "13.4.2026",
    "course_added-town": TOWNS[0],
    "course_added-times_of_day": "morning",
    "course_added-seats": "20",
    "course_added-minimum": "0",
    "course_added-childcare": "1",
}


def weak() -> list[Course]:
    """Make three courses in each of which four people sit."""
    return [
        replace(course, sections=tuple(replace(section, free=16) for section in course.sections))
        for course in three_weak(seated=4)
    ]


@pytest.fixture
async def made(database: MakeDatabase, prefix: str) -> AsyncIterator[tuple[Browser, Steering]]:
    base = await database("allocation")
    worker = await open_pool(base.worker, name="analysis-pages", max_size=4)
    web = await open_pool(base.web, name="analysis-pages-web", max_size=4)
    conn = await connect(base.worker, name="analysis-pages-looking")
    people = [a_person(number, town=TOWNS[0]) for number in range(3)]
    childcare = [a_person(number, needs_childcare=True, section=2) for number in range(10, 20)]
    other = a_course(9, 40, course_type="integration_literacy", provider="provider-4")
    await fill(conn, a_kreis([*people, *childcare], [*weak(), other]))
    await conn.execute(
        "UPDATE course SET minimum = 9, title = 'Kurs ' || provider WHERE course <> $1", other.id
    )
    policies, rulebook = CurrentPolicies(load_policies(), worker), load_rulebook()
    settings = ServiceSettings.from_env("allocation", ENV)
    placements = Placements(prefix, PolicyTerms(policies))
    resources = Resources(settings, Noon(), CollectorRegistry(), worker, web)
    app = create_console(resources, placements, rulebook, policies)
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://kurslotse.test")
    browser = Browser(http, conn, policies, Analyses(worker, Here(), snapshot_source(policies, rulebook)))
    await browser.sign_in("jana-vogt")
    yield browser, Steering(worker, Solver(), placements, policies, rulebook, prefix)
    await http.aclose()
    await conn.close()
    await web.close()
    await worker.close()


@pytest.fixture
def browser(made: tuple[Browser, Steering]) -> Browser:
    return made[0]


async def collect(browser: Browser, **values: str) -> tuple[str, str]:
    """Add a change to what is collected so far; return the page and what it carries."""
    answer = await browser.form("/what-if", **values)
    assert answer.status_code == 200, answer.text[:3000]
    found = re.search(r'name="changes" value="(.*?)">', answer.text)
    assert found is not None
    return html.unescape(answer.text), html.unescape(found[1])


async def count(browser: Browser, query: str, *args: object) -> int:
    found: int = await browser.conn.fetchval(query, *args)
    return found


async def test_changes_are_collected_tried_and_told(browser: Browser) -> None:
    page, changes = await collect(browser, **ADDED)
    assert "Neu: Allgemeiner Integrationskurs, ab Abschnitt 1" in page
    assert "13.04.2026, 20 Plätze, mit Kinderbetreuung" in page
    course = str(UUID(int=1))
    page, changes = await collect(
        browser, changes=changes, do="add:course_cancelled", **{"course_cancelled-course": course}
    )
    assert "Fällt aus: Kurs provider-1, provider-1, Beispielhausen" in page
    page, changes = await collect(
        browser, changes=changes, do="add:arrivals", **{"arrivals-per_week": "5", "arrivals-weeks": "2"}
    )
    assert "5 Personen mehr je Woche, 2 Wochen lang" in page
    page, changes = await collect(browser, changes=changes, do="drop:2")
    assert "5 Menschen mehr" not in page
    address, page = await browser.done("/what-if", changes=changes, do="ask")
    assert "Das wird berechnet." in page
    assert (await browser.http.get(address)).headers["refresh"] == "2"
    before = await count(browser, "SELECT count(*) FROM placement")
    assert await browser.analyses.run_waiting(NOON) == 1
    page = await browser.page(address)
    assert "refresh" not in (await browser.http.get(address)).headers
    assert "Personen mit Platz" in page
    assert "3 → 13 (+10)" in page
    assert "der neue Kurs" in page
    assert "r-3" in page  # by reference
    assert "4 Menschen haben schon einen Platz in einem Kurs, der ausfiele" in page
    assert await count(browser, "SELECT count(*) FROM placement") == before
    assert "Früher gefragt" in await browser.page("/what-if")
    page, _ = await collect(browser, changes=changes, do="show")
    assert "Unterschied berechnen" in page


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"do": "add:arrivals", "arrivals-per_week": "many"}, "Personen je Woche"),
        ({"do": "add:capacity", "capacity-seats": "5"}, "Bitte prüfen Sie Ihre Angabe: Kurs."),
        ({**ADDED, "course_added-starts_on": "soon"}, "Bitte prüfen Sie Ihre Angabe: Erster Tag."),
        ({"do": "add:policy", "policy-policy": "goals: 7"}, "Zeile 1:"),
        ({"do": "add:neighbour", "neighbour-kreis": "99"}, "Kreis (fünf Ziffern)"),
        ({"do": "ask"}, "Bitte fügen Sie zuerst mindestens eine Änderung hinzu."),
        ({"do": "ask", "changes": "{"}, "Bitte prüfen Sie Ihre Angabe"),
    ],
)
async def test_a_mistake_is_said_and_nothing_is_asked(
    browser: Browser, fields: dict[str, str], text: str
) -> None:
    assert text in await browser.refused("/what-if", **fields)
    assert await count(browser, "SELECT count(*) FROM analysis_task") == 0


async def test_what_the_engine_finds_wrong_is_said_as_well(browser: Browser) -> None:
    _, changes = await collect(
        browser,
        do="add:capacity",
        **{"capacity-course": str(UUID(int=1)), "capacity-seats": "\N{MINUS SIGN}50"},
    )
    address, _ = await browser.done("/what-if", changes=changes, do="ask")
    await browser.analyses.run_waiting(NOON)
    assert "So viele Plätze lassen sich nicht wegnehmen: nur 16 sind frei." in await browser.page(address)


async def test_a_policy_can_be_tried(browser: Browser) -> None:
    page = await browser.page("/what-if")
    found = re.search(r'<textarea[^>]*name="policy-policy"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert found is not None
    document = found[1].replace("goals:", "free_choice: none\ngoals:")
    page, changes = await collect(browser, do="add:policy", **{"policy-policy": document})
    assert "Andere Vorgaben (gültig ab 02.03.2026)" in page
    address, _ = await browser.done("/what-if", changes=changes, do="ask")
    await browser.analyses.run_waiting(NOON)
    assert "Niemand bekäme einen anderen Platz." in await browser.page(address)


async def test_the_next_course_is_ranked_kept_as_a_file_and_tried(browser: Browser) -> None:
    assert "Es wurde noch keine Liste berechnet." in await browser.page("/next-course")
    address, page = await browser.done("/next-course", seats="12", course_type="integration_general")
    assert "Das wird berechnet." in page
    await browser.analyses.run_waiting(NOON)
    page = await browser.page("/next-course")
    assert "1. Allgemeiner Integrationskurs, ab Abschnitt 2" in page
    assert "mit Kinderbetreuung" in page
    assert "Was ihnen bisher fehlte (Zahl der Personen): Sprachniveau + Kinderbetreuung: 10" in page
    answer = await browser.http.get(f"{address}.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.startswith("\ufeffRang;Kurs;Mehr Personen mit Platz")
    one = re.search(
        r'action="/what-if">.*?name="changes" value="(.*?)">',
        (await browser.http.get(address)).text,
        re.DOTALL,
    )
    assert one is not None
    tried, _ = await browser.done("/what-if", changes=html.unescape(one[1]), do="ask")
    await browser.analyses.run_waiting(NOON)
    page = await browser.page(tried)
    assert "3 → 13 (+10)" in page


async def test_seats_that_make_no_sense_are_said_and_stay_typed(browser: Browser) -> None:
    page = await browser.refused("/next-course", seats="zwölf", course_type="integration_general")
    assert "Bitte geben Sie 1 bis 100 Plätze an, oder nichts." in page
    assert 'value="zwölf"' in page
    assert await count(browser, "SELECT count(*) FROM analysis_task") == 0


async def send(browser: Browser, path: str, body: object = None) -> httpx.Response:
    return await browser.http.post(f"/api/v1{path}", json=body or {}, headers={"X-CSRF": browser.csrf})


async def test_programs_ask_the_same_questions(browser: Browser) -> None:
    asked = {
        "what_if": {"changes": [{"kind": "arrivals", "per_week": 5, "weeks": 2}]},
        "next_course": {"course_types": ["integration_general"], "seats": 12},
        "pooling": {},
        "forecast": {},
    }
    addresses = []
    for kind, question in asked.items():
        answer = await send(browser, f"/questions/{kind}", question)
        assert (answer.status_code, answer.json()["state"]) == (202, "waiting"), answer.text
        addresses.append(f"/api/v1/questions/{kind}/{answer.json()['task']}")
    await browser.analyses.run_waiting(NOON)
    answers = [(await browser.http.get(address)).json() for address in addresses]
    assert [one["state"] for one in answers] == ["done"] * 4
    assert answers[1]["result"]["ranked"][0]["gain"] == 10
    assert answers[1]["question"] == asked["next_course"]
    (before,) = (await browser.http.get("/api/v1/questions/pooling")).json()
    assert (before["task"], before["result"]) == (answers[2]["task"], None)
    wrong = await browser.http.get(addresses[0].replace("what_if", "pooling"))
    assert (wrong.status_code, wrong.json()["code"]) == (404, "not_found")
    remedies = (await browser.http.get("/api/v1/remedies")).json()
    assert remedies == {"run": None, "as_of": None, "sums": [], "people": []}


@pytest.mark.parametrize(
    ("kind", "question", "code"),
    [
        ("what_if", {"changes": []}, "input_invalid"),
        ("what_if", {"changes": [{"kind": "arrivals", "per_week": -1}]}, "field_wrong"),
        ("next_course", {"seats": 101}, "input_invalid"),
        ("next_course", {"seconds": 9}, "input_invalid"),
        ("compare", {"seeds": 6, "people": 300}, "input_invalid"),
        ("verdict", {}, "input_invalid"),
    ],
)
async def test_programs_are_told_what_is_wrong(
    browser: Browser, kind: str, question: dict[str, object], code: str
) -> None:
    answer = await send(browser, f"/questions/{kind}", question)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await count(browser, "SELECT count(*) FROM analysis_task") == 0


async def test_only_coordinators_may_ask(browser: Browser) -> None:
    await browser.sign_in("mira-kern")
    for path in ("/questions/pooling", "/remedies", f"/people/{UUID(int=1)}/why"):
        assert (await browser.http.get(f"/api/v1{path}")).status_code == 403
    assert (await send(browser, "/questions/forecast")).status_code == 403
    assert (
        await send(browser, f"/questions/pooling/{UUID(int=1)}/0/merge", {"reason": WHY})
    ).status_code == 403


async def test_a_program_merges_in_one_step_as_well(browser: Browser) -> None:
    task = (await send(browser, "/questions/pooling")).json()["task"]
    merge = f"/questions/pooling/{task}/0/merge"
    refused = await send(browser, merge, {"reason": WHY})
    assert (refused.status_code, refused.json()["code"]) == (409, "suggestion_unknown")
    await browser.analyses.run_waiting(NOON)
    answer = await send(browser, merge, {"reason": WHY})
    assert answer.status_code == 200, answer.text
    assert await count(browser, "SELECT count(*) FROM course_decision WHERE decision = 'close'") == 2
    decision = await browser.conn.fetchval("SELECT id FROM pooling_decision")
    assert answer.json()["decision"] == str(decision)
    again = await send(browser, merge, {"reason": WHY})
    assert (again.status_code, again.json()["code"]) == (409, "course_closed")


async def test_weak_courses_are_merged_in_one_step_and_steering_follows(
    made: tuple[Browser, Steering],
) -> None:
    browser, steering = made
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    page = await browser.page(address)
    assert "3 Kurse zu einem zusammenlegen" in page
    assert "jetzt 0, dann 15 (15 mehr)" in page
    assert "Die Träger haben 8 Personen von Kursen, die nicht stattfänden, selbst aufgenommen" in page
    assert "mindestens zehn Zeichen" in await browser.refused(f"{address}/0", reason="short")
    assert await count(browser, "SELECT count(*) FROM course_decision") == 0
    _, page = await browser.done(f"{address}/0", reason=WHY)
    assert "Die Kurse sind zusammengelegt." in page
    row = await browser.conn.fetchrow("SELECT * FROM pooling_decision")
    assert row is not None
    assert (row["kreis"], row["actor"], row["reason"]) == ("99001", "jana-vogt", WHY)
    assert sorted([row["host_provider"], *row["gave_up"]]) == ["provider-1", "provider-2", "provider-3"]
    rulings = await browser.conn.fetch("SELECT course, decision FROM course_decision ORDER BY course")
    assert [tuple(one) for one in rulings] == [(one, "close") for one in sorted(row["closed"])]
    assert await steering.run_due(NOON) == 1
    placed = await browser.conn.fetch("SELECT DISTINCT course FROM placement WHERE state = 'proposed'")
    assert [one["course"] for one in placed] == [row["host"]]
    _, page = await browser.done(f"{address}/0", reason=WHY)
    assert "Es ist entschieden, dass dieser Kurs nicht beginnt." in page
    assert await count(browser, "SELECT count(*) FROM pooling_decision") == 1
    page = await browser.page("/pooling")
    assert "Das ist schon entschieden." in page
    assert 'id="reason-' not in page
    assert "Bisher zusammengelegt" in page
    assert "Jana Vogt" in page


async def test_a_merger_that_was_undone_is_suggested_again_as_it_was(browser: Browser) -> None:
    """It counts for no balance; one that holds does (tests/integration/allocation/acts/test_merging.py)."""
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    await browser.done(f"{address}/0", reason=WHY)
    first = await browser.conn.fetchval("SELECT host_provider FROM pooling_decision")
    await browser.conn.execute("UPDATE course_decision SET lifted_at = decided_at, lifted_by = 'a test'")
    await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    second = await browser.conn.fetchval(
        "SELECT result->'suggestions'->0->'host'->>'provider' FROM analysis_task ORDER BY place DESC LIMIT 1"
    )
    assert second == first


CLOSED = """
    INSERT INTO course_decision (id, kreis, course, decision, reason, actor, decided_at)
    VALUES (gen_random_uuid(), '99001', $1, 'close', 'because of a test', 'a test', now())
"""


CANCELLED = """
    UPDATE course SET state = 'cancelled', cancel_reason = 'few', ended_on = '2026-03-02' WHERE course = $1
"""


@pytest.mark.parametrize(
    "change",
    [
        CANCELLED,
        CLOSED,
        "UPDATE course_section SET starts_on = '2026-03-02' WHERE course = $1",
    ],
    ids=["cancelled", "closed", "begun"],
)
@pytest.mark.parametrize("which", ["host", "closed"])
async def test_what_has_changed_meanwhile_is_not_merged(browser: Browser, change: str, which: str) -> None:
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    told = await browser.conn.fetchval("SELECT result->'suggestions'->0 FROM analysis_task")
    course = told["host"]["course"] if which == "host" else told["closed"][0]["course"]
    await browser.conn.execute(change, UUID(course))
    before = await count(browser, "SELECT count(*) FROM course_decision")
    await browser.done(f"{address}/0", reason=WHY)
    assert await count(browser, "SELECT count(*) FROM pooling_decision") == 0
    assert await count(browser, "SELECT count(*) FROM course_decision") == before


async def test_a_suggestion_of_another_day_is_not_merged(browser: Browser) -> None:
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    await browser.conn.execute("UPDATE analysis_task SET asked_at = asked_at - interval '1 day'")
    _, page = await browser.done(f"{address}/0", reason=WHY)
    assert "von einem anderen Tag" in page
    _, page = await browser.done(f"{address}/7", reason=WHY)
    assert "gibt es nicht mehr" in page
    assert await count(browser, "SELECT count(*) FROM course_decision") == 0


async def test_two_coordinators_merge_once(browser: Browser) -> None:
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    await asyncio.gather(*(browser.form(f"{address}/0", reason=WHY) for _ in range(3)))
    assert await count(browser, "SELECT count(*) FROM pooling_decision") == 1
    assert await count(browser, "SELECT count(*) FROM course_decision WHERE lifted_at IS NULL") == 2


async def test_a_merger_is_undone_with_a_reason(browser: Browser) -> None:
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    await browser.done(f"{address}/0", reason=WHY)
    id_ = await browser.conn.fetchval("SELECT id FROM pooling_decision")
    _, page = await browser.done(f"/pooling/merged/{id_}/undo", reason="kurz")
    assert "mindestens zehn Zeichen" in page
    assert await count(browser, "SELECT count(*) FROM course_decision WHERE lifted_at IS NULL") == 2
    _, page = await browser.done(f"/pooling/merged/{id_}/undo", reason=WHY)
    assert "Die Zusammenlegung ist rückgängig gemacht." in page
    assert await count(browser, "SELECT count(*) FROM course_decision WHERE lifted_at IS NULL") == 0
    _, page = await browser.done(f"/pooling/merged/{id_}/undo", reason=WHY)
    assert "Das ist schon beendet." in page


async def test_answers_of_another_kind_or_kreis_are_not_shown(browser: Browser) -> None:
    address, _ = await browser.done("/pooling")
    task = address.rsplit("/", 1)[1]
    assert (await browser.http.get(f"/what-if/{task}")).status_code == 404
    await browser.conn.execute("UPDATE analysis_task SET kreis = '99002'")
    assert (await browser.http.get(address)).status_code == 404
    assert (await browser.form(f"{address}/0", reason=WHY)).status_code == 404


async def test_providers_do_not_see_these_pages(browser: Browser) -> None:
    await browser.sign_in("mira-kern")
    for path in ("/what-if", "/next-course", "/pooling"):
        assert (await browser.http.get(path)).status_code == 403


async def test_a_request_for_steering_is_left(made: tuple[Browser, Steering]) -> None:
    browser, steering = made
    async with browser.conn.transaction():
        await request_rerun(browser.conn, "99001", "a_test", urgent=True, now=NOON)
    await steering.run_due(NOON)
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    await browser.done(f"{address}/0", reason=WHY)
    row = await browser.conn.fetchrow(
        "SELECT generation > done_generation AS open, reasons FROM steering_request"
    )
    assert row is not None
    assert row["open"]
    assert "pooling" in row["reasons"]
