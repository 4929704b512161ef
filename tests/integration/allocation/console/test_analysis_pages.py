"""The pages of what if and which course next as a coordinator uses them, without scripts."""

from __future__ import annotations

import html
import re
from uuid import UUID

import pytest

from services.allocation.steering.runs.service import Steering
from tests.integration.allocation.console.analysis import WHY, count, send
from tests.integration.allocation.console.test_policy_pages import NOON, Browser
from tests.unit.allocation.regions.crowd import TOWNS

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


@pytest.fixture
def browser(browser_and_steering: tuple[Browser, Steering]) -> Browser:
    return browser_and_steering[0]


async def collect(browser: Browser, **values: str) -> tuple[str, str]:
    """Add a change to what is collected so far; return the page and what it carries."""
    answer = await browser.form("/what-if", **values)
    assert answer.status_code == 200, answer.text[:3000]
    found = re.search(r'name="changes" value="(.*?)">', answer.text)
    assert found is not None
    return html.unescape(answer.text), html.unescape(found[1])


async def test_changes_are_collected_tried_and_told(browser: Browser) -> None:
    page, changes = await collect(browser, **ADDED)
    assert "Neu: Allgemeiner Integrationskurs, ab Abschnitt 1" in page
    assert "13.04.2026, 20 Plätze, mit Kinderbetreuung" in page
    course = str(UUID(int=1))
    page, changes = await collect(
        browser, changes=changes, do="add:course_cancelled", **{"course_cancelled-course": course}
    )
    assert f"Fällt aus: Kurs provider-1 (Nr. {course}), provider-1, Beispielhausen" in page
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
    assert "4 Personen haben schon einen Platz in einem Kurs, der ausfiele" in page
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
