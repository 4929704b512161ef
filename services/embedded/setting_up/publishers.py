"""Registers providers and offices for a Kreis; one that is registered keeps what it has."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from schemas.codes import PublisherKind
from services.embedded.setting_up.wishes import Named, WishError, Wishes
from services.gateway.publishers import handlers, store
from services.gateway.publishers.domain import Publisher, Registration
from services.gateway.publishers.handlers import Registered
from services.runtime.kafka.administration import KafkaAdmin

_HEARD_WITHIN = 10.0
_PAUSE = 0.2


@dataclass(frozen=True, slots=True)
class _Asked:
    named: Named
    kind: PublisherKind


def _asked(wanted: Wishes) -> Iterator[_Asked]:
    for one in wanted.providers:
        yield _Asked(one, PublisherKind.PROVIDER)
    for one in wanted.offices:
        yield _Asked(one, PublisherKind.OFFICE)


async def register(
    conn: asyncpg.Connection, admin: KafkaAdmin, wanted: Wishes, *, prefix: str, now: datetime
) -> Sequence[Registered]:
    """Register who is not registered for the Kreis yet.

    Raises:
        WishError: a publisher of this slug is something else.
    """
    known = await store.publishers(conn, [one.named.slug for one in _asked(wanted)])
    new = [
        registration
        for one in _asked(wanted)
        if (registration := _registration(one, known.get(one.named.slug), wanted.kreis)) is not None
    ]
    return await handlers.register(conn, admin, new, prefix=prefix, now=now) if new else ()


def _registration(asked: _Asked, known: Publisher | None, kreis: str) -> Registration | None:
    slug = asked.named.slug
    if known is None:
        return Registration(slug, asked.named.name, (asked.kind.value,), (kreis,), asked.named.authority)
    if asked.kind not in known.kinds or not known.active:
        state = ", ".join(sorted(known.kinds)) + ("" if known.active else ", inactive")
        raise WishError(f"{slug} is registered already ({state}). Choose another slug.")
    if known.authority != asked.named.authority and asked.kind is PublisherKind.OFFICE:
        obliges = "an authority" if known.authority else "no authority"
        raise WishError(f"{slug} is registered as {obliges}. Change that with `kurslotse publisher add`.")
    if kreis in known.kreise:
        return None
    return Registration(
        slug=slug,
        name=known.name,
        kinds=tuple(sorted(known.kinds)),
        kreise=(*known.kreise, kreis),
        authority=known.authority,
        organisation=known.organisation,
        supplier_ids=known.supplier_ids,
        event_types=tuple(sorted(known.event_types)),
    )


async def heard(conns: Sequence[asyncpg.Connection], wanted: Wishes) -> bool:
    """Wait until the services have heard of everybody; False: they do not run, or have much to read."""
    slugs = [one.named.slug for one in _asked(wanted)]
    deadline = asyncio.get_running_loop().time() + _HEARD_WITHIN
    while True:
        missing = [
            await conn.fetchval(
                "SELECT count(*) FROM unnest($1::text[]) AS slug WHERE NOT EXISTS"
                " (SELECT FROM runtime.publisher AS p WHERE p.slug = slug.slug AND $2 = ANY (p.kreise))",
                slugs,
                wanted.kreis,
            )
            for conn in conns
        ]
        if not any(missing):
            return True
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(_PAUSE)
