"""Makes, rotates and ends the credentials of publishers and the keys of our services."""

import asyncio
import dataclasses
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import asyncpg

from services.gateway.publishers import store
from services.gateway.publishers.domain import KEY_SCOPES, Publisher, RegistrationError, hash_key, mint_key
from services.gateway.publishers.handlers import KEY_DAYS, write_and_announce
from services.runtime.kafka import plain_users
from services.runtime.kafka.administration import KafkaAdmin, ensure_publisher_access, publisher_user


@dataclass(frozen=True, slots=True)
class KafkaCredentials:
    """A publisher's Kafka user and its new password."""

    user: str
    password: str = field(repr=False)


async def new_key(
    conn: asyncpg.Connection,
    slug: str,
    *,
    scopes: Sequence[str] = KEY_SCOPES,
    days: int = KEY_DAYS,
    revoke_others: bool = False,
) -> str:
    """Make a further key of a publisher and return its text, which is stored nowhere.

    Raises:
        RegistrationError: there is no such publisher, or a scope is unknown.
    """
    for scope in scopes:
        if scope not in KEY_SCOPES:
            raise RegistrationError(f"--scope {scope} is unknown: use {', '.join(KEY_SCOPES)}")
    async with conn.transaction():
        publisher = await _active(conn, slug)
        if revoke_others:
            await store.revoke_keys(conn, slug)
        key = mint_key()
        await store.add_key(conn, publisher, key, scopes, days)
    return key.text


async def rotate_key(conn: asyncpg.Connection, slug: str, *, overlap_days: int) -> str:
    """Make a new key and return its text; the keys until now end after so many days.

    Raises:
        RegistrationError: there is no such publisher, or it is not active.
    """
    async with conn.transaction():
        publisher = await _active(conn, slug)
        await store.end_keys(conn, slug, overlap_days)
        key = mint_key()
        await store.add_key(conn, publisher, key, KEY_SCOPES, KEY_DAYS)
    return key.text


async def rotate_kafka(
    conn: asyncpg.Connection, admin: KafkaAdmin, slug: str, *, prefix: str
) -> KafkaCredentials:
    """Give a publisher's Kafka user a new password; the old one opens no further connection.

    Raises:
        RegistrationError: there is no such publisher, it is not active, or the broker has no users.
    """
    await _active(conn, slug)
    made = KafkaCredentials(publisher_user(slug, prefix), secrets.token_urlsafe(24))
    wall = await asyncio.to_thread(ensure_publisher_access, admin, slug, made.password, prefix=prefix)
    if not wall.enforced:
        raise RegistrationError("This broker has no users: no password was made.")
    return made


async def allow_plain(
    conn: asyncpg.Connection, slug: str, users: Path | None, *, prefix: str
) -> KafkaCredentials:
    """Give a publisher a password for SASL PLAIN as well, from the next start of the broker on.

    Raises:
        RegistrationError: it is not active, or the broker is not run by this home.
    """
    await _active(conn, slug)
    if users is None:
        raise RegistrationError(
            "--plain is for the broker that `kurslotse up` runs. Another broker takes PLAIN users from its"
            " own configuration: give it the user there, over TLS only."
        )
    made = KafkaCredentials(publisher_user(slug, prefix), secrets.token_urlsafe(24))
    await asyncio.to_thread(plain_users.set_user, users, made.user, made.password)
    return made


async def deactivate(
    conn: asyncpg.Connection,
    admin: KafkaAdmin,
    slug: str,
    *,
    prefix: str,
    now: datetime,
    plain: Path | None = None,
) -> Publisher:
    """Deactivate a publisher: keys are revoked, Kafka user and access deleted, its events rejected.

    The same again does again what a broker that was down has missed. Connections that are open stay open
    and may do nothing more.

    Raises:
        RegistrationError: there is no such publisher.
    """
    async with conn.transaction():
        await store.lock_registry(conn)
        now_is = await end_at_the_doors(conn, await _known(conn, slug), prefix, now)
    user = publisher_user(slug, prefix)
    await asyncio.to_thread(lambda: admin.remove(users=[user]))
    if plain is not None:
        await asyncio.to_thread(plain_users.set_user, plain, user, None)
    return now_is


async def end_at_the_doors(
    conn: asyncpg.Connection, publisher: Publisher, prefix: str, now: datetime
) -> Publisher:
    """Revoke a publisher's keys and announce it inactive, in the caller's transaction.

    Its Kafka user, if it has one, stays: what it writes is rejected, and nothing is sent to it.
    """
    await store.revoke_keys(conn, publisher.slug)
    after = dataclasses.replace(publisher, active=False)
    return await write_and_announce(conn, after, publisher, prefix, now)


async def put_service_key(conn: asyncpg.Connection, service: str, key: str) -> None:
    """Set the key with which one of our services speaks for publishers."""
    await store.put_service_key(conn, service, hash_key(key))


async def _known(conn: asyncpg.Connection, slug: str) -> Publisher:
    found = (await store.publishers(conn, [slug])).get(slug)
    if found is None:
        raise RegistrationError(f"there is no publisher {slug}: kurslotse publisher list shows them")
    return found


async def _active(conn: asyncpg.Connection, slug: str) -> Publisher:
    found = await _known(conn, slug)
    if not found.active:
        raise RegistrationError(f"{slug} is not active: kurslotse publisher add makes it active again")
    return found
