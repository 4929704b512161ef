"""Answers are saved, renamed, compared and deleted; how long one takes is measured."""

from __future__ import annotations

import html
import re
from uuid import UUID, uuid4

import pytest

from services.allocation.steering.questions import queue
from services.allocation.steering.runs.service import Steering
from tests.integration.allocation.console.analysis import count
from tests.integration.allocation.console.test_analysis_pages import ADDED, collect
from tests.integration.allocation.console.test_policy_pages import NOON, Browser


@pytest.fixture
def browser(browser_and_steering: tuple[Browser, Steering]) -> Browser:
    return browser_and_steering[0]


async def answered(browser: Browser, **change: str) -> str:
    """Ask what if, have it answered, and return the page's address."""
    _, changes = await collect(browser, **(change or ADDED))
    address, _ = await browser.done("/what-if", changes=changes, do="ask")
    await browser.analyses.run_waiting(NOON)
    return address


def ident(address: str) -> str:
    return address.rpartition("/")[2]


async def saved(browser: Browser, address: str, name: str) -> str:
    """Save an answer; return what the following page says."""
    answer = await browser.form(f"/answers/{ident(address)}", name=name)
    assert answer.status_code == 303, answer.text[:2000]
    return html.unescape(await browser.page(answer.headers["location"]))


async def test_how_long_it_takes_is_what_the_last_answers_took(browser: Browser) -> None:
    _, changes = await collect(browser, **ADDED)
    _, page = await browser.done("/what-if", changes=changes, do="ask")
    assert "Hier wurde noch keine berechnet." in page
    await browser.analyses.run_waiting(NOON)
    assert await count(browser, "SELECT count(*) FROM analysis_task WHERE took_seconds > 0") == 1
    _, page = await browser.done("/what-if", changes=changes, do="ask")
    assert re.search(r"Die letzte dauerte hier (weniger als eine Sekunde|\d+ Sekunden?)\.", page)
    await browser.analyses.run_waiting(NOON)
    await browser.conn.execute("UPDATE analysis_task SET took_seconds = 3")
    await browser.conn.execute(
        "UPDATE analysis_task SET took_seconds = 200 WHERE place = (SELECT max(place) FROM analysis_task)"
    )
    _, page = await browser.done("/what-if", changes=changes, do="ask")
    assert "Die letzten 2 dauerten im Mittel 2 Minuten, höchstens 3 Minuten." in page
    assert "ein bis zwei Minuten" not in page
    other, page = await browser.done("/next-course")
    assert other
    assert "Hier wurde noch keine berechnet." in page


async def test_an_answer_is_saved_renamed_and_deleted(browser: Browser) -> None:
    address = await answered(browser)
    assert "Unter „Abendkurs Süd“" not in await browser.page(address)
    assert "Die Antwort ist unter „Abendkurs Süd“ gespeichert." in await saved(
        browser, address, "  Abendkurs \u200b\u202e Süd "
    )
    page = html.unescape(await browser.page("/answers"))
    assert "Abendkurs Süd" in page
    assert "Jana Vogt" in page
    assert "Neu: Allgemeiner Integrationskurs" in page
    await saved(browser, address, "<b>Zweiter</b> Name")
    page = (await browser.http.get("/answers")).text
    assert "&lt;b&gt;Zweiter&lt;/b&gt; Name" in page
    assert "Abendkurs" not in page
    answer = await browser.form(f"/answers/{ident(address)}/delete")
    assert "Die Antwort ist gelöscht." in await browser.page(answer.headers["location"])
    assert (await browser.http.get(address)).status_code == 404
    again = await browser.form(f"/answers/{ident(address)}/delete")
    assert "Diese Antwort gibt es nicht mehr." in await browser.page(again.headers["location"])


@pytest.mark.parametrize("name", ["", "   ", "\u200b\u200b", "x" * 81, "x" * 500])
async def test_a_name_that_cannot_be_is_said(browser: Browser, name: str) -> None:
    address = await answered(browser)
    assert re.search(
        "Bitte geben Sie (einen Namen|höchstens 80 Zeichen)", await saved(browser, address, name)
    )
    assert await count(browser, "SELECT count(*) FROM analysis_task WHERE saved_as IS NOT NULL") == 0


async def test_saved_answers_stay_and_others_go(browser: Browser) -> None:
    address = await answered(browser)
    await saved(browser, address, "bleibt")
    for _ in range(3):
        await answered(browser)
    assert await queue.forget_old(browser.conn, "99001", "what_if", NOON, 1) == 2
    assert "bleibt" in await browser.page(address)
    await browser.conn.execute("UPDATE analysis_task SET saved_at = saved_at - interval '366 days'")
    assert await queue.forget_old(browser.conn, "99001", "what_if", NOON) == 1
    assert (await browser.http.get(address)).status_code == 404


async def test_answers_stand_side_by_side(browser: Browser) -> None:
    one = await answered(browser)
    two = await answered(browser, do="add:arrivals", **{"arrivals-per_week": "5", "arrivals-weeks": "2"})
    await saved(browser, one, "Neuer Kurs")
    page = html.unescape(await browser.page(f"/what-if/compare?task={ident(one)}&task={ident(two)}"))
    assert "Neuer Kurs" in page
    assert "3 → 13 (+10)" in page
    assert "5 Personen mehr je Woche, 2 Wochen lang" in page
    assert "Alle wurden mit denselben Personen und Kursen berechnet." in page
    await browser.conn.execute(
        "UPDATE analysis_task SET snapshot = decode(repeat('00', 32), 'hex') WHERE id = $1", UUID(ident(two))
    )
    page = await browser.page(f"/what-if/compare?task={ident(one)}&task={ident(two)}")
    assert "Sie wurden nicht mit denselben Personen und Kursen berechnet." in page


async def test_what_cannot_be_compared_is_said(browser: Browser) -> None:
    one = ident(await answered(browser))
    for query in (
        "",
        f"task={one}",
        f"task={one}&task={one}",
        f"task={one}&task=x",
        "task=" + "&task=".join(str(uuid4()) for _ in range(4)),
    ):
        answer = await browser.http.get(f"/what-if/compare?{query}")
        assert answer.status_code == 422, query
        assert "Bitte wählen Sie zwei oder drei Antworten" in answer.text
    assert (await browser.http.get(f"/what-if/compare?task={one}&task={uuid4()}")).status_code == 404
    other, _ = await browser.done("/next-course")
    await browser.analyses.run_waiting(NOON)
    assert (await browser.http.get(f"/what-if/compare?task={one}&task={ident(other)}")).status_code == 404


async def test_answers_of_another_kreis_are_nobodys(browser: Browser) -> None:
    address = await answered(browser)
    two = ident(await answered(browser))
    await saved(browser, address, "geheim")
    await browser.conn.execute("UPDATE analysis_task SET kreis = '99002' WHERE id = $1", UUID(ident(address)))
    assert "geheim" not in await browser.page("/answers")
    for path in (address, f"/what-if/compare?task={ident(address)}&task={two}"):
        assert (await browser.http.get(path)).status_code == 404
    assert (await browser.form(f"/answers/{ident(address)}", name="mein")).status_code == 404
    await browser.form(f"/answers/{ident(address)}/delete")
    assert await count(browser, "SELECT count(*) FROM analysis_task WHERE saved_as = 'geheim'") == 1


async def test_courses_that_are_gone_are_named_by_their_id(browser: Browser) -> None:
    course = str(UUID(int=1))
    address = await answered(browser, do="add:course_cancelled", **{"course_cancelled-course": course})
    await saved(browser, address, "Kurs fällt aus")
    await browser.conn.execute(
        "UPDATE analysis_task SET question = jsonb_set(question, '{changes,0,course}', $1)", str(uuid4())
    )
    for path in (address, "/answers"):
        assert "Fällt aus: " in html.unescape(await browser.page(path))


async def test_a_what_if_says_of_how_many_and_beside_the_waiting_list(browser: Browser) -> None:
    page = html.unescape(await browser.page(await answered(browser)))
    assert "Das sind 13 von 13 Personen statt 3 von 13." in page
    assert re.search(r'Warteliste Ihres Kreises stehen jetzt:.*?data-figure="waiting"', page, re.DOTALL)


async def test_the_next_course_says_why_none_is_suggested_for_a_shortage(browser: Browser) -> None:
    await browser.done("/next-course", course_type="integration_literacy")
    await browser.analyses.run_waiting(NOON)
    assert "Es wurde noch keine Vorhersage berechnet." in await browser.page("/next-course")
    await browser.done("/forecast")
    await browser.analyses.run_waiting(NOON)
    page = await browser.page("/next-course")
    assert "Engpässe der Vorhersage" in page
    assert re.search("Diese Liste wurde für eine andere Kursart berechnet|zeigt keinen Engpass", page)
