"""Registers publishers: topics, Kafka user and access, then record, API key and announcement."""

import asyncio
import dataclasses
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from schemas.codes import PublisherKind
from schemas.envelope import Event
from schemas.gateway import PublisherAnnounced
from schemas.identity import NAMESPACE, effect_id
from schemas.topics import Family, topic, types_for
from services.gateway.publishers import store
from services.gateway.publishers.domain import (
    KEY_SCOPES,
    Publisher,
    Registration,
    RegistrationError,
    check_registration,
    mint_key,
)
from services.runtime.kafka.administration import KafkaAdmin, ensure_publisher_access, publisher_user
from services.runtime.send.outbox import Outgoing, put

KEY_DAYS = 730


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered publisher; secrets only if they were made just now."""

    slug: str
    version: int
    created: bool
    enforced: bool
    """Whether the broker controls access."""
    key: str | None = field(repr=False, default=None)
    kafka_user: str | None = None
    kafka_password: str | None = field(repr=False, default=None)


async def register(
    conn: asyncpg.Connection,
    admin: KafkaAdmin,
    asked: Sequence[Registration],
    *,
    prefix: str,
    now: datetime,
) -> list[Registered]:
    """Register publishers; the same again changes nothing and shows no secret again.

    Topics and access come first, so that an announced publisher can send.

    Raises:
        RegistrationError: one of them cannot be registered like this.
    """
    wanted = [wanted_by(registration) for registration in asked]
    slugs = [publisher.slug for publisher in wanted]
    known = await store.publishers(conn, slugs)
    new = [slug for slug in slugs if slug not in known or not known[slug].active]
    passwords = {slug: secrets.token_urlsafe(24) for slug in new}
    walls = await asyncio.gather(
        *(
            asyncio.to_thread(ensure_publisher_access, admin, slug, passwords.get(slug), prefix=prefix)
            for slug in slugs
        )
    )
    done = []
    async with conn.transaction():
        await store.lock_registry(conn)
        known = await store.publishers(conn, slugs)
        keys = await store.open_keys(conn)
        for publisher, wall in zip(wanted, walls, strict=True):
            before = known.get(publisher.slug)
            now_is = await write_and_announce(conn, publisher, before, prefix, now)
            key = None if keys.get(publisher.slug) else await _new_key(conn, now_is)
            password = passwords.get(publisher.slug) if wall.enforced else None
            done.append(
                Registered(
                    slug=now_is.slug,
                    version=now_is.version,
                    created=before is None,
                    enforced=wall.enforced,
                    key=key,
                    kafka_user=publisher_user(now_is.slug, prefix) if wall.enforced else None,
                    kafka_password=password,
                )
            )
    return done


async def _new_key(conn: asyncpg.Connection, publisher: Publisher) -> str:
    made = mint_key()
    await store.add_key(conn, publisher, made, KEY_SCOPES, KEY_DAYS)
    return made.text


def wanted_by(asked: Registration) -> Publisher:
    """Return the publisher that is asked for.

    Raises:
        RegistrationError: there can be none like this.
    """
    known_kinds = frozenset(PublisherKind(kind) for kind in asked.kinds if kind in set(PublisherKind))
    allowed = types_for(known_kinds)
    check_registration(asked, allowed)
    publisher = Publisher(
        slug=asked.slug,
        name=asked.name,
        kinds=frozenset(asked.kinds),
        organisation=asked.organisation or asked.slug,
        authority=asked.authority,
        kreise=tuple(dict.fromkeys(asked.kreise)),
        event_types=frozenset(asked.event_types or allowed),
        supplier_ids=tuple(dict.fromkeys(asked.supplier_ids)),
    )
    _announcement(publisher)  # raises before anything is made for it
    return publisher


async def write_and_announce(
    conn: asyncpg.Connection, publisher: Publisher, before: Publisher | None, prefix: str, now: datetime
) -> Publisher:
    """Write and announce a publisher if anything about it is new."""
    if before is not None and dataclasses.replace(publisher, version=before.version) == before:
        return before
    now_is = dataclasses.replace(publisher, version=before.version + 1 if before is not None else 1)
    announced = _announcement(now_is)
    await store.write_publisher(conn, now_is)
    id_ = effect_id(NAMESPACE, "publisher-announced", f"{now_is.slug}/{now_is.version}")
    event = Event(id=str(id_), type=PublisherAnnounced.type_, source="/gateway", time=now, data=announced)
    await put(conn, [Outgoing(id_, topic(Family.PUBLISHERS, prefix=prefix), now_is.slug, event)])
    return now_is


def _announcement(publisher: Publisher) -> PublisherAnnounced:
    try:
        return PublisherAnnounced(
            slug=publisher.slug,
            name=publisher.name,
            kinds=tuple(sorted(publisher.kinds)),
            organisation=publisher.organisation,
            authority=publisher.authority,
            kreise=publisher.kreise,
            event_types=tuple(sorted(publisher.event_types)),
            supplier_ids=publisher.supplier_ids,
            active=publisher.active,
            version=publisher.version,
        )
    except ValueError as error:
        raise RegistrationError(
            f"{publisher.slug!r}: slug and organisation are lower case letters, digits and hyphens (at most"
            " 48), the name at most 255 characters"
        ) from error
