"""The policy as a form, on its way to a second person, before others, and in public."""

from __future__ import annotations

import asyncio
import html
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import httpx

from services.runtime.http.buckets import Failures
from tests.integration.allocation.console.test_policy_pages import WHY, Browser, browser

__all__ = ["browser"]
LONG = "x" * 20_000


class Inputs(HTMLParser):
    """Collects what a browser would send for the form of a policy."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []
        self._inside = False
        self._select = self._area = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the values of inputs."""
        has = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = has.get("class") == "kl-policy-form"
        if not self._inside:
            return
        name = has.get("name", "")
        if tag == "input" and name:
            ticked = has.get("type") not in {"checkbox", "radio"} or "checked" in has
            if ticked:
                self.sent.append((name, has.get("value", "")))
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in has:
            self.sent.append((self._select, has["value"]))
            self._select = ""
        elif tag == "textarea":
            self._area = name
            self.sent.append((name, ""))

    def handle_endtag(self, tag: str) -> None:
        """A list without a choice sends its first entry, which is empty here."""
        if tag == "select" and self._select:
            self.sent.append((self._select, ""))
            self._select = ""
        elif tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.sent[-1] = (self._area, data)


async def inputs(browser: Browser, path: str = "/policy/form", **values: str) -> list[tuple[str, str]]:
    answer = await browser.http.get(path)
    assert answer.status_code == 200, answer.text[:2000]
    sent = Inputs(answer.text).sent
    wanted = {name.replace("__", "."): value for name, value in values.items()}
    assert wanted.keys() <= {name for name, _ in sent}
    return [(name, wanted.get(name, value)) for name, value in sent]


async def post(browser: Browser, path: str, pairs: list[tuple[str, str]]) -> httpx.Response:
    data: dict[str, list[str]] = {}
    for name, value in pairs:
        data.setdefault(name, []).append(value)
    return await browser.http.post(path, data=data)


async def kept(browser: Browser, **values: str) -> str:
    answer = await post(browser, "/policy/form", [*await inputs(browser, **values), ("do", "save")])
    assert answer.status_code == 303, html.unescape(answer.text)[:6000]
    return str(answer.headers["location"])


async def handed_in(browser: Browser, **values: str) -> str:
    draft = await kept(browser, **values)
    await browser.done(f"{draft}/submit", reason=WHY)
    return draft


async def activated(browser: Browser, **values: str) -> str:
    draft = await handed_in(browser, **values)
    await browser.sign_in("peter-lindner")
    await browser.done(f"{draft}/activate", **hidden(await browser.page(draft)))
    await browser.sign_in("jana-vogt")
    return draft


def hidden(page: str) -> dict[str, str]:
    found: dict[str, str] = dict(re.findall(r'name="(seen|instead_of)" value="([^"]*)"', page))
    assert set(found) == {"seen", "instead_of"}
    return found


async def test_a_policy_is_changed_by_form_and_goes_through_the_document_and_back(browser: Browser) -> None:
    draft = await kept(
        browser, reservation__days="7", limits__travel_minutes="45", source="Kreistag, 1.3.2026"
    )
    page = await browser.page(draft)
    assert "<ins>Wer per Post gefragt wird, hat 7 Tage Zeit für die Antwort" in page
    assert "höchstens 45 Minuten dauert.</ins>" in page
    version = draft.rpartition("/")[2]
    before = await browser.conn.fetchval("SELECT document FROM policy_version")
    again = await post(
        browser, "/policy/form", [*await inputs(browser, f"/policy/form?from={version}"), ("do", "save")]
    )
    assert again.headers["location"] == draft
    assert await browser.conn.fetchval("SELECT document FROM policy_version") == before
    as_document = await post(
        browser, "/policy/form", [*await inputs(browser, f"/policy/form?from={version}"), ("do", "document")]
    )
    assert "days: 7" in as_document.text
    back = await browser.form("/policy/form/open", document=before, based_on=version, seen="")
    assert dict(Inputs(back.text).sent)["reservation.days"] == "7"
    broken = await browser.form("/policy/form/open", document=before + "x: 1\n")
    assert (broken.status_code, "x: 1" in broken.text) == (422, True)


async def test_the_sentence_follows_the_value_before_anything_is_kept(browser: Browser) -> None:
    pairs = await inputs(browser, reservation__days="1")
    shown = html.unescape((await post(browser, "/policy/form", [*pairs, ("do", "show")])).text)
    assert "hat 1 Tag Zeit für die Antwort" in shown
    part = await post(browser, "/policy/form/effects", pairs)
    assert 'id="e-f-reservation-days" hx-swap-oob="true"' in part.text
    assert "hat 1 Tag Zeit" in html.unescape(part.text)
    wrong = await post(browser, "/policy/form", await inputs(browser, reservation__days="99"))
    assert wrong.status_code == 422
    assert "Das ist zu groß; höchstens 60." in html.unescape(wrong.text)
    assert dict(Inputs(wrong.text).sent)["reservation.days"] == "99"
    assert await browser.conn.fetchval("SELECT count(*) FROM policy_version") == 0


async def test_a_form_with_a_missing_or_doubled_field_keeps_nothing(browser: Browser) -> None:
    pairs = [*await inputs(browser), ("do", "save")]
    without = await post(browser, "/policy/form", [pair for pair in pairs if pair[0] != "cadence.hour"])
    assert without.status_code == 422
    assert "Das Formular kam ohne dieses Feld" in html.unescape(without.text)
    twice = await post(browser, "/policy/form", [*pairs, ("cadence.hour", "7")])
    assert (twice.status_code, "mehr als einmal" in twice.text) == (422, True)
    bomb = "a: &a [x]\nb: [*a, *a]\n"
    for document in (bomb, "[" * 5000, "x" * 31_000, "- 1", ""):
        answer = await post(
            browser,
            "/policy/form",
            [(name, document if name == "document" else value) for name, value in pairs],
        )
        assert answer.status_code == 422, document[:20]
    assert await browser.conn.fetchval("SELECT count(*) FROM policy_version") == 0


async def test_who_would_write_over_another_state_is_told_and_loses_nothing(browser: Browser) -> None:
    draft = await kept(browser, reservation__days="7")
    path = f"/policy/form?from={draft.rpartition('/')[2]}"
    mine = [*await inputs(browser, path, reservation__days="8"), ("do", "save")]
    theirs = [*await inputs(browser, path, cadence__hour="9"), ("do", "save")]
    assert (await post(browser, "/policy/form", theirs)).status_code == 303
    stale = await post(browser, "/policy/form", mine)
    text = html.unescape(stale.text)
    assert stale.status_code == 409
    assert "Der Entwurf wurde inzwischen geändert" in text
    assert "<ins>Wer per Post gefragt wird, hat 8 Tage" in text
    assert dict(Inputs(stale.text).sent)["reservation.days"] == "8"
    anew = await post(browser, "/policy/form", [*Inputs(stale.text).sent, ("do", "anew")])
    assert anew.status_code == 303
    assert anew.headers["location"] != draft
    rows = await browser.conn.fetch("SELECT document FROM policy_version ORDER BY written_at, id")
    assert sorted(("hour: 9" in row["document"], "days: 8" in row["document"]) for row in rows) == [
        (False, True), (True, False),
    ]  # fmt: skip
    assert (
        await browser.form("/policy/edit", document="x", do="save", based_on=draft[-36:])
    ).status_code == 422
    document = await browser.conn.fetchval("SELECT document FROM policy_version LIMIT 1")
    old = await browser.form("/policy/edit", document=document, do="save", based_on=draft[-36:], seen="00")
    assert (old.status_code, "Als eigenen Entwurf speichern" in old.text) == (409, True)


async def test_two_states_at_the_same_moment_leave_one(browser: Browser) -> None:
    draft = await kept(browser)
    path = f"/policy/form?from={draft.rpartition('/')[2]}"
    sets = [[*await inputs(browser, path, reservation__days=str(days)), ("do", "save")] for days in (7, 8, 9)]
    answers = await asyncio.gather(*(post(browser, "/policy/form", pairs) for pairs in sets))
    assert sorted(one.status_code for one in answers) == [303, 409, 409]


async def test_extreme_values_break_no_page(browser: Browser) -> None:
    hostile = "<script>alert(1)</script> %(day)s {{ x }}"
    draft = await activated(
        browser, valid_from="2026-03-02", source=hostile, reservation__days="28",
        reservation__present_days="1", limits__latest_start_days="730", limits__travel_minutes="5",
        alternatives="0", explained_days="3650",
        cadence__near_start_days="0", cadence__hour="0",
    )  # fmt: skip
    pages = "/policy / /policy/plain /public/policy/99001 /policy/form /policy/edit"
    for path in (draft, *pages.split()):
        answer = await browser.http.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text
    assert hostile in await browser.page("/public/policy/99001")


async def test_the_second_person_is_told_reads_and_sends_back_or_adopts(browser: Browser) -> None:
    assert "n-policies" not in await browser.page("/")
    draft = await handed_in(browser, reservation__days="7")
    assert "n-policies" not in await browser.page("/")  # not to who wrote it
    assert "/give-back" not in await browser.page(draft)
    _, page = await browser.done(f"{draft}/give-back", reason=WHY)
    assert "Sie haben diese Vorgaben geschrieben." in page

    await browser.sign_in("peter-lindner")
    page = await browser.page("/")
    assert "1 Fassung der Vorgaben wartet auf eine zweite Person: auf Sie" in page
    assert f'href="{draft}"' in page
    assert "wartet auf Sie als zweite Person" in await browser.page("/policy")
    page = await browser.page(draft)
    assert WHY in page
    assert "<ins>Wer per Post gefragt wird, hat 7 Tage" in page
    assert "mindestens zehn Zeichen" in await browser.refused(f"{draft}/give-back", reason="nein")
    assert "höchstens 500 Zeichen" in await browser.refused(f"{draft}/give-back", reason=LONG)
    missing = "Bitte <b>begründen</b> Sie die sieben Tage."
    await browser.done(f"{draft}/give-back", reason=missing)
    assert "<b>begr" not in (await browser.http.get(draft)).text
    old = await browser.form(f"{draft}/activate", **hidden_of(page))
    assert old.status_code == 303
    assert browser.policies.at("99001", datetime(2026, 3, 3, 12, tzinfo=UTC)).reservation.days == 10

    await browser.sign_in("jana-vogt")
    assert "Ihre Vorgaben wurden zur Änderung zurückgegeben" in await browser.page("/")
    assert missing in await browser.page(draft)
    await browser.done(f"{draft}/submit", reason=WHY)
    assert "zurückgegeben" not in await browser.page("/")

    await browser.sign_in("peter-lindner")
    _, page = await browser.done(f"{draft}/activate", **hidden(await browser.page(draft)), reason=WHY)
    for what in ("Entwurf geschrieben", "vorgelegt", "zur Änderung zurückgegeben", "in Kraft gesetzt"):
        assert what in page
    assert "n-policies" not in await browser.page("/")


def hidden_of(page: str) -> dict[str, str]:
    return {**hidden(page), "reason": WHY}


async def test_what_was_overtaken_is_compared_again_before_it_holds(browser: Browser) -> None:
    early = await handed_in(browser, valid_from="2026-03-05", reservation__days="7")
    await browser.sign_in("peter-lindner")
    read = hidden(await browser.page(early))
    await browser.sign_in("jana-vogt")
    await activated(browser, valid_from="2026-03-04", reservation__days="8")
    await browser.sign_in("peter-lindner")
    _, page = await browser.done(f"{early}/activate", **read)
    assert "sind andere in Kraft getreten" in page
    assert "<del>Wer per Post gefragt wird, hat 8 Tage" in page
    _, page = await browser.done(f"{early}/activate", **hidden(page))
    assert "in Kraft gesetzt" in page


async def test_a_preview_is_kept_with_the_version_and_names_nobody(browser: Browser) -> None:
    draft = await kept(browser, limits__latest_start_days="30", reservation__days="7")
    address = (await browser.form(f"{draft}/preview")).headers["location"].partition("#")[0]
    assert await browser.analyses.run_waiting(datetime(2026, 3, 2, 11, tzinfo=UTC)) == 1
    assert "Verlieren einen Platz" in await browser.page(address)
    await browser.conn.execute("DELETE FROM analysis_task")
    page = await browser.page(draft)
    assert "Was die Vorschau ergab" in page
    assert "Änderungen bei „Wie lange ein Platz gehalten wird“ wirken nach einem Vorschlag" in page
    assert re.search(r"\d+ bis \d+", page)
    sums = await browser.conn.fetchval("SELECT result FROM policy_preview")
    assert sums["today"]["lose"] > 0
    assert (
        sums["today"]["placed"][0] - sums["today"]["placed"][1]
        == sums["today"]["lose"] - sums["today"]["gain"]
    )
    assert not re.search(r"[0-9a-f]{8}-", str(sums))  # no id of anybody
    assert {tuple(row["lose"]) for row in sums["today"]["by_class"]} <= {
        (at, at + 4) for at in range(0, 500, 5)
    }
    changed = await post(
        browser, "/policy/form",
        [*await inputs(browser, f"/policy/form?from={draft[-36:]}", cadence__hour="9"), ("do", "save")],
    )  # fmt: skip
    assert changed.headers["location"] == draft
    assert "Der Entwurf wurde seitdem geändert" in await browser.page(draft)


async def test_a_draft_is_sent_out_and_what_others_say_stays_with_it(browser: Browser) -> None:
    draft = await kept(browser, reservation__days="7")
    for until in ("2026-03-01", "", "31.02.2027"):
        await browser.refused(f"{draft}/send-out", until=until, reason=WHY)
    await browser.done(f"{draft}/send-out", until="2026-03-20", reason=WHY)
    page = await browser.page(draft)
    link = re.search(r'href="(/public/policy/99001/draft/[0-9a-f-]{36})"', page)
    assert link is not None
    stranger = await browser.http.get(link[1], headers={"cookie": ""})
    assert stranger.status_code == 200
    assert (stranger.headers["cache-control"], "set-cookie" in stranger.headers) == ("no-store", False)
    for name in ("Jana", "Vogt", WHY):
        assert name not in stranger.text
    assert "hat 7 Tage Zeit" in html.unescape(stranger.text)
    assert (await browser.http.get(link[1].replace("99001", "99002"))).status_code == 404

    office = {"organisation": "Jobcenter <b>Musterland</b>", "said": "Sieben Tage sind zu kurz."}
    assert "heute oder einen früheren Tag" in await browser.refused(
        f"{draft}/comment", **office, said_on="2026-03-03"
    )
    assert LONG in await browser.refused(f"{draft}/comment", **{**office, "said": LONG}, said_on="2026-03-01")
    _, page = await browser.done(f"{draft}/comment", **office, said_on="2026-03-01")
    assert "Sieben Tage sind zu kurz." in page

    await browser.sign_in("mira-kern")
    assert (await browser.http.get(draft)).status_code == 403
    own = f"/provider-policy/{draft[-36:]}"
    assert own in await browser.page("/provider-policy")
    page = await browser.page(own)
    assert "<ins>Wer per Post gefragt wird, hat 7 Tage" in page
    assert "zu kurz" not in page  # what others say is for those who decide
    assert LONG in await browser.refused(own, said=LONG)
    await browser.refused(own, said="  ")
    _, page = await browser.done(own, said="Mehr Zeit, <i>bitte</i>.")
    assert "Mehr Zeit, <i>bitte</i>." in page
    assert "<i>bitte" not in (await browser.http.get(own)).text

    await browser.sign_in("jana-vogt")
    page = await browser.page(draft)
    assert "Mehr Zeit" in page
    assert "zur Stellungnahme verschickt" in page
    await browser.done(f"{draft}/withdraw", reason=WHY)
    assert (await browser.http.get(link[1])).status_code == 404
    await browser.sign_in("mira-kern")
    assert "keine Stellungnahmen mehr" in await browser.page(own)


async def test_a_draft_that_was_not_sent_out_is_nobodys_business(browser: Browser) -> None:
    draft = await kept(browser)
    await browser.sign_in("mira-kern")
    own = f"/provider-policy/{draft[-36:]}"
    assert (await browser.http.get(own)).status_code == 404
    assert (await browser.form(own, said="Hello")).status_code == 404
    for path in ("/policy/form", f"{draft}/comment", f"{draft}/send-out", f"{draft}/give-back"):
        assert (await browser.form(path)).status_code == 403
    await browser.conn.execute(
        """
        INSERT INTO policy_consultation SELECT id, kreis, id, '2026-03-01', 'x', now() FROM policy_version
        """
    )
    late = await browser.form(own, said="Zu spät.")
    assert (late.status_code, "keine Stellungnahmen mehr" in late.text) == (422, True)


async def test_anybody_reads_what_holds_and_what_held(browser: Browser) -> None:
    stranger = httpx.AsyncClient(transport=browser.http._transport, base_url="http://kurslotse.test")  # noqa: SLF001
    first = await stranger.get("/public/policy/99001")
    assert first.status_code == 200
    assert "Kein eigener Beschluss des Kreises" in first.text
    assert (first.headers["cache-control"], "set-cookie" in first.headers) == ("public, max-age=300", False)
    assert "csrf" not in first.text
    await activated(
        browser, valid_from="2026-03-02", limits__travel_minutes="60", source="Kreistag, 1.3.2026"
    )
    before = await activated(browser, valid_from="2026-03-10", source="Kreistag, 2.3.2026")
    page = html.unescape((await stranger.get("/public/policy/99001")).text)
    for said in ("höchstens 60 Minuten dauert", "Kreistag, 1.3.2026", "02.03.2026", "ab 10.03.2026"):
        assert said in page
    for name in ("Jana", "Vogt", "Peter", "Lindner", WHY, "jana-vogt"):
        assert name not in page
    later = await stranger.get(f"/public/policy/99001/versions/{before[-36:]}")
    assert "Diese Regeln gelten noch nicht." in html.unescape(later.text)
    assert (
        "How places in language courses are given"
        in (await stranger.get("/public/policy/99001?lang=en")).text
    )
    draft = await kept(browser)
    for path in ("/public/policy/12345", "/public/policy/x", f"/public/policy/99001/versions/{draft[-36:]}"):
        assert (await stranger.get(path)).status_code == 404
    transport = browser.http._transport  # noqa: SLF001
    assert isinstance(transport, httpx.ASGITransport)
    transport.app.state.public_asked = Failures(lambda: 0.0, rate=2.0, burst=3)  # type: ignore[attr-defined]
    answers = [(await stranger.get("/public/policy/99001")).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 429, 429]
    await stranger.aclose()


async def test_who_has_not_the_role_changes_nothing(browser: Browser) -> None:
    pairs = await inputs(browser)
    await browser.sign_in("mira-kern")
    for path in ("/policy/form", "/policy/form/effects", "/policy/form/open"):
        answer = await post(
            browser, path, [("csrf", browser.csrf), *(pair for pair in pairs if pair[0] != "csrf")]
        )
        assert answer.status_code == 403
