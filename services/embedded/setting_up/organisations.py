"""Describes the organisations of both sides; what is there already stays as it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from services.accounts.domain import Kind, Side
from services.accounts.invitations import handlers as invitations
from services.accounts.people import store
from services.embedded.setting_up.wishes import Named, WishError, Wishes

_FIRST = {Side.STEERING: "kreis", Side.SUPPORT: "registering-office"}


@dataclass(frozen=True, slots=True)
class Described:
    """What a side has now: the organisation of its first people, and a link if nobody is there yet."""

    first: str
    """Slug."""
    token: str | None
    """Of the first administrator's invitation."""
    made: Sequence[str]
    """Slugs of organisations that are new or described now."""


async def describe(conn: asyncpg.Connection, side: Side, wanted: Wishes) -> Described:
    """Describe the organisations of one side, in the caller's transaction.

    Raises:
        WishError: an organisation is described otherwise already.
    """
    token = await invitations.first_link(conn, side)  # makes the first organisation of an empty side
    made: list[str] = []
    if side is Side.STEERING:
        first = await _kreis(conn, wanted, made)
    else:
        first = await _offices(conn, wanted, made)
    for provider in wanted.providers:
        await _of_publisher(conn, Kind.PROVIDER, provider, wanted.kreis, made)
    return Described(first, token, made)


async def _kreis(conn: asyncpg.Connection, wanted: Wishes, made: list[str]) -> str:
    """Describe the organisation of the Kreis: the one that has it, the first one, or one more."""
    own = await _working_for(conn, Kind.KREIS, wanted.kreis)
    if own is not None:
        if own["name"] != wanted.name:
            raise WishError(
                f"The Kreis {wanted.kreis} is called {own['name']} here. Change that on the page"
                f" /organisation, or with `kurslotse account organisation {own['slug']}`."
            )
        return str(own["slug"])
    first = await store.organisation(conn, _FIRST[Side.STEERING])
    empty = first is not None and not first["kreise"]
    slug = _FIRST[Side.STEERING] if empty or first is None else f"kreis-{wanted.kreis}"
    await _put(conn, slug, Kind.KREIS, wanted.name, wanted.kreis, None, made)
    return slug


async def _offices(conn: asyncpg.Connection, wanted: Wishes, made: list[str]) -> str:
    """Describe the registering offices; the first organisation becomes the first one of them."""
    first = await store.organisation(conn, _FIRST[Side.SUPPORT])
    for office in wanted.offices:
        if first is not None and _speaks_for_nobody(first, wanted.kreis):
            if await _speaker(conn, office.slug) is None:
                name = first["name"] if first["kreise"] else office.name
                await _put(conn, first["slug"], Kind.REGISTERING_OFFICE, name, wanted.kreis, office, made)
                first = await store.organisation(conn, _FIRST[Side.SUPPORT])
        else:
            await _of_publisher(conn, Kind.REGISTERING_OFFICE, office, wanted.kreis, made)
    if first is not None and not first["kreise"]:
        # Only the first administrator is there: a publisher follows by page or by the next call.
        await conn.execute(
            "UPDATE accounts.organisation SET kreise = $2 WHERE slug = $1", first["slug"], [wanted.kreis]
        )
        made.append(first["slug"])
    own = await _working_for(conn, Kind.REGISTERING_OFFICE, wanted.kreis)
    return str(own["slug"]) if own is not None else _FIRST[Side.SUPPORT]


def _speaks_for_nobody(first: asyncpg.Record, kreis: str) -> bool:
    return first["publisher"] is None and list(first["kreise"]) in ([], [kreis])


async def _of_publisher(
    conn: asyncpg.Connection, kind: Kind, publisher: Named, kreis: str, made: list[str]
) -> None:
    """Make the organisation whose people speak for a publisher, unless one does."""
    if await _speaker(conn, publisher.slug) is None:
        await _put(conn, publisher.slug, kind, publisher.name, kreis, publisher, made)


async def _speaker(conn: asyncpg.Connection, publisher: str) -> str | None:
    """Return the organisation whose people speak for a publisher."""
    found: str | None = await conn.fetchval(
        "SELECT slug FROM accounts.organisation WHERE publisher = $1 ORDER BY made_at, slug LIMIT 1",
        publisher,
    )
    return found


async def _working_for(conn: asyncpg.Connection, kind: Kind, kreis: str) -> asyncpg.Record | None:
    """Return the first organisation of a kind that works for a Kreis."""
    return await conn.fetchrow(
        "SELECT slug, name FROM accounts.organisation WHERE kind = $1 AND $2 = ANY (kreise)"
        " ORDER BY made_at, slug LIMIT 1",
        kind.value,
        kreis,
    )


async def _put(  # noqa: PLR0917 -- what an organisation is made of
    conn: asyncpg.Connection,
    slug: str,
    kind: Kind,
    name: str,
    kreis: str,
    publisher: Named | None,
    made: list[str],
) -> None:
    known = await store.organisation(conn, slug)
    if known is not None and known["kind"] != kind.value:
        raise WishError(f"{slug} is a {known['kind']} here and stays one. Choose another slug.")
    speaks_for = None if publisher is None else publisher.slug
    await store.put_organisation(
        conn,
        slug,
        name=name,
        kind=kind.value,
        kreise=(kreis,),
        tenant=speaks_for,
        publisher=speaks_for,
    )
    made.append(slug)
