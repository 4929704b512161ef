"""Tests what becomes of answers that an OpenID Connect server should never give.

Between the site and the real server stands a proxy that changes one thing each time. It signs changed tokens
with a key that it has put among the server's, so that only what was changed can be the reason of a refusal.
"""

import base64
import hmac
import time
from collections.abc import Callable, Sequence
from http.cookiejar import Cookie
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from services.accounts.oidc.fetching import MOST_BYTES
from tests.integration.accounts.oidc.browser import Browser, refusal
from tests.integration.accounts.oidc.conftest import MakeSite, RunningSite, issuer_at
from tests.integration.accounts.oidc.liar import DISCOVERY, KEYS, TOKEN, USER_INFO, Liar
from tests.integration.accounts.oidc.server import CLIENT_ID, CLIENT_SECRET, signing_key

Claims = dict[str, Any]


_KNOWN: list[Cookie] = []
"""Cookies of the server's own session, so that login and password are typed only once."""


@pytest.fixture
async def known(make_site: MakeSite, liar: Liar) -> Sequence[Cookie]:
    """Sign in at the server once for all tests."""
    if not _KNOWN:
        site = await make_site(issuer_at(liar.own))
        browser = site.browser()
        await browser.return_address("ada")
        _KNOWN.extend(one for one in browser.http.cookies.jar if one.name.startswith("_session"))
        liar.asked.clear()
    return _KNOWN


@pytest.fixture
async def lied_to(make_site: MakeSite, liar: Liar, known: Sequence[Cookie]) -> RunningSite:
    """A site whose issuer is the liar, of which it knows nothing yet."""
    assert known
    return await make_site(issuer_at(liar.own))


@pytest.fixture
async def browser(lied_to: RunningSite, known: Sequence[Cookie]) -> Browser:
    """A browser whose person is signed in at the server, but not at the site."""
    made = lied_to.browser()
    made.keep(*known)
    return made


async def test_a_liar_who_tells_the_truth_is_believed(browser: Browser, liar: Liar) -> None:
    liar.publish_own_key()
    liar.change_id_token(lambda claims: claims)
    assert (await browser.sign_in("ada")).json()["subject"] == "ada"
    assert {DISCOVERY, KEYS, TOKEN, USER_INFO} <= set(liar.asked)


def _without(name: str) -> Callable[[Claims], Claims]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def _with(name: str, value: Any) -> Callable[[Claims], Claims]:  # noqa: ANN401 - of a claim
    return lambda claims: claims | {name: value}


def _later(name: str, seconds: float) -> Callable[[Claims], Claims]:
    return lambda claims: claims | {name: time.time() + seconds}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_with("iss", "https://other.invalid"), "other_issuer"),
        (_with("iss", ["https://other.invalid"]), "other_issuer"),
        (_with("aud", "another-client"), "token_foreign"),
        (_with("aud", []), "token_foreign"),
        (_with("aud", [CLIENT_ID, "another-client"]), "token_forged"),  # without azp nobody knows for whom
        (_with("azp", "another-client"), "token_foreign"),
        (_with("nonce", "another"), "nonce"),
        (_with("nonce", ""), "nonce"),
        (_with("nonce", 7), "nonce"),
        (_without("nonce"), "nonce"),
        (_later("exp", -61), "token_expired"),
        (_with("exp", "soon"), "token_expired"),
        (_with("exp", None), "token_expired"),
        (_without("exp"), "token_forged"),
        (_later("iat", 62), "token_early"),
        (_later("nbf", 62), "token_early"),
        (_without("iat"), "token_forged"),
        (_with("at_hash", "of-another-token"), "token_forged"),
        (_with("at_hash", ["x"]), "token_forged"),
        (_with("sub", ""), "token_forged"),
        (_with("sub", 7), "token_forged"),
        (_with("sub", "a" * 256), "token_forged"),
        (_with("auth_time", "now"), "token_forged"),
        (_later("auth_time", 62), "token_early"),
        (_with("auth_time", float("nan")), "token_forged"),
        (_with("auth_time", -(10**400)), "token_forged"),
    ],
)
async def test_claims_that_are_wrong_sign_nobody_in(
    lied_to: RunningSite, browser: Browser, liar: Liar, change: Callable[[Claims], Claims], reason: str
) -> None:
    liar.publish_own_key()
    liar.change_id_token(change)
    assert refusal(await browser.sign_in("ada"))[1] == reason
    assert not lied_to.door.open


@pytest.mark.parametrize(
    "change", [_later("exp", -50), _later("iat", 50), _later("nbf", 50), _with("aud", [CLIENT_ID])]
)
async def test_claims_inside_the_allowed_skew_are_right(
    browser: Browser, liar: Liar, change: Callable[[Claims], Claims]
) -> None:
    liar.publish_own_key()
    liar.change_id_token(change)
    assert (await browser.sign_in("ada")).status_code == 200


async def test_without_skew_a_second_is_too_much(make_site: MakeSite, browser: Browser, liar: Liar) -> None:
    await make_site(issuer_at(liar.own, clock_skew=0))
    liar.publish_own_key()
    liar.change_id_token(_later("exp", -1))
    assert refusal(await browser.sign_in("ada")) == (403, "token_expired")


def _unsigned(token: str) -> str:
    return _encoded(b'{"alg":"none"}') + f".{token.split('.')[1]}."


def _spoiled(token: str) -> str:
    head, _, signature = token.rpartition(".")
    return f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def _payload_changed(token: str) -> str:
    header, _, signature = token.split(".")
    return ".".join([header, _encoded(b'{"sub":"bo"}'), signature])


@pytest.mark.parametrize(
    "change",
    [
        _unsigned,
        _spoiled,
        _payload_changed,
        lambda _: "no-token",
        lambda _: "..",
        lambda _: "",
        lambda token: "a" * 200_000 + token,
    ],
)
async def test_a_signature_that_is_wrong_signs_nobody_in(
    lied_to: RunningSite, browser: Browser, liar: Liar, change: Callable[[str], str]
) -> None:
    liar.changes[TOKEN] = lambda said: said | {"id_token": change(said["id_token"])}
    assert refusal(await browser.sign_in("ada")) == (403, "token_forged")
    assert not lied_to.door.open


@pytest.mark.parametrize("kid", ["first", "liar"])
async def test_the_clients_secret_and_public_keys_are_no_keys_for_hmac(
    lied_to: RunningSite, browser: Browser, liar: Liar, kid: str
) -> None:
    liar.publish_own_key()
    for secret in (
        CLIENT_SECRET.encode(),
        liar.key.as_pem(private=False),
        signing_key("first").as_pem(private=False),
    ):
        liar.changes[TOKEN] = _hmac_signing(kid, secret)
        assert refusal(await browser.sign_in("ada")) == (403, "token_forged")
    assert not lied_to.door.open


def _hmac_signing(kid: str, secret: bytes) -> Callable[[Claims], Claims]:
    def changed(said: Claims) -> Claims:
        signed = _encoded(f'{{"alg":"HS256","kid":"{kid}"}}'.encode()) + "." + said["id_token"].split(".")[1]
        signature = _encoded(hmac.digest(secret, signed.encode(), "sha256"))
        return said | {"id_token": f"{signed}.{signature}"}

    return changed


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def test_another_persons_key_is_not_the_servers(browser: Browser, liar: Liar) -> None:
    liar.change_id_token(lambda claims: claims, {"kid": "first"})  # signed by the liar, in the server's name
    assert refusal(await browser.sign_in("ada")) == (403, "token_forged")


async def test_a_key_in_the_token_is_no_key(browser: Browser, liar: Liar) -> None:
    own = liar.key.as_dict(private=False)
    liar.change_id_token(lambda claims: claims, {"kid": "first", "jwk": own})
    assert refusal(await browser.sign_in("ada")) == (403, "token_forged")


async def test_unknown_keys_make_the_site_ask_again_but_not_for_everybody(
    browser: Browser, liar: Liar
) -> None:
    assert (await browser.sign_in("ada")).status_code == 200
    liar.change_id_token(lambda claims: claims)  # the liar's key is not published
    asked = []
    for _ in range(3):
        assert refusal(await browser.sign_in("ada")) == (403, "token_forged")
        asked.append(liar.asked.count(KEYS))
    assert asked == [2, 2, 2]


async def test_a_key_that_is_published_later_is_found(browser: Browser, liar: Liar) -> None:
    assert (await browser.sign_in("ada")).status_code == 200
    liar.publish_own_key()
    liar.change_id_token(lambda claims: claims)
    assert (await browser.sign_in("ada")).status_code == 200


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "k": "aW52ZW50ZWQ", "kid": "first"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "first"},
        {"kty": "RSA", "n": "\u00e4", "e": 1, "kid": "first"},
        {"kty": "EC", "crv": "P-256", "x": "", "y": "", "kid": "first"},
        {"kty": "RSA", "use": "enc", "kid": "first"},
        "first",
        None,
    ],
)
async def test_keys_that_can_verify_nothing_are_left_out(browser: Browser, liar: Liar, key: object) -> None:
    liar.changes[KEYS] = lambda said: {"keys": [key, *said["keys"]]}
    assert (await browser.sign_in("ada")).status_code == 200


@pytest.mark.parametrize(
    "keys", [{}, {"keys": []}, {"keys": "first"}, {"keys": [{"kty": "oct", "k": "AAAA"}]}]
)
async def test_a_server_without_keys_is_not_usable(browser: Browser, liar: Liar, keys: Claims) -> None:
    liar.changes[KEYS] = lambda _: keys
    assert refusal(await browser.sign_in("ada")) == (502, "server_wrong")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"issuer": "https://other.invalid"}, "other_issuer"),
        ({"issuer": None}, "server_wrong"),
        ({"authorization_endpoint": "ftp://127.0.0.1/auth"}, "server_wrong"),
        ({"token_endpoint": "http://192.0.2.1/token"}, "server_wrong"),
        ({"jwks_uri": 7}, "server_wrong"),
        ({"response_types_supported": ["id_token"]}, "server_wrong"),
        ({"code_challenge_methods_supported": ["plain"]}, "server_wrong"),
        ({"id_token_signing_alg_values_supported": ["none", "HS256"]}, "server_wrong"),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "server_wrong"),
    ],
)
async def test_discovery_of_another_issuer_or_without_what_is_needed(
    browser: Browser, liar: Liar, changed: Claims, reason: str
) -> None:
    liar.changes[DISCOVERY] = lambda said: said | changed
    assert refusal(await browser.begin())[1] == reason


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (PlainTextResponse("<html>maintenance</html>"), (502, "server_wrong")),
        (PlainTextResponse("[" * 100_000), (502, "server_wrong")),
        (PlainTextResponse("[]"), (502, "server_wrong")),
        (PlainTextResponse("{}", 404), (502, "server_wrong")),
        (PlainTextResponse("", 503), (503, "server_silent")),
        (RedirectResponse("http://192.0.2.1/"), (502, "server_wrong")),
        (Response(b"{}", headers={"Content-Encoding": "gzip"}), (502, "server_wrong")),
    ],
)
@pytest.mark.parametrize("path", [DISCOVERY, TOKEN])
async def test_garbage_oversize_and_redirects(
    browser: Browser, liar: Liar, path: str, answer: Response, refused: tuple[int, str]
) -> None:
    liar.answers[path] = answer
    assert refusal(await browser.sign_in("ada")) == refused


@pytest.mark.parametrize("path", [DISCOVERY, KEYS, TOKEN, USER_INFO])
async def test_an_answer_that_is_right_but_endless(browser: Browser, liar: Liar, path: str) -> None:
    liar.changes[path] = lambda said: said | {"more": "a" * MOST_BYTES}
    assert refusal(await browser.sign_in("ada")) == (502, "server_wrong")


async def test_user_info_about_somebody_else(browser: Browser, liar: Liar) -> None:
    liar.changes[USER_INFO] = lambda said: said | {"sub": "bo"}
    assert refusal(await browser.sign_in("ada")) == (502, "server_wrong")


async def test_the_id_token_counts_more_than_user_info(browser: Browser, liar: Liar) -> None:
    liar.publish_own_key()
    liar.change_id_token(_with("groups", []))
    assert refusal(await browser.sign_in("ada")) == (403, "no_role")


async def test_user_info_says_nothing_about_the_sign_in(
    lied_to: RunningSite, browser: Browser, liar: Liar
) -> None:
    liar.publish_own_key()
    liar.change_id_token(lambda claims: _without("auth_time")(_without("sid")(claims)))
    liar.changes[USER_INFO] = lambda said: said | {"sid": "invented", "auth_time": time.time()}
    assert (await browser.sign_in("ada")).status_code == 200
    ((identity, _),) = lied_to.door.open.values()
    assert (identity.sid, identity.auth_time) == (None, None)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (DISCOVERY, {"jwks_uri": "http://127.0.0.1:99999/"}),
        (DISCOVERY, {"token_endpoint": "http://[::1/"}),
        (TOKEN, {"access_token": "\u20ac"}),
        (TOKEN, {"access_token": 7}),
        (TOKEN, {"id_token": None}),
        (TOKEN, {"id_token": ["a"]}),
    ],
)
async def test_addresses_and_tokens_that_are_none(
    browser: Browser, liar: Liar, path: str, said: Claims
) -> None:
    liar.changes[path] = lambda honest: honest | said
    status, reason = refusal(await browser.sign_in("ada"))
    assert (status, reason) in {(502, "server_wrong"), (403, "token_forged"), (403, "no_role")}


async def test_a_fresh_sign_in_that_was_not(browser: Browser, liar: Liar) -> None:
    liar.publish_own_key()
    liar.change_id_token(_later("auth_time", -120))
    assert (await browser.sign_in("ada")).status_code == 200
    assert refusal(await browser.sign_in("ada", query="?fresh=true")) == (403, "not_fresh")
    liar.change_id_token(_without("auth_time"))
    assert refusal(await browser.sign_in("ada", query="?fresh=true")) == (403, "not_fresh")


@pytest.mark.parametrize(
    ("acr", "amr", "fits"),
    [
        ("mfa", ["pwd", "otp"], True),
        ("pwd", ["pwd", "otp"], False),
        (None, ["pwd", "otp"], False),
        ("mfa", ["pwd"], False),
        ("mfa", "pwd otp", False),
        ("mfa", None, False),
    ],
)
async def test_a_sign_in_that_is_too_weak(
    make_site: MakeSite, browser: Browser, liar: Liar, acr: object, amr: object, *, fits: bool
) -> None:
    site = await make_site(issuer_at(liar.own, required_acr=("mfa", "hwk"), required_amr=("pwd", "otp")))
    liar.publish_own_key()
    said = {name: value for name, value in (("acr", acr), ("amr", amr)) if value is not None}
    liar.change_id_token(lambda claims: claims | said)
    page = await browser.sign_in("ada")
    assert page.status_code == 200 if fits else refusal(page)[1] in {"too_weak", "token_forged"}
    assert len(site.door.open) == fits


@pytest.mark.parametrize("instead", ["", "&iss=https%3A%2F%2Fother.invalid"])
async def test_the_response_names_its_issuer(lied_to: RunningSite, browser: Browser, instead: str) -> None:
    back = await browser.return_address("ada")
    assert "&iss=" in back
    assert refusal(await browser.http.get(back.partition("&iss=")[0] + instead)) == (502, "other_issuer")
    assert not lied_to.door.open


async def test_a_logout_token_is_no_id_token(browser: Browser, liar: Liar) -> None:
    liar.publish_own_key()
    liar.change_id_token(lambda claims: claims, {"typ": "logout+jwt"})
    assert refusal(await browser.sign_in("ada")) == (403, "token_forged")
