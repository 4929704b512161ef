"""Finds out who calls: a publisher with its own key, or one of our services that speaks for a publisher."""

import asyncpg

from services.gateway.publishers import store
from services.gateway.publishers.domain import (
    KEY_SCOPES,
    Caller,
    KeyRejected,
    prefix_of,
    same_key,
)

_FAMILIES = frozenset({"in", "support"})
ADMINISTERS = "allocation"
"""The service that may register publishers and make their keys: the steering side's."""


async def caller_of(
    conn: asyncpg.Connection, authorization: str | None, speaks_for: str | None, scope: str
) -> Caller | KeyRejected:
    """Return who calls, or why the key does not allow it.

    `speaks_for` is the publisher that one of our services names in a header.
    """
    kind, _, text = (authorization or "").partition(" ")
    if kind.lower() != "bearer" or not text.strip():
        return KeyRejected(401, "key_missing")
    key = text.strip()
    prefix = prefix_of(key)
    if prefix is not None:
        return await _publisher_key(conn, key, prefix, speaks_for, scope)
    return await _service_key(conn, key, speaks_for)


async def administrator_of(conn: asyncpg.Connection, authorization: str | None) -> str | KeyRejected:
    """Return our service that may administer publishers, or why the key is not its."""
    kind, _, text = (authorization or "").partition(" ")
    key = text.strip()
    if kind.lower() != "bearer" or not key:
        return KeyRejected(401, "key_missing")
    prefix = prefix_of(key)
    if prefix is not None:
        caller = await _publisher_key(conn, key, prefix, None, "")
        unknown = isinstance(caller, KeyRejected) and caller.code == "key_unknown"
        return KeyRejected(401, "key_unknown") if unknown else KeyRejected(403, "administration_closed")
    service = next((one.service for one in await store.service_keys(conn) if same_key(key, one.hash)), None)
    if service is None:
        return KeyRejected(401, "key_unknown")
    return service if service == ADMINISTERS else KeyRejected(403, "administration_closed")


async def _service_key(conn: asyncpg.Connection, key: str, speaks_for: str | None) -> Caller | KeyRejected:
    matching = [known for known in await store.service_keys(conn) if same_key(key, known.hash)]
    if not matching:
        return KeyRejected(401, "key_unknown")
    if speaks_for is None:
        return KeyRejected(400, "publisher_missing")
    publisher = (await store.publishers(conn, [speaks_for])).get(speaks_for)
    if publisher is None:
        return KeyRejected(404, "publisher_unknown")
    if not publisher.active:
        return KeyRejected(403, "publisher_inactive")
    return Caller(publisher, frozenset(KEY_SCOPES), matching[0].families, matching[0].service)


async def _publisher_key(
    conn: asyncpg.Connection, key: str, prefix: str, speaks_for: str | None, scope: str
) -> Caller | KeyRejected:
    found = await store.find_key(conn, prefix)
    if found is None:
        return KeyRejected(401, "key_unknown")
    stored, publisher = found
    if not same_key(key, stored.hash) or not stored.usable:
        return KeyRejected(401, "key_unknown")
    if speaks_for is not None and speaks_for != publisher.slug:
        return KeyRejected(403, "publisher_not_yours")
    if scope not in stored.scopes:
        return KeyRejected(403, "scope_missing")
    if not publisher.active:
        return KeyRejected(403, "publisher_inactive")
    return Caller(publisher, stored.scopes, _FAMILIES, stored.prefix)
