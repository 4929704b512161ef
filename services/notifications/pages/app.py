"""Builds the web application of every page with names: desk, roster and inbox."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from fastapi import APIRouter, FastAPI

from services.accounts.app import create_accounts
from services.notifications import settings as policies
from services.notifications.delivery.holding.store import usual
from services.notifications.delivery.mail_test import TestMails
from services.notifications.delivery.smtp import SmtpServer
from services.notifications.delivery.webhooks.guard import Guard, networks_of
from services.notifications.delivery.webhooks.sender import WebhookSender
from services.notifications.pages import erasures, offers, people, roster
from services.notifications.pages.access import pages as access
from services.notifications.pages.changes import pages as changes
from services.notifications.pages.channels import hooks, sent, silences
from services.notifications.pages.channels import pages as channels
from services.notifications.pages.consents import class_pages, school_pages
from services.notifications.pages.consents import forms as consent_forms
from services.notifications.pages.context import PageContext
from services.notifications.pages.desk import pages as desk
from services.notifications.pages.first_day import pages as first_day
from services.notifications.pages.first_day import towns
from services.notifications.pages.inbox import acts, needs, putting_off, taking_back, team
from services.notifications.pages.inbox import pages as inbox
from services.notifications.pages.offices import pages as offices
from services.notifications.pages.oversight import figures, looks, mail, operation
from services.notifications.pages.risk_rules import evaluation
from services.notifications.pages.risk_rules import pages as risk_rules
from services.notifications.pages.roles import AUDITOR, DATA_PROTECTION, HOMES, MENU, OPERATOR, SECTIONS
from services.notifications.pages.sheets import letterhead, public
from services.notifications.people.keys import PersonSecrets
from services.notifications.sheets.consent_form import MONTHS
from services.places.current import CurrentPlaces
from services.places.upload import LOCALE as PLACES_LOCALE
from services.places.upload import TEMPLATES as TOWNS_TEMPLATES
from services.places.upload.pages import TownsPages
from services.runtime.base.settings import need
from services.runtime.http.gateway_client import GatewayClient
from services.runtime.serve.service import Resources
from services.runtime.web.app import create_app
from services.runtime.web.languages import msgid
from services.runtime.web.oversight.operation import operation_router
from services.runtime.web.oversight.retention import retention_router
from services.runtime.web.pages import Site
from services.runtime.web.visit.visitors import SignIn
from services.texts.filters import LOCALE, TEMPLATES, field_filters

HERE = Path(__file__).resolve().parent
REGISTRIES = ("notifications", "accounts", "places", "runtime")
"""What this side keeps is said there (services/*/retention.yaml)."""


def create_pages(
    resources: Resources,
    secrets: PersonSecrets,
    gateway: GatewayClient,
    doors: Sequence[APIRouter] = (),
    *,
    sign_in: SignIn | None = None,
    places: CurrentPlaces | None = None,
    consent_months: int = MONTHS,
    status: operation.Status | None = None,
) -> FastAPI:
    """Build the application; the routers in `doors` check a key of their own.

    `status` tells on the operator's page which conditions hold.
    """
    settings, places = resources.settings, places or CurrentPlaces()
    site = Site(
        service="notifications",
        title=msgid("Kurslotse support"),
        templates=(HERE / "templates", TEMPLATES, TOWNS_TEMPLATES),
        locales=(LOCALE, PLACES_LOCALE, HERE.parent / "locale"),
        filters=partial(field_filters, places=places),
        menu=MENU,
        homes=HOMES,
        sections=SECTIONS,
        demo=settings.demo,
        neighbour=settings.demo_neighbour,
        secure=(settings.public_url or "").startswith("https://"),
    )
    secret = need(settings.web_secret, "KURSLOTSE_WEB_SECRET")
    pages = (
        first_day.router,
        towns.router,
        desk.router,  # before the pages of one person: /people/search is nobody's id
        offers.router,
        people.router,
        changes.router,
        class_pages.router,
        consent_forms.router,
        access.router,
        letterhead.router,
        public.router,
        erasures.router,
        roster.router,
        school_pages.router,
        team.router,  # before the page of one alert: /inbox/team is no alert's id
        risk_rules.router,
        evaluation.router,
        inbox.router,
        channels.router,
        hooks.router,
        sent.router,
        silences.router,
        putting_off.router,  # before the answers to an alert: they are none
        taking_back.router,
        acts.router,
        needs.router,
        offices.router,
        figures.router,
        looks.router,
        mail.router,
        retention_router(REGISTRIES, DATA_PROTECTION, reading=(AUDITOR,)),
        operation_router(
            resources.worker,
            resources.clock,
            OPERATOR,
            reading=(AUDITOR,),
            own=operation.own_lines(status),
            title=operation.TITLE,
        ),
    )
    app = create_app(site, secret, sign_in or create_accounts(resources), pages=pages, doors=doors)
    app.state.towns = TownsPages(resources.worker, resources.clock, places)
    app.state.context = PageContext(
        pool=resources.web,
        worker=resources.worker,
        clock=resources.clock,
        secrets=secrets,
        gateway=gateway,
        places=places,
        consent_months=consent_months,
        public_url=(settings.public_url or "").rstrip("/"),
        mails=TestMails(
            SmtpServer.from_url(settings.smtp) if settings.smtp else None, settings.public_url or ""
        ),
        hooks=WebhookSender(Guard(networks_of("KURSLOTSE_WEBHOOK_NETWORKS", settings.webhook_networks))),
        usual=usual(policies.load(settings.policy or policies.PACKAGED).telling),
    )
    return app
