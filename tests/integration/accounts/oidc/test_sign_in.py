"""Tests the sign-in at a certified OpenID Connect server."""

import logging
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.integration.accounts.oidc.browser import links_of, refusal
from tests.integration.accounts.oidc.conftest import MakeSite, RunningSite, issuer_at
from tests.integration.accounts.oidc.server import ServerSettings, server_running, signing_key
from tests.waiting import wait_until


async def test_somebody_signs_in_and_wears_the_role_of_their_group(site: RunningSite) -> None:
    browser = site.browser()
    page = await browser.sign_in("ada")
    assert page.json() == {"subject": "ada", "name": "Ada Beispiel", "roles": ["coordinator"]}
    ((identity, roles),) = site.door.open.values()
    assert (identity.issuer, identity.email, identity.sid) == ("kreis", "ada@kreis.invalid", identity.sid)
    assert identity.sid
    assert dict(identity.claims) == {"groups": ["kl-koordination", "kantine"]}
    assert [role.organisation for role in roles] == ["kreis-muster"]
    assert browser.flow_cookie() is None


@pytest.mark.parametrize(("signature", "kind"), [("ES256", "EC"), ("PS256", "RSA")])
async def test_other_signatures_and_claims_in_the_id_token(
    make_site: MakeSite, site: RunningSite, log: Path, signature: str, kind: str
) -> None:
    key = signing_key(f"of {signature}", kind)
    if kind == "RSA":
        key = type(key).import_key(key.as_dict(private=True) | {"alg": signature})
    settings = ServerSettings(site.address, keys=[key], signature=signature, claims_in_id_token=True)
    with server_running(settings, log) as address:
        await make_site(issuer_at(address))
        assert (await site.browser().sign_in("ada")).json()["name"] == "Ada Beispiel"


async def test_the_request_asks_as_it_should(site: RunningSite) -> None:
    answer = await site.browser().begin()
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert len(asked["nonce"][0]) >= 43
    assert len(asked["state"][0]) >= 43
    assert asked["redirect_uri"] == [f"{site.address}/sign-in/oidc/kreis/return"]
    assert "prompt" not in asked
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Max-Age=600", "Path=/"} <= {
        part.strip() for part in cookie.split(";")
    }
    assert asked["state"][0] not in cookie


async def test_whoever_is_signed_in_there_is_not_asked_again_unless_it_must_be_fresh(
    site: RunningSite,
) -> None:
    browser = site.browser()
    for query, asked in (("?next=/me", 1), ("?next=/me", 1), ("?next=/me&fresh=true", 2)):
        assert (await browser.sign_in("ada", query=query)).json()["subject"] == "ada"
        assert browser.asked == asked
    identity, _ = list(site.door.open.values())[-1]
    assert identity.auth_time is not None
    assert abs(identity.auth_time.timestamp() - time.time()) < 30


@pytest.mark.parametrize("away", ["https://evil.invalid/", "//evil.invalid", "/\\evil.invalid"])
async def test_nobody_is_led_to_another_site(site: RunningSite, away: str) -> None:
    browser = site.browser()
    page = await browser.sign_in("ada", query=f"?next={away}")
    assert str(page.url) == f"{site.address}/"
    assert (await browser.me()).status_code == 200


async def test_claims_that_map_to_nothing_sign_nobody_in(site: RunningSite) -> None:
    browser = site.browser()
    assert refusal(await browser.sign_in("bo")) == (403, "no_role")
    assert (await browser.me()).status_code == 401


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "You are signed in at Muster County, but you have no role in Kurslotse there."),
        ("de", "Sie sind bei Kreis Muster angemeldet, haben dort aber keine Rolle in Kurslotse."),
    ],
)
async def test_people_read_a_sentence_in_their_language(
    site: RunningSite, language: str, sentence: str
) -> None:
    browser = site.browser(reads_pages=True)
    await browser.prefer(language)
    assert sentence in (await browser.sign_in("bo")).text


async def test_cancelling_at_the_server_says_so(site: RunningSite) -> None:
    browser = site.browser()
    form = await browser.follow(await browser.begin())
    (abort,) = [link for link in links_of(form) if link.endswith("/abort")]
    assert refusal(await browser.follow(await browser.http.get(abort))) == (403, "refused")


async def test_an_issuer_that_nobody_knows_has_no_page(site: RunningSite) -> None:
    assert (await site.browser().begin("nirgends")).status_code == 404


async def test_new_keys_of_the_server_are_fetched_when_they_are_needed(
    make_site: MakeSite, site: RunningSite, log: Path
) -> None:
    settings = ServerSettings(site.address)
    with server_running(settings, log) as address:
        site = await make_site(issuer_at(address))
        assert (await site.browser().sign_in("ada")).status_code == 200
    port = urlsplit(address).port
    assert port
    with server_running(ServerSettings(site.address, keys=[signing_key("second")], port=port), log):
        assert (await site.browser().sign_in("ada")).status_code == 200


async def test_a_server_that_is_down_is_named_and_used_again_when_it_is_back(
    make_site: MakeSite, site: RunningSite, log: Path
) -> None:
    with server_running(ServerSettings(site.address), log) as address:
        port = urlsplit(address).port
    assert port
    site = await make_site(issuer_at(address))
    browser = site.browser()
    assert refusal(await browser.begin()) == (503, "server_silent")
    with server_running(ServerSettings(site.address, port=port), log):

        async def back() -> bool:
            return (await browser.begin()).is_redirect

        await wait_until(back)
        assert (await browser.sign_in("ada")).status_code == 200


async def test_a_server_that_goes_down_during_a_sign_in_signs_nobody_in(
    make_site: MakeSite, site: RunningSite, log: Path
) -> None:
    with server_running(ServerSettings(site.address), log) as address:
        site = await make_site(issuer_at(address))
        browser = site.browser()
        back = await browser.return_address("ada")
    assert refusal(await browser.http.get(back)) == (503, "server_silent")
    assert not site.door.open


@pytest.mark.parametrize(("offset", "refused"), [(45, None), (-45, None), (300, (403, "token_early"))])
async def test_clocks_may_differ_by_a_minute(
    make_site: MakeSite, site: RunningSite, log: Path, offset: int, refused: tuple[int, str] | None
) -> None:
    with server_running(ServerSettings(site.address, clock_offset=offset), log) as address:
        site = await make_site(issuer_at(address))
        page = await site.browser().sign_in("ada")
    assert (refusal(page) if refused else None) == refused
    assert len(site.door.open) == (0 if refused else 1)


async def test_a_return_is_taken_once(site: RunningSite) -> None:
    browser = site.browser()
    back = await browser.return_address("ada")
    flow = browser.flow_cookie()
    assert flow
    assert (await browser.http.get(back)).is_redirect
    assert refusal(await browser.http.get(back)) == (400, "flow_unknown")  # its cookie is gone
    browser.keep(flow)
    assert refusal(await browser.http.get(back)) == (400, "flow_used")  # somebody has kept the cookie
    assert len(site.door.open) == 1


async def test_a_code_that_was_used_is_refused_by_the_server(
    make_site: MakeSite, site: RunningSite, server: str
) -> None:
    browser = site.browser()
    back = await browser.return_address("ada")
    flow = browser.flow_cookie()
    assert flow
    assert (await browser.http.get(back)).is_redirect
    site = await make_site(issuer_at(server))  # another process, which does not know what was used
    browser.keep(flow)
    assert refusal(await browser.http.get(back)) == (400, "code_refused")
    assert not site.door.open


async def test_an_answer_of_another_browser_is_not_taken(site: RunningSite) -> None:
    victim, attacker = site.browser(), site.browser()
    back = await attacker.return_address("ada")
    assert refusal(await victim.http.get(back)) == (400, "flow_unknown")
    await victim.begin()  # the victim is about to sign in, too
    assert refusal(await victim.http.get(back)) == (400, "flow_foreign")
    assert not site.door.open


async def test_a_flow_ends_after_ten_minutes(site: RunningSite) -> None:
    browser = site.browser()
    back = await browser.return_address("ada")
    site.clock.ahead = 601
    assert refusal(await browser.http.get(back)) == (400, "flow_unknown")


async def test_an_answer_for_one_issuer_is_not_taken_at_the_address_of_another(
    make_site: MakeSite, site: RunningSite, server: str
) -> None:
    site = await make_site(issuer_at(server), issuer_at(server, key="verband"))
    browser = site.browser()
    back = await browser.return_address("ada")
    assert refusal(await browser.http.get(back.replace("/kreis/", "/verband/"))) == (400, "flow_foreign")


async def test_a_wrong_client_secret_is_told_to_those_who_can_mend_it(
    make_site: MakeSite, server: str, caplog: pytest.LogCaptureFixture
) -> None:
    site = await make_site(issuer_at(server, client_secret="another"))
    assert refusal(await site.browser().sign_in("ada")) == (502, "server_wrong")
    details = [getattr(one, "detail", "") for one in caplog.records]
    assert "the server does not accept this client's id or secret" in details


async def test_nothing_of_people_codes_or_tokens_is_logged(
    site: RunningSite, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.WARNING, "httpx")  # as services do (runtime/base/logs.py)
    browser = site.browser()
    back = await browser.return_address("ada")
    await browser.http.get(back)
    await browser.http.get(back)
    await site.browser().sign_in("bo")
    ((identity, _),) = site.door.open.values()
    said = " ".join(str(one.__dict__) for one in caplog.records)
    assert "no_role" in said
    code = parse_qs(urlsplit(back).query)["code"][0]
    for secret in (code, identity.id_token, "Beispiel", "kl-koordination", "bo@kreis.invalid", "'ada'"):
        assert secret not in said
