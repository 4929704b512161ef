"""Tests sign-in, sessions, CSRF and headers of the pages."""

import re

import httpx
import pytest

from tests.unit.web.site import client

SIGN_IN = {"person": "ada-beispiel"}


async def _signed_in(http: httpx.AsyncClient, person: str = "ada-beispiel") -> str:
    answer = await http.post("/demo/sign-in", json={"person": person})
    assert answer.status_code == 200
    return str(answer.json()["csrf"])


def _token(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def test_a_page_needs_a_sign_in_and_leads_back_after_it() -> None:
    async with client() as http:
        sent_away = await http.get("/?page=2")
        assert (sent_away.status_code, sent_away.headers["location"]) == (303, "/sign-in?next=%2F%3Fpage%3D2")
        form = await http.get(sent_away.headers["location"])
        assert "ada-beispiel" in form.text
        token = _token(form.text)
        entered = await http.post("/demo/sign-in", data={**SIGN_IN, "csrf": token, "next": "/?page=2"})
        assert (entered.status_code, entered.headers["location"]) == (303, "/?page=2")
        page = await http.get("/?page=2")
        assert page.status_code == 200
        assert "Sie sind hier als Ada Beispiel (erfunden)." in page.text


async def test_who_only_reads_sees_no_form_that_changes_something_and_may_send_none() -> None:
    async with client() as http:
        token = await _signed_in(http, "cy-muster")
        page = (await http.get("/")).text
        assert "kl-main kl-reading" in page
        assert "Sie lesen hier nur" in page
        refused = await http.post("/change", headers={"x-csrf": token})
        assert refused.status_code == 403
        await _signed_in(http)
        assert "kl-reading" not in (await http.get("/")).text


async def test_a_session_of_one_service_is_worth_nothing_to_another() -> None:
    async with client() as one, client() as other:
        await _signed_in(one)
        other.cookies.update(one.cookies)
        assert (await other.get("/")).status_code == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"x-csrf": "wrong"}, 403),
        ({"x-csrf": "right"}, 200),
        ({"x-csrf": "right", "sec-fetch-site": "cross-site"}, 403),
        ({"x-csrf": "right", "sec-fetch-site": "same-site"}, 403),
        ({"x-csrf": "right", "sec-fetch-site": "same-origin"}, 200),
    ],
)
async def test_programs_send_the_token_back(headers: dict[str, str], status: int) -> None:
    async with client() as http:
        token = await _signed_in(http)
        sent = {name: token if value == "right" else value for name, value in headers.items()}
        answer = await http.post("/api/v1/change", json={}, headers=sent)
        assert answer.status_code == status
        if status == 403:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["code"] == "csrf"


async def test_a_form_needs_its_token_and_the_token_changes_with_the_person() -> None:
    async with client() as http:
        before = _token((await http.get("/sign-in")).text)
        token = await _signed_in(http)
        assert token != before
        assert (await http.post("/change", data={"csrf": before})).status_code == 403
        assert (await http.post("/change", data={"csrf": token})).status_code == 303


async def test_another_role_is_told_so_and_programs_get_a_problem() -> None:
    async with client() as http:
        token = await _signed_in(http, "bo-probe")
        page = await http.get("/")
        assert page.status_code == 403
        assert "Menü" in page.text
        answer = await http.post("/api/v1/change", json={}, headers={"x-csrf": token})
        assert (answer.status_code, answer.json()["code"]) == (403, "role")


async def test_a_program_without_session_is_told_to_sign_in() -> None:
    async with client() as http:
        answer = await http.post("/api/v1/change", json={})
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in")


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "evil"])
async def test_nobody_is_sent_to_another_site(elsewhere: str) -> None:
    async with client() as http:
        token = _token((await http.get("/sign-in")).text)
        entered = await http.post("/demo/sign-in", data={**SIGN_IN, "csrf": token, "next": elsewhere})
        assert entered.headers["location"] == "/"
        page = await http.get("/")
        left = await http.post("/preferences", data={"csrf": _token(page.text), "back": elsewhere})
        assert left.headers["location"] == "/"


async def test_signing_out_ends_the_session_of_this_browser() -> None:
    async with client() as http:
        token = await _signed_in(http)
        await http.post("/sign-out", data={"csrf": token})
        assert (await http.get("/")).status_code == 303


async def test_headers_forbid_what_the_pages_do_not_need() -> None:
    async with client() as http:
        page = await http.get("/sign-in")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
        style = await http.get("/static/kurslotse.css")
        assert "immutable" in style.headers["cache-control"]
        assert "style=" not in page.text
        assert "<script>" not in page.text
        cookies = page.headers.get_list("set-cookie")
        session = next(line for line in cookies if line.startswith("kurslotse_allocation_preferences="))
        assert "HttpOnly" in session
        assert "SameSite=Lax" in session


async def test_language_and_colours_are_remembered() -> None:
    async with client() as http:
        page = await http.get("/sign-in")
        assert '<html lang="de"' in page.text
        sent = {"csrf": _token(page.text), "language": "en", "theme": "dark", "back": "/sign-in"}
        page = await http.post("/preferences", data=sent, follow_redirects=True)
        assert '<html lang="en" data-kern-theme="dark"' in page.text
        assert "Skip to content" in page.text


async def test_an_error_says_what_to_do_and_escapes_what_it_names() -> None:
    async with client() as http:
        page = await http.get("/broken")
        assert page.status_code == 409
        assert "&lt;b&gt;x&lt;/b&gt;" in page.text
        answer = await http.get("/broken", headers={"accept": "application/json"})
        assert answer.json()["code"] == "told"
        assert (await http.get("/nothing")).status_code == 404


@pytest.mark.parametrize("at", [0, -10])
async def test_tampered_preferences_are_none(at: int) -> None:
    """In what they say and in their signature; the last letter alone can be written in several ways."""
    name = "kurslotse_allocation_preferences"
    async with client() as http, client() as other:
        page = await http.get("/sign-in")
        await http.post("/preferences", data={"csrf": _token(page.text), "language": "en"})
        letters = list(http.cookies[name])
        letters[at] = "b" if letters[at] != "b" else "c"
        other.cookies.set(name, "".join(letters))
        assert '<html lang="de"' in (await other.get("/sign-in")).text


@pytest.mark.parametrize(("path", "status"), [("/lost", 503), ("/bug", 500)])
async def test_what_goes_wrong_on_our_side_is_said_without_details(path: str, status: int) -> None:
    async with client() as http:
        page = await http.get(path)
        assert page.status_code == status
        assert "in ein paar Minuten" in page.text
        assert "Error" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
