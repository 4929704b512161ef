"""Puts the pages with names together: desk, roster, inbox, and the doors beside them."""

from collections.abc import Sequence
from pathlib import Path

import httpx
from fastapi import APIRouter, FastAPI

from services.notifications.pages import inbox, offers, people, roster
from services.notifications.pages.desk import Office
from services.notifications.pages.gateway import Gateway
from services.notifications.pages.persons import HOMES, MENU, PERSONS
from services.notifications.people.crypto import Keyring
from services.notifications.people.registrations import GatewayDoor
from services.runtime.base.settings import need
from services.runtime.serve.service import Resources
from services.runtime.web.app import create_app
from services.runtime.web.languages import msgid
from services.runtime.web.pages import Site
from services.texts.filters import LOCALE, field_filters

HERE = Path(__file__).resolve().parent
TIMEOUT = httpx.Timeout(10.0, connect=3.0)


def create_pages(
    resources: Resources, keyring: Keyring, door: GatewayDoor, doors: Sequence[APIRouter] = ()
) -> FastAPI:
    """Build the application; `doors` guard themselves by their own key."""
    settings = resources.settings
    site = Site(
        service="notifications",
        title=msgid("Kurslotse support"),
        templates=HERE / "templates",
        locales=(LOCALE, HERE.parent / "locale"),
        filters=field_filters,
        persons=PERSONS,
        menu=MENU,
        homes=HOMES,
        demo=settings.demo,
        neighbour=settings.demo_neighbour,
        secure=(settings.public_url or "").startswith("https://"),
    )
    secret = need(settings.web_secret, "KURSLOTSE_WEB_SECRET")
    pages = (offers.router, people.router, roster.router, inbox.router)
    app = create_app(site, secret, pages=pages, doors=doors)
    client = httpx.AsyncClient(timeout=TIMEOUT)
    app.router.on_shutdown.append(client.aclose)
    url = need(settings.gateway_url, "KURSLOTSE_GATEWAY_URL")
    app.state.office = Office(
        pool=resources.web,
        worker=resources.worker,
        clock=resources.clock,
        keyring=keyring,
        gateway=Gateway(client, url, settings.gateway_key),
        door=door,
    )
    return app
