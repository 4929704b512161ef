"""Reads what the gateway announced about publishers, and whether what an event refers to was read."""

from collections.abc import Collection, Sequence
from uuid import UUID

from schemas.identity import event_uuid
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Incoming, Problem


def still_to_come(field: str) -> Problem:
    """Return the finding about something that is told to have happened on a day that is still to come."""
    return Problem("day_in_future", field=field)


async def organisations(conn: Connection, publishers: Collection[str]) -> dict[str, str]:
    """Return slug -> organisation of the publishers that are known."""
    rows = await conn.fetch(
        "SELECT slug, organisation FROM runtime.publisher WHERE slug = ANY($1::text[])", list(publishers)
    )
    return {row["slug"]: row["organisation"] for row in rows}


async def authorities(conn: Connection, publishers: Collection[str]) -> dict[str, bool]:
    """Return slug -> whether the publisher is an authority, for the publishers that are known."""
    rows = await conn.fetch(
        "SELECT slug, authority FROM runtime.publisher WHERE slug = ANY($1::text[])", list(publishers)
    )
    return {row["slug"]: row["authority"] for row in rows}


def meant(event: Incoming) -> UUID | None:
    """Return the event that this one corrects or retracts, of the same publisher."""
    named = event.event.corrects or event.event.retracts
    return None if named is None else event_uuid(event.publisher or "", event.family, named)


def never_read(event: Incoming) -> Problem:
    """Return the finding about an event that refers to one that was not read before it."""
    return Problem("event_never_read", field="ce_corrects" if event.event.corrects else "ce_retracts")


async def not_read_before(conn: Connection, events: Sequence[Incoming]) -> frozenset[UUID]:
    """Return the causes of those events that refer to one that was not read before them."""
    references = {event.cause: named for event in events if (named := meant(event)) is not None}
    if not references:
        return frozenset()
    rows = await conn.fetch(
        "SELECT identity FROM runtime.inbox WHERE reader = 'support' AND identity = ANY($1::uuid[])",
        list(references.values()),
    )
    read = {row["identity"] for row in rows} - {event.cause for event in events}
    unread: set[UUID] = set()
    for event in events:
        if event.cause in references and references[event.cause] not in read:
            unread.add(event.cause)
        read.add(event.cause)
    return frozenset(unread)
