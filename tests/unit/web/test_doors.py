"""Tests that every page and JSON door of both services needs sign-in and refuses foreign posts."""

import re
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.accounts.app import PAGES
from services.accounts.domain import Side, kinds_of, roles_of
from services.allocation.acts.placements import Placements
from services.allocation.console.app import create_console
from services.allocation.law.rulebook import load_rulebook
from services.notifications.pages.app import create_pages
from services.notifications.people.keys import Keks, PersonSecrets
from services.runtime.base.clock import SystemClock
from services.runtime.base.settings import ServiceSettings
from services.runtime.serve.service import Resources
from services.runtime.web.visitors import Visitor
from services.simulator.comparison.extension import EXTENSION
from tests.accounts.fake import FakeSignIn
from tests.identity import IDENTITY_KEY, KEK
from tests.serving import DEMO_NOWHERE

NOTHING = cast("Any", None)
ANYBODY = "00000000-0000-4000-8000-000000000000"
OPEN = {"/sign-in", "/demo/sign-in", "/sign-out", "/preferences"}


def _everybody(side: Side) -> FakeSignIn:
    """One person for each role of a side, called like it."""
    roles = sorted({role.value for kind in kinds_of(side) for role in roles_of(side, kind)})
    people = [Visitor(role.replace("_", "-"), role, role, ("99001",), "a", "a") for role in roles]
    return FakeSignIn(people, PAGES)


def _resources(service: str) -> Resources:
    settings = ServiceSettings.from_env(service, DEMO_NOWHERE)
    return Resources(settings, SystemClock(), CollectorRegistry(), NOTHING, NOTHING)


SIGN_INS = {"console": _everybody(Side.STEERING), "pages": _everybody(Side.SUPPORT)}
APPS: dict[str, FastAPI] = {
    "console": create_console(
        _resources("allocation"),
        cast("Placements", None),
        load_rulebook(),
        extension=EXTENSION,
        sign_in=SIGN_INS["console"],
    ),
    "pages": create_pages(
        _resources("notifications"),
        PersonSecrets(NOTHING, Keks.from_text(KEK), IDENTITY_KEY),
        NOTHING,
        sign_in=SIGN_INS["pages"],
    ),
}
PEOPLE = {name: tuple(sign_in.people) for name, sign_in in SIGN_INS.items()}


def _doors() -> Iterator[tuple[str, str, str]]:
    for name, app in APPS.items():
        included = [route.original_router for route in app.routes if hasattr(route, "original_router")]
        for route in (route for router in included for route in router.routes):
            for method in route.methods:
                path = route.path
                if method != "HEAD" and path not in OPEN:
                    yield name, method, re.sub(r"\{[^}]+\}", ANYBODY, path)


DOORS = sorted(set(_doors()))


def _client(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://kurslotse.test")


def test_there_are_doors_to_try() -> None:
    assert len(DOORS) > 30


@pytest.mark.parametrize(("app", "method", "path"), DOORS)
async def test_nobody_comes_in_without_sign_in(app: str, method: str, path: str) -> None:
    async with _client(APPS[app]) as http:
        answer = await http.request(method, path)
        assert answer.status_code in {303, 401, 403}
        if answer.status_code == 303:
            assert answer.headers["location"].startswith("/sign-in")


@pytest.mark.parametrize(("app", "method", "path"), [door for door in DOORS if door[1] != "GET"])
async def test_no_foreign_page_can_post_for_anybody(app: str, method: str, path: str) -> None:
    for person in PEOPLE[app]:
        async with _client(APPS[app]) as http:
            signed = await http.post("/demo/sign-in", json={"person": person})
            token = signed.json()["csrf"]
            assert (await http.request(method, path)).status_code == 403
            foreign = {"x-csrf": token, "sec-fetch-site": "cross-site"}
            assert (await http.request(method, path, headers=foreign)).status_code == 403
