"""Registers, changes and ends publishers for the pages of the Kreis: without any right over Kafka users."""

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import datetime

import asyncpg

from services.gateway.publishers import store
from services.gateway.publishers.credentials import end_at_the_doors
from services.gateway.publishers.domain import KEY_SCOPES, NewKey, Publisher, Registration, mint_key
from services.gateway.publishers.handlers import KEY_DAYS, wanted_by, write_and_announce
from services.runtime.data.db import Pool, acquire, transaction

MOST_KEYS = 20
"""Usable keys that a publisher may have at a time."""


class NotChangedError(Exception):
    """Nothing was changed; `status` (HTTP) and `code` say why."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


async def put_publisher(
    pool: Pool,
    asked: Registration,
    *,
    version: int,
    make_topics: Callable[[str], None],
    prefix: str,
    now: datetime,
) -> Publisher:
    """Register a publisher, or change the one that has been read as `version` (0: there was none).

    What pages do not ask for stays: its organisation, and which events it may send. An inactive one is
    active again. `make_topics` gets the slug, in a thread; topics come first, so that whoever is announced
    can send.

    Raises:
        NotChangedError: somebody else has changed it, or it does other work.
        RegistrationError: there can be none like this.
        TopicsNotMadeError: the broker has not made its topics.
    """
    wanted = wanted_by(asked)
    async with acquire(pool) as conn:
        _kept((await store.publishers(conn, [asked.slug])).get(asked.slug), wanted, version)
    await asyncio.to_thread(make_topics, asked.slug)
    async with transaction(pool) as conn:
        await store.lock_registry(conn)
        before = (await store.publishers(conn, [asked.slug])).get(asked.slug)
        if before is None and await store.is_organisation(conn, asked.slug):
            raise NotChangedError(409, "publisher_name_taken")  # its rows would be those of somebody else
        return await write_and_announce(conn, _kept(before, wanted, version), before, prefix, now)


def _kept(before: Publisher | None, wanted: Publisher, version: int) -> Publisher:
    """Return what a publisher becomes, with everything that pages do not ask for."""
    if (0 if before is None else before.version) != version:
        raise NotChangedError(409, "publisher_changed")
    if before is None:
        return wanted
    if before.kinds != wanted.kinds:
        raise NotChangedError(409, "publisher_kinds_differ")
    return dataclasses.replace(
        wanted, organisation=before.organisation, event_types=before.event_types, version=before.version
    )


async def deactivate(
    conn: asyncpg.Connection, slug: str, *, version: int, prefix: str, now: datetime
) -> Publisher:
    """End a publisher as far as the doors can; one that is inactive stays as it is.

    Raises:
        NotChangedError: there is none, or somebody else has changed it.
    """
    await store.lock_registry(conn)
    before = await _known(conn, slug)
    if before.version != version:
        raise NotChangedError(409, "publisher_changed")
    return await end_at_the_doors(conn, before, prefix, now)


async def make_key(conn: asyncpg.Connection, slug: str) -> NewKey:
    """Make a key of an active publisher for every door; its text is kept nowhere.

    Raises:
        NotChangedError: there is no such publisher, it is not active, or it has too many keys.
    """
    await store.lock_registry(conn)
    publisher = await _known(conn, slug)
    if not publisher.active:
        raise NotChangedError(409, "publisher_inactive")
    if (await store.open_keys(conn)).get(slug, 0) >= MOST_KEYS:
        raise NotChangedError(409, "keys_many")
    key = mint_key()
    await store.add_key(conn, publisher, key, KEY_SCOPES, KEY_DAYS)
    return key


async def revoke_key(conn: asyncpg.Connection, slug: str, prefix: str) -> None:
    """Revoke a key, at once.

    Raises:
        NotChangedError: the publisher has no such key that is open.
    """
    if not await store.revoke_key(conn, slug, prefix):
        raise NotChangedError(404, "key_not_there")


async def keys_of(conn: asyncpg.Connection, slug: str) -> list[asyncpg.Record]:
    """List a publisher's keys, without texts and hashes.

    Raises:
        NotChangedError: there is no such publisher.
    """
    await _known(conn, slug)
    return await store.keys_of(conn, slug)


async def _known(conn: asyncpg.Connection, slug: str) -> Publisher:
    found = (await store.publishers(conn, [slug])).get(slug)
    if found is None:
        raise NotChangedError(404, "publisher_unknown")
    return found
