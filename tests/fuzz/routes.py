"""Lists every HTTP route of the three services, from their own route tables, as OpenAPI documents."""

import re
from collections.abc import Mapping
from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from prometheus_client import CollectorRegistry

from services.allocation.acts.placements import Placements
from services.allocation.console.app import create_console
from services.allocation.law.rulebook import load_rulebook
from services.gateway.http.app import create_app
from services.gateway.http.context import GatewayContext
from services.notifications.pages.app import create_pages
from services.notifications.people.api import PeopleDoor, router
from services.notifications.people.keys import Keks, PersonSecrets
from services.runtime.base.clock import SystemClock
from services.runtime.base.settings import ServiceSettings
from services.runtime.serve.service import Resources
from services.simulator.comparison.extension import EXTENSION
from tests.identity import IDENTITY_KEY, KEK
from tests.serving import DEMO_NOWHERE, REPOSITORY

NOTHING = cast("Any", None)
OPS = ("/health/live", "/health/ready", "/status", "/under-way", "/metrics", "/asyncapi", "/asyncapi.json")
_FIELD = re.compile(r'name="([a-zA-Z_]+)"')


def apps() -> Mapping[str, FastAPI]:
    """Make the three applications, without anything that they would talk to."""
    secrets = PersonSecrets(NOTHING, Keks.from_text(KEK), IDENTITY_KEY)
    return {
        "gateway": create_app(cast("GatewayContext", None)),
        "allocation": create_console(
            _resources("allocation"), cast("Placements", None), load_rulebook(), extension=EXTENSION
        ),
        "notifications": create_pages(
            _resources("notifications"),
            secrets,
            NOTHING,
            [router(PeopleDoor(NOTHING, SystemClock(), secrets, "key"))],
        ),
    }


def _resources(service: str) -> Resources:
    settings = ServiceSettings.from_env(service, DEMO_NOWHERE)
    return Resources(settings, SystemClock(), CollectorRegistry(), NOTHING, NOTHING)


def document(service: str, app: FastAPI) -> dict[str, Any]:
    """Describe all routes of an application, pages included, whose forms have the fields of all templates."""
    described = get_openapi(title=service, version="1", routes=app.routes)
    described.setdefault("components", {})
    paths = described["paths"]
    form = {"type": "object", "properties": {name: {"type": "string"} for name in _form_fields()}}
    for path, method in sorted(_methods(app)):
        plain = re.sub(r":[a-z]+\}", "}", path)
        if method in paths.get(plain, {}):
            continue
        operation: dict[str, Any] = {
            "responses": {"default": {"description": "a page"}},
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in re.findall(r"\{([a-z_]+)\}", plain)
            ],
        }
        if method == "post":
            operation["requestBody"] = {"content": {"application/x-www-form-urlencoded": {"schema": form}}}
        paths.setdefault(plain, {})[method] = operation
    return described


def _methods(app: FastAPI) -> set[tuple[str, str]]:
    included = [route.original_router for route in app.routes if hasattr(route, "original_router")]
    routes = [route for one in included for route in one.routes]
    return {
        (route.path, method.lower())
        for route in (*routes, *app.routes)
        for method in getattr(route, "methods", None) or ()
        if method not in {"HEAD", "OPTIONS"}
    }


def _form_fields() -> list[str]:
    found: set[str] = set()
    for template in (REPOSITORY / "services").rglob("templates/**/*.html"):
        found.update(_FIELD.findall(template.read_text(encoding="utf-8")))
    return sorted(found)
