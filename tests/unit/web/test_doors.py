"""Tests every page and JSON door of both services as every role, as nobody, and from foreign sites."""

import re

import httpx
import pytest
from fastapi import FastAPI

from services.accounts.domain import Side
from services.runtime.web.visit.guard import ANYBODY, SIGNED_IN
from tests.accounts import routes as pages
from tests.accounts.routes import Route, applications, everybody

ANYTHING = "00000000-0000-4000-8000-000000000000"
SIGN_INS = {side: everybody(side) for side in Side}
APPS = applications(SIGN_INS)
ROUTES = sorted(set(pages.routes(APPS)), key=lambda one: (one.side, one.path, one.method))
CLOSED = [one for one in ROUTES if ANYBODY not in (one.roles or ())]
OPEN = {
    "/help/{office}",
    "/invitation/{token}",
    "/invitation/{token}/passkey",
    "/invitation/{token}/passkey/options",
    "/invitation/{token}/password",
    "/preferences",
    "/public/policy/{kreis}",
    "/public/policy/{kreis}/draft/{link}",
    "/public/policy/{kreis}/versions/{version}",
    "/sign-in",
    "/sign-in/passkey",
    "/sign-in/passkey/options",
    "/sign-out",
}
"""Open to strangers; whoever opens another one says so here."""


def _named(route: Route) -> str:
    return f"{route.side}-{route.method}-{route.path}"


def _address(route: Route) -> str:
    return re.sub(r"\{[^}]+\}", ANYTHING, route.path)


def _client(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"accept": "application/json"}
    return httpx.AsyncClient(transport=transport, base_url="http://kurslotse.test", headers=headers)


async def _code(http: httpx.AsyncClient, route: Route, **headers: str) -> str:
    """Ask; return the code of a refusal, or the status of any other answer."""
    answer = await http.request(route.method, _address(route), headers=headers)
    kind = answer.headers.get("content-type", "")
    return str(answer.json()["code"]) if kind == "application/problem+json" else str(answer.status_code)


def test_there_are_doors_to_try() -> None:
    assert len(CLOSED) > 100
    assert {one.path for one in ROUTES if one not in CLOSED} == OPEN


def test_every_route_says_who_may() -> None:
    assert [_named(one) for one in ROUTES if not one.roles] == []


@pytest.mark.parametrize("route", CLOSED, ids=_named)
async def test_nobody_comes_in_without_sign_in(route: Route) -> None:
    async with _client(APPS[route.side]) as http:
        assert await _code(http, route) in {"sign_in", "csrf"}
        if route.method == "GET":
            sent_away = await http.get(_address(route), headers={"accept": "text/html"})
            assert sent_away.status_code in {303, 401}
            assert sent_away.headers.get("location", "/sign-in").startswith("/sign-in")


@pytest.mark.parametrize("route", CLOSED, ids=_named)
async def test_each_role_is_let_in_where_it_is_named_and_nowhere_else(route: Route) -> None:
    said = route.roles or frozenset()
    for visitor in SIGN_INS[route.side].people.values():
        async with _client(APPS[route.side]) as http:
            token = (await http.post("/demo/sign-in", json={"person": visitor.key})).json()["csrf"]
            code = await _code(http, route, **{"x-csrf": token})
            if visitor.role in said or SIGNED_IN in said:
                assert code not in {"role", "sign_in", "csrf"}, visitor.role
            else:
                assert code == "role", visitor.role


@pytest.mark.parametrize("route", [one for one in CLOSED if one.method != "GET"], ids=_named)
async def test_no_foreign_page_can_post_for_anybody(route: Route) -> None:
    for person in SIGN_INS[route.side].people:
        async with _client(APPS[route.side]) as http:
            token = (await http.post("/demo/sign-in", json={"person": person})).json()["csrf"]
            assert await _code(http, route) == "csrf"
            foreign = {"x-csrf": token, "sec-fetch-site": "cross-site"}
            assert await _code(http, route, **foreign) == "csrf"


@pytest.mark.parametrize("route", [one for one in CLOSED if one.again], ids=_named)
async def test_what_is_important_asks_again(route: Route) -> None:
    sign_in = SIGN_INS[route.side]
    person = next(p.key for p in sign_in.people.values() if {p.role, SIGNED_IN} & set(route.roles or ()))
    async with _client(APPS[route.side]) as http:
        token = (await http.post("/demo/sign-in", json={"person": person})).json()["csrf"]
        sign_in.fresh = False
        try:
            assert await _code(http, route, **{"x-csrf": token}) == "fresh_sign_in"
        finally:
            sign_in.fresh = True


def test_an_auditor_reads_everything_of_the_desks_and_changes_nothing() -> None:
    for one in CLOSED:
        roles = one.roles or frozenset()
        if one.method != "GET":
            assert "auditor" not in roles, one
        elif not roles & {SIGNED_IN, "administrator"} and not (
            one.side is Side.STEERING and roles == {"provider"}
        ):
            assert "auditor" in roles, one


def test_a_team_lead_may_do_what_a_counsellor_may() -> None:
    for one in CLOSED:
        roles = one.roles or frozenset()
        assert ("counsellor" in roles) <= ("team_lead" in roles), one
