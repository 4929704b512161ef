"""From the registration to the counsellor's inbox, on the pages, with all services running."""

import re
from functools import partial

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.kreis import COUNSELLING, Kreis, Program, wait_for
from tests.browser.visits import answered, sign_in, violations

pytestmark = pytest.mark.browser


def test_the_way_of_one_person(kreis: Kreis, page: Page) -> None:
    """Registered at the desk, proposed, confirmed, accepted, confirmed by the provider, told with consent."""
    sign_in(page, kreis.support, "ole-brandt")
    page.goto(kreis.support + "/register")
    page.fill("#family_name", "Beispiel")
    page.fill("#given_name", "Berta")
    page.fill("#birth_date", "04.05.1990")
    page.fill("#town", "Musterstadt, 00100")
    page.select_option("#right", "jobcenter")
    page.select_option("#level", "none")
    page.select_option("#section", "1")
    page.fill("#reference", "J-25-200")
    page.click('button:has-text("Speichern")')
    assert "Gespeichert. Aktenzeichen: J-25-200." in answered(page)
    expect(page.locator("h1")).to_have_text("Beispiel, Berta")

    page.check("#purpose-enrolment_notice")
    page.check("#purpose-dropout_support")
    page.select_option("#office", COUNSELLING)
    page.click('button:has-text("Einwilligung eintragen")')
    assert "eingetragen" in answered(page)
    assert "nicht lesen" in page.locator("#consent").inner_text()  # the Jobcenter is an authority

    kreis.forward(days=1)
    sign_in(page, kreis.console, "jana-vogt")
    confirmed = wait_for(lambda: _confirm(page, kreis, "J-25-200"), "the proposal of J-25-200")
    assert "bestätigt" in confirmed
    assert "Beispiel" not in page.content()

    sign_in(page, kreis.support, "ole-brandt")
    wait_for(lambda: _row(page, kreis.support + "/desk", "J-25-200"), "the offer at the desk")
    page.locator("tr", has_text="J-25-200").locator("td a").click()
    expect(page.locator("article")).to_contain_text("Für Berta Beispiel")
    expect(page.locator("article")).to_contain_text("keine Pflichtverletzung")
    page.click('button:has-text("Ja, nimmt den Platz")')
    assert "Die Person nimmt den Platz" in answered(page)

    sign_in(page, kreis.support, "mira-kern")
    page.goto(kreis.support + "/roster")
    page.locator("th a", has_text="Deutsch am Vormittag").click()
    wait_for(lambda: _reloaded(page, "Beispiel, Berta"), "the name on the roster")
    card = page.locator("li.kl-proposal", has_text="Beispiel, Berta")
    card.locator('input[name="own_number"]').fill("TN-1")
    card.locator('button:has-text("Platz bestätigen")').click()
    assert "Der Platz ist bestätigt." in answered(page)

    sign_in(page, kreis.support, "sara-demir")
    wait_for(partial(_told, page, kreis, "Beispiel", set()), "the notice about Berta Beispiel in the inbox")
    page.locator("#alerts tr", has_text="Die Person hat einen Platz").locator("th a").click()
    assert "Beispiel" not in page.content()  # not before it is asked for
    page.click('button:has-text("Name und Kontakt zeigen")')
    expect(page.locator("main")).to_contain_text("Beispiel, Berta")
    page.click('button:has-text("Annehmen")')
    assert "Sie haben angenommen" in answered(page)
    page.click('button:has-text("Erledigt")')
    assert "erledigt" in answered(page)


def _confirm(page: Page, kreis: Kreis, reference: str) -> str | None:
    page.goto(kreis.console + "/proposals")
    card = page.locator("li.kl-proposal", has_text=reference)
    if card.count() == 0:
        return None
    card.locator('button:has-text("Bestätigen")').click()
    return answered(page)


def _row(page: Page, address: str, text: str) -> bool:
    page.goto(address)
    return page.locator("tr", has_text=text).count() > 0


def _told(page: Page, kreis: Kreis, name: str, known: set[str]) -> bool:
    """Look for what is new, and then, as a counsellor does, for the person: others have places too."""
    page.goto(kreis.support + "/inbox")
    listed = set(page.locator("#alerts th").all_inner_texts())
    if listed <= known:
        return False
    known |= listed
    page.locator("form[role=search] #name").fill(name)
    page.locator("form[role=search] button").click()
    page.wait_for_url("**/inbox/search")
    return page.locator("#alerts tr", has_text="Die Person hat einen Platz").count() > 0


def _reloaded(page: Page, text: str) -> bool:
    page.reload()
    return text in page.locator("main").inner_text()


def test_somebody_is_erased_and_the_report_says_what_stays(kreis: Kreis, page: Page) -> None:
    kreis.register("J-25-311", "Vergessen", "Vera")
    sign_in(page, kreis.support, "ole-brandt")
    wait_for(lambda: _row(page, kreis.support + "/people", "J-25-311"), "the person of J-25-311")
    page.locator("tr", has_text="J-25-311").locator("th a").click()
    page.evaluate("document.querySelectorAll('form').forEach((form) => { form.noValidate = true; })")
    page.click('button:has-text("Person löschen")')
    assert "kreuzen Sie das Feld an" in page.locator("main").inner_text()
    page.go_back()
    page.check("input[name=sure]")
    page.click('button:has-text("Person löschen")')
    assert "wird überall gelöscht" in answered(page)
    assert violations(page) == []
    wait_for(lambda: _reloaded(page, "überall gelöscht"), "the end of the erasure")
    page.locator("th a").first.click()
    report = page.locator("main").inner_text()
    assert "Alles, was zur Person gespeichert war, ist gelöscht." in report
    assert "Art. 17 Abs. 3" in report
    assert "Vergessen" not in page.content()
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 720})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_likely_duplicates_are_shown_and_decided_by_a_person(kreis: Kreis, page: Page) -> None:
    sign_in(page, kreis.support, "ole-brandt")
    for reference in ("J-25-401", "J-25-402"):
        page.goto(kreis.support + "/register")
        page.fill("#family_name", "Doppel")
        page.fill("#given_name", "Dora")
        page.fill("#birth_date", "29.02.1988")
        page.fill("#town", "Probeheim")
        page.select_option("#right", "claim")
        page.fill("#reference", reference)
        page.click('button:has-text("Speichern")')
        page.wait_for_load_state()
    assert "Ist diese Person schon angemeldet?" in answered(page)
    expect(page.locator(".kern-alert a")).to_have_text("J-25-401")
    assert violations(page) == []
    page.check("#other")
    page.click('button:has-text("Speichern")')
    assert "Gespeichert. Aktenzeichen: J-25-402." in answered(page)


def test_a_decision_of_one_s_own_needs_a_reason(kreis: Kreis, page: Page) -> None:
    sign_in(page, kreis.console, "jana-vogt")
    page.goto(kreis.console + "/proposals")
    card = page.locator("li.kl-proposal", has_text="J-25-007")
    card.locator('a:has-text("Anders entscheiden")').click()
    page.locator("#entry").select_option(index=2)
    page.evaluate("document.querySelectorAll('form').forEach((form) => { form.noValidate = true; })")
    page.click('button:has-text("Diesen Platz geben")')
    assert "mindestens zehn Zeichen" in page.locator("main").inner_text()
    expect(page.locator("#errors")).to_be_focused()
    expect(page).to_have_title(re.compile("^Fehler: "))
    assert violations(page) == []
    page.click("#errors a")
    expect(page.locator("#reason")).to_be_focused()
    page.fill("#reason", "Kurs liegt neben der Kita")
    page.click('button:has-text("Diesen Platz geben")')
    assert "anderen Platz" in answered(page)
    expect(page.locator("main")).to_contain_text("Kurs liegt neben der Kita")
    expect(page.locator("main")).to_contain_text("Jana Vogt")


def test_somebody_is_put_on_hold_and_steered_again(kreis: Kreis, page: Page) -> None:
    sign_in(page, kreis.console, "jana-vogt")
    page.goto(f"{kreis.console}/people/{kreis.people['J-25-099']}")
    page.click('summary:has-text("Zurückstellen")')
    page.fill("#until", "24.12.2025")
    page.fill("#hold-reason", "Beginnt erst im neuen Jahr")
    page.click('button:has-text("Zurückstellen")')
    assert "Die Person ist zurückgestellt" in answered(page)
    expect(page.locator("main")).to_contain_text("Wieder gesteuert ab 24.12.2025.")
    assert violations(page) == []
    page.click('button:has-text("Zurückstellung beenden")')
    assert "Die Zurückstellung ist beendet" in answered(page)
    expect(page.locator("#rulings")).to_contain_text("von Jana Vogt")
    expect(page.locator("#rulings")).not_to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator("#rulings")).to_be_visible()
    expect(page.locator("#do")).not_to_be_visible()
    headings = page.locator(".kl-story > h2").all_inner_texts()
    assert headings == ["Jetzt", "Wie es weitergeht", "Was Sie tun können", "Warum", "Verlauf"]


def test_everything_can_be_done_without_javascript(
    kreis: Kreis, browser_without_scripts: BrowserContext
) -> None:
    page = browser_without_scripts.new_page()
    sign_in(page, kreis.console, "peter-lindner")
    expect(page.locator("#sentence")).to_contain_text("warten")
    page.click("#n-waiting")
    expect(page.locator("h1")).to_have_text("Warteliste")
    page.goto(kreis.console + "/proposals")
    card = page.locator("li.kl-proposal", has_text="J-25-002")
    card.locator("input[name=placement]").check()
    page.click('button:has-text("Angekreuzte bestätigen")')
    assert "1 Vorschlag ist bestätigt" in answered(page)
    page.click('button:has-text("English")')
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.click('button:has-text("Be somebody else")')
    expect(page.locator("h1")).to_have_text("Who would you like to be?")


def test_the_first_page_renews_itself_and_can_be_stopped(kreis: Kreis, page: Page) -> None:
    sign_in(page, kreis.console, "jana-vogt")
    before = page.locator("#n-waiting").inner_text()
    with page.expect_response(re.compile("/live"), timeout=15_000) as asked:
        pass
    assert asked.value.status == 204  # nothing new, nothing is replaced
    kreis.register("J-25-300", "Neu", "Nina")
    expect(page.locator("#n-waiting")).not_to_have_text(before, timeout=30_000)
    page.click('button:has-text("Anhalten")')
    expect(page.locator("[hx-get]")).to_have_count(0)


def test_lists_can_be_saved(kreis: Kreis, page: Page) -> None:
    sign_in(page, kreis.console, "jana-vogt")
    page.goto(kreis.console + "/waiting")
    with page.expect_download() as saved:
        page.click('a:has-text("Als Datei speichern")')
    text = saved.value.path().read_text("utf-8-sig")
    assert text.startswith("Aktenzeichen;Anmeldestelle;")
    assert "J-25-099" in text
    assert "Ungetestet" not in text


def test_the_json_doors(kreis: Kreis) -> None:
    placement = kreis.confirmed("J-25-003")
    with Program(kreis.console, "jana-vogt") as coordinator:
        again = coordinator.post(f"/api/v1/proposals/{placement}/approve")
        assert (again.status_code, again.json()["state"]) == (200, "reserved")  # pressed twice is once
        short = coordinator.post(f"/api/v1/placements/{placement}/give-up", {"reason": "weg"})
        assert (short.status_code, short.json()["code"]) == (422, "input_invalid")
        given = coordinator.post(f"/api/v1/placements/{placement}/give-up", {"reason": "zieht morgen weg"})
        assert given.json() | {"version": 0} == {
            "placement": placement,
            "ok": True,
            "state": "released",
            "version": 0,
            "code": None,
        }
        unknown = coordinator.post("/api/v1/proposals/approve", {"placements": [placement]})
        assert unknown.json()["results"][0]["ok"] is False
        courses = coordinator.get("/api/v1/courses")["courses"]
        assert {course["own_course"] for course in courses} == {"VHS-1", "VHS-2"}
        assert httpx.get(kreis.console + "/api/v1/figures").status_code == 401
    with Program(kreis.console, "mira-kern") as provider:
        refused = provider.http.get("/api/v1/figures")
        assert (refused.status_code, refused.json()["code"]) == (403, "role")


def test_sessions_of_the_two_services_are_their_own(
    kreis: Kreis, page: Page, context: BrowserContext
) -> None:
    sign_in(page, kreis.console, "jana-vogt")
    page.goto(kreis.support + "/desk")
    expect(page.locator("h1")).to_have_text("Als wen möchten Sie die Vorführung sehen?")
    names = {str(one.get("name")) for one in context.cookies()}
    assert "kurslotse_notifications" not in names  # a stranger there
    sign_in(page, kreis.support, "ole-brandt")
    names = {str(one.get("name")) for one in context.cookies()}
    assert {"kurslotse_allocation", "kurslotse_notifications"} <= names
    page.goto(kreis.console)
    expect(page.locator("#sentence")).to_contain_text("warten")  # the session of Jana Vogt goes on


def test_nobody_sees_what_is_not_theirs(kreis: Kreis, page: Page) -> None:
    sign_in(page, kreis.support, "sara-demir")
    for address in ("/desk", "/people", "/roster", f"/people/{kreis.people['J-25-001']}"):
        assert page.goto(kreis.support + address).status == 403  # type: ignore[union-attr]
    sign_in(page, kreis.support, "mira-kern")
    assert page.goto(kreis.support + "/roster/00000000-0000-0000-0000-000000000000").status == 404  # type: ignore[union-attr]
    sign_in(page, kreis.console, "mira-kern")
    assert page.goto(kreis.console + "/waiting").status == 403  # type: ignore[union-attr]
