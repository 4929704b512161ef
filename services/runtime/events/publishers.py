"""Keeps the publishers that the gateway announces, and what each may send."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from schemas.envelope import Problem
from schemas.gateway import PublisherAnnounced
from schemas.topics import PUBLISHERS_FAMILIES, Family, may_send, topic
from services.runtime.events.subscription import Applied, Incoming, Parked, Rejected, Subscription, Verdict

READER = "publishers"


@dataclass(frozen=True, slots=True)
class Permission:
    """The event types a publisher may send, if it is active."""

    active: bool
    event_types: AbstractSet[str]


def waits_for_publisher(slug: str) -> str:
    """Return the key that events of an unknown publisher wait for."""
    return f"publisher:{slug}"


def objection(event: Incoming, known: Mapping[str, Permission]) -> Rejected | Parked | None:
    """Return why this publisher may not send this event, or None."""
    if event.publisher is None or event.family not in PUBLISHERS_FAMILIES:
        return None
    permission = known.get(event.publisher)
    if permission is None:
        return Parked(waits_for_publisher(event.publisher), Problem("publisher_unknown"))
    if not permission.active:
        return Rejected(Problem("publisher_inactive"))
    if not may_send(event.event.type, permission.event_types):
        return Rejected(Problem("not_allowed", field="ce_type"))
    return None


async def permissions(conn: asyncpg.Connection, slugs: AbstractSet[str]) -> dict[str, Permission]:
    """Return what these publishers may send, by slug; unknown ones are missing."""
    rows = await conn.fetch(
        "SELECT slug, active, event_types FROM runtime.publisher WHERE slug = ANY($1::text[])", list(slugs)
    )
    return {row["slug"]: Permission(row["active"], frozenset(row["event_types"])) for row in rows}


async def announced(
    conn: asyncpg.Connection,
    batch: Sequence[Incoming],
    now: datetime,  # noqa: ARG001 - who may speak does not depend on the time
) -> Sequence[Verdict]:
    """Keep the latest version of each announced publisher."""
    latest: dict[str, PublisherAnnounced] = {}
    verdicts: list[Verdict] = []
    for incoming in batch:
        data = incoming.event.data
        if not isinstance(data, PublisherAnnounced):
            verdicts.append(Rejected(Problem("type_unknown", field="ce_type")))
            continue
        if data.slug not in latest or latest[data.slug].version < data.version:
            latest[data.slug] = data
        verdicts.append(Applied(unlocks=(waits_for_publisher(data.slug),)))
    for slug in sorted(latest):
        await _store(conn, latest[slug])
    return verdicts


async def _store(conn: asyncpg.Connection, data: PublisherAnnounced) -> None:
    await conn.execute(
        "INSERT INTO runtime.publisher (slug, name, kinds, organisation, authority, kreise, event_types,"
        " supplier_ids, active, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT (slug) DO UPDATE SET name = excluded.name, kinds = excluded.kinds,"
        " organisation = excluded.organisation, authority = excluded.authority, kreise = excluded.kreise,"
        " event_types = excluded.event_types, supplier_ids = excluded.supplier_ids,"
        " active = excluded.active, version = excluded.version"
        " WHERE runtime.publisher.version < excluded.version",
        data.slug,
        data.name,
        list(data.kinds),
        data.organisation,
        data.authority,
        list(data.kreise),
        list(data.event_types),
        list(data.supplier_ids),
        data.active,
        data.version,
    )


def subscription(prefix: str) -> Subscription:
    """Return the subscription that every service has."""
    return Subscription(
        name=READER, topics=(topic(Family.PUBLISHERS, prefix=prefix),), handler=announced, judge=True
    )
