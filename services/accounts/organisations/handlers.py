"""Adds organisations, invites their first administrators, ends and resumes their work; audited twice.

Every act stands in the log of who did it and in that of the organisation itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from services.accounts import audit
from services.accounts.domain import Kind, Role
from services.accounts.invitations import handlers as invitations
from services.accounts.organisations import store
from services.accounts.people import store as people


@dataclass(frozen=True, slots=True)
class By:
    """Who acts: the person's key, and the organisation for which they act."""

    person: str
    organisation: str


async def note(conn: asyncpg.Connection, what: audit.What, by: By, about: str, **detail: str) -> None:
    """Write an act into the log of who did it and of the organisation or publisher that it is about."""
    for organisation in dict.fromkeys((by.organisation, about)):
        await audit.write(conn, what, by=by.person, organisation=organisation, about=about, **detail)


async def add(
    conn: asyncpg.Connection,
    slug: str,
    *,
    name: str,
    kind: Kind,
    kreise: Sequence[str],
    tenant: str,
    publisher: str | None,
    by: By,
) -> bool:
    """Add an organisation; return False if another has its short name, its rows or its publisher."""
    await store.lock(conn)
    if not await store.add(
        conn, slug, name=name, kind=kind.value, kreise=kreise, tenant=tenant, publisher=publisher
    ):
        return False
    await note(conn, "organisation_added", by, slug)
    return True


async def first_invitation(conn: asyncpg.Connection, slug: str, by: By) -> str | None:
    """Return the token of a link for the first administrator; None once anybody administers the organisation.

    Links made before open nothing any more.
    """
    await people.lock_organisation(conn, slug)
    found = await store.one(conn, slug)
    if found is None or found["administered"] or not found["active"]:
        return None
    await store.withdraw_links(conn, slug)
    token = await invitations.invite(
        conn, slug, roles=[Role.ADMINISTRATOR], name=invitations.FIRST, email=None, by=by.person
    )
    if by.organisation != slug:
        await audit.write(conn, "invited", by=by.person, organisation=by.organisation, about=slug)
    return token


async def set_active(conn: asyncpg.Connection, slug: str, *, active: bool, by: By) -> None:
    """Let an organisation's people work, or end it at once: sessions in its roles, links, sign-in."""
    if await store.set_active(conn, slug, active=active):
        await note(conn, "organisation_activated" if active else "organisation_deactivated", by, slug)


async def provider_of(
    conn: asyncpg.Connection, publisher: str, *, name: str, kreise: Sequence[str], by: By
) -> asyncpg.Record | None:
    """Return the provider's organisation on the steering side, made or extended to these Kreise.

    None: another organisation has its short name.
    """
    known = await store.of_publisher(conn, publisher)
    if known is None:
        tenant = publisher  # on this side rows are limited by Kreis and publisher
        if not await add(
            conn,
            publisher,
            name=name,
            kind=Kind.PROVIDER,
            kreise=kreise,
            tenant=tenant,
            publisher=publisher,
            by=by,
        ):
            return None
    elif not set(kreise) <= set(known["kreise"]):
        together = [*known["kreise"], *(one for one in kreise if one not in known["kreise"])]
        await store.set_kreise(conn, known["slug"], together)
        await note(conn, "organisation_joined", by, known["slug"])
    return await store.of_publisher(conn, publisher)


async def leave(
    conn: asyncpg.Connection, publisher: str, own: Sequence[str], rest: Sequence[str], by: By
) -> None:
    """Take a provider's organisation out of one's own Kreise; it goes on in those of `rest`.

    It is never left without a Kreis: whoever has none may say once which it is.
    """
    known = await store.of_publisher(conn, publisher)
    if known is None:
        await note(conn, "organisation_left", by, publisher)
        return
    left = [one for one in known["kreise"] if one not in own]
    await store.set_kreise(conn, known["slug"], left or rest)
    await note(conn, "organisation_left", by, known["slug"])


async def speak_for(conn: asyncpg.Connection, organisation: asyncpg.Record, publisher: str, by: By) -> bool:
    """Say once for which announced office the founding organisation speaks; return whether that is possible.

    The office works in all Kreise of the organisation, and no other organisation speaks for it.
    """
    await store.lock(conn)
    offered = await store.announced(conn, "office", all_of=organisation["kreise"])
    chosen = next((one for one in offered if one["slug"] == publisher), None)
    if chosen is None or not await store.speak_for(
        conn, organisation["slug"], publisher, chosen["organisation"]
    ):
        return False
    await note(conn, "publisher_chosen", by, organisation["slug"], publisher=publisher)
    return True
