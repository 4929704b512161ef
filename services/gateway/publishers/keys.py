"""Decides who knocks: a publisher with its own key, or one of our services speaking for a publisher."""

import asyncpg

from services.gateway.publishers import store
from services.gateway.publishers.domain import (
    KEY_SCOPES,
    Caller,
    Turned,
    prefix_of,
    same_key,
)

_FAMILIES = frozenset({"in", "support"})


async def caller_of(
    conn: asyncpg.Connection, authorization: str | None, speaks_for: str | None, scope: str
) -> Caller | Turned:
    """Say who calls, or why the door stays shut."""
    kind, _, text = (authorization or "").partition(" ")
    if kind.lower() != "bearer" or not text.strip():
        return Turned(401, "key_missing")
    key = text.strip()
    prefix = prefix_of(key)
    if prefix is not None:
        return await _publisher_key(conn, key, prefix, speaks_for, scope)
    return await _service_key(conn, key, speaks_for)


async def _service_key(conn: asyncpg.Connection, key: str, speaks_for: str | None) -> Caller | Turned:
    matching = [known for known in await store.service_keys(conn) if same_key(key, known.hash)]
    if not matching:
        return Turned(401, "key_unknown")
    if speaks_for is None:
        return Turned(400, "publisher_missing")
    publisher = (await store.publishers(conn, [speaks_for])).get(speaks_for)
    if publisher is None:
        return Turned(404, "publisher_unknown")
    if not publisher.active:
        return Turned(403, "publisher_inactive")
    return Caller(publisher, frozenset(KEY_SCOPES), matching[0].families, matching[0].service)


async def _publisher_key(
    conn: asyncpg.Connection, key: str, prefix: str, speaks_for: str | None, scope: str
) -> Caller | Turned:
    found = await store.find_key(conn, prefix)
    if found is None:
        return Turned(401, "key_unknown")
    stored, publisher = found
    if not same_key(key, stored.hash) or not stored.usable:
        return Turned(401, "key_unknown")
    if speaks_for is not None and speaks_for != publisher.slug:
        return Turned(403, "publisher_not_yours")
    if scope not in stored.scopes:
        return Turned(403, "scope_missing")
    if not publisher.active:
        return Turned(403, "publisher_inactive")
    return Caller(publisher, stored.scopes, _FAMILIES, stored.prefix)
