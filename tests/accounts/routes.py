"""Lists every route of the page services with who may ask: python -m tests.accounts.routes [--write]."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.accounts.app import PAGES
from services.accounts.demo import pages as demo
from services.accounts.domain import Role, Side, kinds_of, roles_of
from services.allocation.acts.placements import Placements
from services.allocation.console.app import create_console
from services.allocation.law.rulebook import load_rulebook
from services.notifications.pages.app import create_pages
from services.notifications.people.keys import Keks, PersonSecrets
from services.runtime.base.clock import SystemClock
from services.runtime.base.settings import ServiceSettings
from services.runtime.serve.service import Resources
from services.runtime.web.visit import guard
from services.runtime.web.visit.guard import (
    ANYBODY,
    SIGNED_IN,
    needs_fresh_sign_in,
    needs_fresh_sign_in_beyond_first_page,
)
from services.runtime.web.visit.visitors import Visitor
from services.simulator.comparison.extension import EXTENSION
from tests.accounts.fake import FakeSignIn
from tests.identity import IDENTITY_KEY, KEK
from tests.serving import DEMO_NOWHERE, REPOSITORY

NOTHING = cast("Any", None)
PAGE = REPOSITORY / "docs" / "routes.md"
HEAD = """# Who may ask what

Generated from the routes themselves by `python -m tests.accounts.routes --write`; a test compares. Roles are
given inside an organisation (docs/decisions/0028); rows are limited beside them, by row level security and by
the organisation. **again**: asks people to sign in once more when that is more than five minutes ago
(*from page 2*: to leaf through a list of names).
"""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, and who may ask it; None: it does not say."""

    side: Side
    method: str
    path: str
    roles: frozenset[str] | None
    again: bool
    leafing: bool
    """Whether it asks for that from the second page of a list on."""


def everybody(side: Side) -> FakeSignIn:
    """Sign in one person for each role of a side, called like it."""
    roles = sorted({role.value for kind in kinds_of(side) for role in roles_of(side, kind)})
    people = [Visitor(role.replace("_", "-"), role, role, ("99001",), "a", "a") for role in roles]
    return FakeSignIn(people, PAGES[side])


def applications(sign_ins: Mapping[Side, FakeSignIn]) -> Mapping[Side, FastAPI]:
    """Make both applications, without anything that they would talk to."""
    return {
        Side.STEERING: create_console(
            _resources("allocation"),
            cast("Placements", None),
            load_rulebook(),
            extension=EXTENSION,
            sign_in=sign_ins[Side.STEERING],
        ),
        Side.SUPPORT: create_pages(
            _resources("notifications"),
            PersonSecrets(NOTHING, Keks.from_text(KEK), IDENTITY_KEY),
            NOTHING,
            sign_in=sign_ins[Side.SUPPORT],
        ),
    }


def _resources(service: str) -> Resources:
    settings = ServiceSettings.from_env(service, DEMO_NOWHERE)
    return Resources(settings, SystemClock(), CollectorRegistry(), NOTHING, NOTHING)


def routes(apps: Mapping[Side, FastAPI]) -> Iterator[Route]:
    """Go through the pages of both applications; those that the tests' own sign-in brings are left out."""
    for side, app in apps.items():
        routers = [route.original_router for route in app.routes if hasattr(route, "original_router")]
        for router in routers[1:]:
            for route in cast("list[Any]", router.routes):
                for method in route.methods - {"HEAD"}:
                    roles = guard.roles_of(route.dependant, method)
                    again = needs_fresh_sign_in(route.dependant)
                    leafing = needs_fresh_sign_in_beyond_first_page(route.dependant)
                    yield Route(side, method, route.path, roles, again, leafing)


def page() -> str:
    """Write the page."""
    sign_ins = {side: everybody(side) for side in Side}
    lines = [HEAD]
    for side in Side:
        known = {one for one in routes(applications(sign_ins)) if one.side is side}
        lines += [f"## {side.value}", "", "| method | path | who | again |", "|---|---|---|---|"]
        for one in sorted(known, key=lambda one: (one.path, one.method)):
            again = "again" if one.again else "from page 2" if one.leafing else ""
            lines.append(f"| {one.method} | `{one.path}` | {_said(one.roles)} | {again} |")
        lines.append("")
    demo_only = ", ".join(f"`{cast('Any', route).path}`" for route in demo.router.routes)
    lines += [f"On a demo installation only, for anybody: {demo_only}."]
    lines += ["`PUT /people/{participant_id}` (notifications) is for the gateway alone, by its key."]
    return "\n".join(lines) + "\n"


def _said(roles: frozenset[str] | None) -> str:
    if roles is None:
        return "?"
    if SIGNED_IN in roles or ANYBODY in roles:
        return ", ".join(sorted(roles & {SIGNED_IN, ANYBODY}))
    return ", ".join(role.value for role in Role if role.value in roles)


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is up to date."""
    if "--write" in arguments:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    sys.stderr.write("docs/routes.md is not up to date: python -m tests.accounts.routes --write\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
