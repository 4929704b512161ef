"""Gives the page functions their context: pools, clock, keys, names of people, and the gateway."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, TypeVar
from uuid import UUID

import asyncpg
from fastapi import Depends
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from schemas.base import Payload
from schemas.days import local_day
from services.notifications.delivery.holding.domain import Telling
from services.notifications.delivery.mail_test import TestMails
from services.notifications.delivery.webhooks.sender import WebhookSender
from services.notifications.pages.roles import (
    AUDITOR,
    CLERK,
    COUNSELLOR,
    DATA_PROTECTION,
    PROVIDER,
    TEAM_LEAD,
)
from services.notifications.people import handlers as people
from services.notifications.people.domain import Contact, Purpose
from services.notifications.people.keys import PersonSecrets
from services.notifications.risk import parameters
from services.notifications.risk.evaluate.apart import Evaluator
from services.notifications.risk.parameters import RiskRuleBook
from services.notifications.sheets.consent_form import MONTHS
from services.places.current import CurrentPlaces
from services.runtime.base.clock import Clock
from services.runtime.data.collisions import repeated
from services.runtime.data.db import web_transaction
from services.runtime.http.buckets import Failures
from services.runtime.http.gateway_client import GatewayClient
from services.runtime.web.pages import web_of
from services.runtime.web.sending import form_id, send_event
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor

Clerk = Annotated[Visitor, Depends(signed_in(CLERK, reading=(AUDITOR,)))]
Teacher = Annotated[Visitor, Depends(signed_in(PROVIDER, reading=(AUDITOR,)))]
Counsellor = Annotated[Visitor, Depends(signed_in(COUNSELLOR, TEAM_LEAD, reading=(AUDITOR,)))]
TeamLead = Annotated[Visitor, Depends(signed_in(TEAM_LEAD))]
ErasureReader = Annotated[Visitor, Depends(signed_in(CLERK, reading=(AUDITOR, DATA_PROTECTION)))]

T = TypeVar("T")
Transaction = AbstractAsyncContextManager[asyncpg.Connection]


@dataclass(frozen=True, slots=True)
class PageContext:
    """What every page function works with."""

    pool: asyncpg.Pool
    worker: asyncpg.Pool
    clock: Clock
    secrets: PersonSecrets
    gateway: GatewayClient
    places: CurrentPlaces = field(default_factory=CurrentPlaces)
    mails: TestMails = field(default_factory=TestMails)
    hooks: WebhookSender = field(default_factory=WebhookSender)
    usual: Telling = field(default_factory=Telling)
    """How offices are told that have chosen nothing."""
    rules: RiskRuleBook = field(default_factory=parameters.load)
    """The packaged parameters of the rules about risks."""
    evaluator: Evaluator = field(default_factory=lambda: Evaluator(cpu_seconds=20, wall_seconds=25.0))
    """Tries parameters on the past, within the time in which somebody waits for a page."""
    consent_months: int = MONTHS
    """The longest a consent holds."""
    public_url: str = ""
    """Address of these pages from outside, without a slash at the end; empty where nobody has set it."""
    searches: Failures = field(default_factory=lambda: Failures(time.monotonic, rate=1 / 3, burst=20))
    """How often each clerk has searched by name: twenty times at once, then every three seconds."""
    searching: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while names are opened for a search: one at a time, so that other pages keep their turn."""

    def now(self) -> datetime:
        """Return the business time."""
        return self.clock.now()

    def today(self) -> date:
        """Return the day in Germany."""
        return local_day(self.clock.now())

    def open(self, visitor: Visitor) -> Transaction:
        """Begin a transaction in which row level security shows what the visitor's office may see."""
        return web_transaction(
            self.pool,
            organisation=visitor.organisation,
            offices=(visitor.publisher,) if visitor.publisher else (),
            person=visitor.key,
        )

    async def act(self, visitor: Visitor, act: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Act in a transaction of its own, for the visitor's office; a collision with others is no error."""
        return await repeated(lambda: self.open(visitor), act)

    async def names(
        self, conn: asyncpg.Connection, visitor: Visitor, purpose: Purpose, participants: Sequence[UUID]
    ) -> Mapping[UUID, Contact]:
        """Read people for a purpose; every look is logged, and people who may not be seen are missing."""
        if not participants:
            return {}
        reader = people.Reader(visitor.organisation or "", visitor.key, purpose)
        return await people.read(conn, self.secrets, reader, list(dict.fromkeys(participants)), self.now())


def context_of(request: Request) -> PageContext:
    """Return the context of this application's pages."""
    context = request.app.state.context
    assert isinstance(context, PageContext)  # noqa: S101 - set by create_pages
    return context


Context = Annotated[PageContext, Depends(context_of)]


def slug_of(visitor: Visitor) -> str:
    """Return the slug of the publisher for whom the visitor speaks."""
    return visitor.publisher or ""


def full_name(contact: Contact | None) -> str:
    """Return a name with the family name first; empty if it may not be seen."""
    if contact is None:
        return ""
    return ", ".join(part for part in (contact.family_name, contact.given_name) if part)


async def send_form(
    request: Request,
    context: PageContext,
    visitor: Visitor,
    sent: FormData,
    *,
    payload: Payload,
    done: str,
    back: str,
) -> Response:
    """Send what a form says as one event, however often it is sent, and show the page `back`."""
    event_id = form_id(sent.get("form"))
    await send_event(
        request, context.gateway, slug_of(visitor), event_id=event_id, payload=payload, done=done
    )
    return web_of(request).back(request, back)
