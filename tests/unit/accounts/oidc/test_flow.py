"""Tests what a browser carries during a sign-in, and what may be used once."""

import pytest
from starlette.requests import Request
from starlette.responses import Response

from services.accounts.oidc.failures import TEXTS, OidcError, Reason
from services.accounts.oidc.flow import LASTS_SECONDS, FlowCookie, begun
from services.accounts.oidc.once import Once


def _request(cookie: str) -> Request:
    return Request({"type": "http", "method": "GET", "headers": [(b"cookie", cookie.encode())]})


def _kept(keeper: FlowCookie, next_path: str = "/") -> tuple[str, str]:
    flow, answer = begun("kreis", next_path, fresh=False, now=0.0), Response()
    keeper.keep(answer, flow)
    return answer.headers["set-cookie"].partition(";")[0], flow.state


def _refused(keeper: FlowCookie, cookie: str, state: str | None, issuer: str = "kreis") -> Reason:
    with pytest.raises(OidcError) as caught:
        keeper.take(_request(cookie), issuer, state)
    return caught.value.reason


def test_a_flow_comes_back_once_and_only_to_its_own_state_and_issuer() -> None:
    keeper = FlowCookie("test", "invented", secure=True, now=lambda: 1_000.0)
    cookie, state = _kept(keeper)
    assert cookie.startswith("__Host-kurslotse_test_oidc=")
    assert state not in cookie
    assert _refused(keeper, cookie, "another") is Reason.FLOW_FOREIGN
    assert _refused(keeper, cookie, "\u00e4") is Reason.FLOW_FOREIGN
    assert _refused(keeper, cookie, None) is Reason.FLOW_FOREIGN
    assert _refused(keeper, cookie, state, "verband") is Reason.FLOW_FOREIGN
    assert keeper.take(_request(cookie), "kreis", state).state == state
    assert _refused(keeper, cookie, state) is Reason.FLOW_USED


@pytest.mark.parametrize("cookie", ["", "kurslotse_test_oidc=", "kurslotse_test_oidc=gAAAA", "other=x"])
def test_without_a_flow_of_ours_nothing_comes_back(cookie: str) -> None:
    assert _refused(FlowCookie("test", "invented", secure=False), cookie, "x") is Reason.FLOW_UNKNOWN


@pytest.mark.parametrize(("service", "secret"), [("other", "invented"), ("test", "another")])
def test_a_flow_of_another_service_or_secret_is_none_of_ours(service: str, secret: str) -> None:
    cookie, state = _kept(FlowCookie(service, secret, secure=False))
    cookie = cookie.replace(f"kurslotse_{service}_", "kurslotse_test_")
    assert _refused(FlowCookie("test", "invented", secure=False), cookie, state) is Reason.FLOW_UNKNOWN


@pytest.mark.parametrize("later", [LASTS_SECONDS + 1, -61])
def test_a_flow_lasts_ten_minutes(later: float) -> None:
    clock = [10_000.0]
    keeper = FlowCookie("test", "invented", secure=False, now=lambda: clock[0])
    cookie, state = _kept(keeper)
    clock[0] += later
    assert _refused(keeper, cookie, state) is Reason.FLOW_UNKNOWN


def test_a_long_address_does_not_burst_the_cookie() -> None:
    keeper = FlowCookie("test", "invented", secure=False)
    for length in (1_000, 5_000):
        cookie, _ = _kept(keeper, "/" + "a" * (length - 1))
        assert len(cookie) < 4_000


def test_what_was_used_is_remembered_as_long_as_it_could_be_used_again() -> None:
    clock = [0.0]
    once = Once(60, most=2, monotonic=lambda: clock[0])
    assert [once.use(one) for one in "aab"] == [True, False, True]
    assert not once.use("c")  # full: refused rather than forgotten
    clock[0] = 59.9
    assert not once.use("a")
    clock[0] = 60.0
    assert once.use("a")


def test_every_reason_has_its_sentence() -> None:
    assert set(TEXTS) == set(Reason)
    assert all(400 <= status < 600 and text.endswith(".") for status, text in TEXTS.values())
