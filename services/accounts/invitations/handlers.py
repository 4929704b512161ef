"""Invites people, lets them in by their link, and lets them enrol again."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg

from services.accounts import audit
from services.accounts.domain import Kind, Role, Side
from services.accounts.invitations import store
from services.accounts.invitations.domain import VALID_DAYS, Link, LinkState, state_of
from services.accounts.methods import store as methods
from services.accounts.people import store as people
from services.accounts.sealing import hashed
from services.accounts.sessions import cookies
from services.accounts.sessions import store as sessions
from services.accounts.sessions.domain import EndReason
from services.runtime.base.addresses import by_name

COMMAND = "command"
"""Who did what a command has done."""
FIRST = "Administrator"
"""Stands for a name that nobody knows yet."""
_FIRST = {
    Side.STEERING: ("kreis", "Kreis", Kind.KREIS, None),
    Side.SUPPORT: ("registering-office", "Anmeldestelle", Kind.REGISTERING_OFFICE, "registering-office"),
}


@dataclass(frozen=True, slots=True)
class NotOpen:
    """A link that opens nothing, and why; `state` is None if there never was such a link."""

    state: LinkState | None


def address_of(public_url: str, token: str) -> str:
    """Return the address of a link; on one machine by name, because browsers make no passkeys for numbers."""
    parts = urlsplit(by_name(public_url))
    return urlunsplit((parts.scheme, parts.netloc, f"/invitation/{token}", "", ""))


async def invite(
    conn: asyncpg.Connection,
    organisation: str,
    *,
    roles: Sequence[Role],
    name: str,
    email: str | None,
    by: str,
) -> str:
    """Make an invitation with roles of an organisation; return the link's token."""
    token = cookies.new_token()
    await store.put(
        conn,
        hashed(token),
        organisation=organisation,
        roles=[role.value for role in roles],
        person=None,
        name=name,
        email=email,
        by=by,
        days=VALID_DAYS,
    )
    await audit.write(conn, "invited", by=by, organisation=organisation, roles=[role.value for role in roles])
    return token


async def recovery_link(conn: asyncpg.Connection, person: asyncpg.Record, by: str) -> str:
    """Make a link by which somebody enrols again; earlier ones open nothing any more."""
    token = cookies.new_token()
    await store.withdraw_recoveries(conn, person["person"])
    await store.put(
        conn,
        hashed(token),
        organisation=person["home"],
        roles=(),
        person=person["person"],
        name=person["name"],
        email=person["email"],
        by=by,
        days=VALID_DAYS,
    )
    await audit.write(conn, "recovery_link", person=person["key"], by=by, organisation=person["home"])
    return token


async def link_of(conn: asyncpg.Connection, token: str, *, lock: bool = False) -> asyncpg.Record | NotOpen:
    """Return the invitation that a link opens, or why it opens nothing."""
    row = await store.find(conn, hashed(token), lock=lock)
    if row is None:
        return NotOpen(None)
    state = state_of(Link(row["used"], row["withdrawn"], row["expired"]))
    if state is not LinkState.OPEN:
        return NotOpen(state)
    if not row["place_active"] or (row["person"] is not None and not row["active"]):
        return NotOpen(LinkState.WITHDRAWN)
    return row


async def accept(
    conn: asyncpg.Connection, invitation: asyncpg.Record, email: str | None, name: str
) -> asyncpg.Record:
    """Use a link up: make the account with its roles, or clear one whose owner enrols again.

    Whoever enrols again keeps the roles of their own organisation only: nobody there may open others' doors.

    Raises:
        asyncpg.UniqueViolationError: somebody else has this login name.
    """
    await store.use(conn, invitation["invitation"])
    if invitation["person"] is not None:
        person = await people.person_by_id(conn, invitation["person"])
        assert person is not None  # noqa: S101 - a link goes with its person
        await methods.remove_all(conn, person["person"])
        await sessions.end_all(conn, person["person"], EndReason.ADMINISTRATOR)
        if email is not None:
            await people.set_email(conn, person["person"], email)
        for row in await people.end_roles(conn, person["person"], "recovery", but=person["home"]):
            await audit.write(
                conn,
                "role_ended",
                person=person["key"],
                by="recovery",
                organisation=row["organisation"],
                role=row["role"],
            )
        await audit.write(
            conn, "recovered", person=person["key"], by=person["key"], organisation=person["home"]
        )
        return person
    key = f"p-{secrets.token_hex(8)}"
    organisation = invitation["organisation"]
    identifier = await people.add_person(
        conn, key, name=name, email=email, home=organisation, person=invitation["invitation"]
    )
    await give_roles(conn, invitation, identifier, key)
    found = await people.person_by_id(conn, identifier)
    assert found is not None  # noqa: S101 - just made
    return found


async def join(conn: asyncpg.Connection, invitation: asyncpg.Record, person: asyncpg.Record) -> None:
    """Use an invitation up for somebody who has an account already."""
    await store.use(conn, invitation["invitation"])
    await give_roles(conn, invitation, person["person"], person["key"])


async def give_roles(conn: asyncpg.Connection, invitation: asyncpg.Record, person: UUID, key: str) -> None:
    """Give somebody the roles of an invitation, in the name of who made it."""
    organisation, by = invitation["organisation"], invitation["made_by"]
    for role in invitation["roles"]:
        if await people.give(conn, person, organisation, role, by):
            await audit.write(conn, "role_given", person=key, by=by, organisation=organisation, role=role)
    await audit.write(conn, "invitation_accepted", person=key, by=key, organisation=organisation)


async def first_link(conn: asyncpg.Connection, side: Side) -> str | None:
    """Return the token of the first administrator's invitation; None once anybody has an account.

    Asked again, it makes a new link, and the one before opens nothing any more.
    """
    if await people.anybody(conn):
        return None
    slug, name, kind, tenant = _FIRST[side]
    if await people.organisation(conn, slug) is None:
        await people.put_organisation(
            conn, slug, name=name, kind=kind.value, kreise=(), tenant=tenant, publisher=None, founding=True
        )
    await store.withdraw_all_by(conn, slug, COMMAND)
    return await invite(conn, slug, roles=[Role.ADMINISTRATOR], name=FIRST, email=None, by=COMMAND)
