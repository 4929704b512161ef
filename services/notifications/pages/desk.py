"""What every page function here stands on: pools, clock, keys, the way to the gateway."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID, uuid4

import asyncpg
from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from schemas.base import Payload
from schemas.days import local_day
from services.notifications.pages.gateway import Gateway, NotTaken, Taken
from services.notifications.pages.persons import CLERK, COUNSELLOR, PROVIDER
from services.notifications.people import handlers as people
from services.notifications.people.crypto import Keyring
from services.notifications.people.domain import Contact, Purpose
from services.notifications.people.registrations import GatewayDoor
from services.runtime.base.clock import Clock
from services.runtime.data.db import web_transaction
from services.runtime.web.guard import signed_in
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError
from services.runtime.web.visitors import Visitor

Clerk = Annotated[Visitor, Depends(signed_in(CLERK))]
Teacher = Annotated[Visitor, Depends(signed_in(PROVIDER))]
Counsellor = Annotated[Visitor, Depends(signed_in(COUNSELLOR))]

Transaction = AbstractAsyncContextManager[asyncpg.Connection]


@dataclass(frozen=True, slots=True)
class Office:
    """What the pages work with."""

    pool: asyncpg.Pool
    worker: asyncpg.Pool
    clock: Clock
    keyring: Keyring
    gateway: Gateway
    door: GatewayDoor

    def now(self) -> datetime:
        """Return the business time."""
        return self.clock.now()

    def today(self) -> date:
        """Return the day in Germany."""
        return local_day(self.clock.now())

    def open(self, visitor: Visitor) -> Transaction:
        """Begin a transaction that sees what the visitor's organisation may see."""
        return web_transaction(self.pool, organisation=visitor.organisation, person=visitor.key)

    async def names(
        self, conn: asyncpg.Connection, visitor: Visitor, purpose: Purpose, participants: Sequence[UUID]
    ) -> Mapping[UUID, Contact]:
        """Read people for a purpose; every look is logged, who may not be seen is missing."""
        if not participants:
            return {}
        reader = people.Reader(visitor.organisation or "", visitor.key, purpose)
        return await people.read(conn, self.keyring, reader, list(dict.fromkeys(participants)), self.now())


def office_of(request: Request) -> Office:
    """Return what the pages of this application work with."""
    office = request.app.state.office
    assert isinstance(office, Office)  # noqa: S101 - set by create_pages
    return office


Desk = Annotated[Office, Depends(office_of)]
Reading = Callable[[Visitor], Awaitable[Response]]


def slug_of(visitor: Visitor) -> str:
    """Return the publisher for whom the visitor speaks."""
    return visitor.publisher or ""


def full_name(contact: Contact | None) -> str:
    """Write a name as lists do: family name first; nothing if it may not be seen."""
    if contact is None:
        return ""
    return ", ".join(part for part in (contact.family_name, contact.given_name) if part)


def new_form() -> str:
    """Name a form when it is shown: sent twice, it is one event."""
    return str(uuid4())


def form_id(value: object) -> str:
    """Return the form's id; a form without one is refused."""
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise PageError(
            422, "form_id", "This form is incomplete. Please open the page again and repeat your entry."
        ) from None


async def say(
    request: Request, desk: Office, visitor: Visitor, *, event_id: str, payload: Payload, done: str
) -> bool:
    """Send an event for the visitor's publisher and keep the message for the next page."""
    web = web_of(request)
    texts = web.texts(request)
    said = await desk.gateway.say(slug_of(visitor), event_id, payload, texts.language)
    match said:
        case Taken():
            web.note(request, "success", texts.plain(done))
            return True
        case NotTaken(problems):
            for problem in problems or [texts.plain(NOT_TAKEN)]:
                web.note(request, "danger", problem)
        case _:
            web.note(request, "warning", texts.plain(UNREACHABLE))
    return False


NOT_TAKEN = msgid("This entry was not taken. Please check it, or open the page again and repeat it.")
UNREACHABLE = msgid("Kurslotse cannot take the entry right now. Please send it again in a few minutes.")
