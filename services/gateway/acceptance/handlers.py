"""Accepts events: commits each to the outbox once, whatever the publisher repeats."""

from collections.abc import Mapping, Sequence

import asyncpg

from schemas.identity import event_uuid
from schemas.topics import Family, topic
from services.gateway.acceptance import store
from services.gateway.acceptance.domain import Checked, Ready, Refused, reused
from services.gateway.publishers.domain import Publisher
from services.runtime.base.identity_key import IdentityKey
from services.runtime.send.outbox import Outgoing, put


async def accept(
    conn: asyncpg.Connection,
    publisher: Publisher,
    checked: Sequence[Checked],
    *,
    prefix: str,
    key: IdentityKey,
) -> list[Checked]:
    """Accept the events that are ready, in the caller's transaction; answer only after its commit.

    An event accepted before is accepted again without effect. An id used for other content is refused.
    """
    firsts: dict[tuple[Family, str], Ready] = {}
    for item in checked:
        if isinstance(item, Ready):
            firsts.setdefault((item.family, item.id), item)
    if not firsts:
        return list(checked)
    new = await store.insert(conn, publisher.slug, [firsts[name] for name in sorted(firsts)], key)
    old = [firsts[name] for name in sorted(firsts) if name not in new]
    hashes = {name: key.of_event(item.hash) for name, item in firsts.items()}
    hashes |= await store.hashes(conn, publisher.slug, old, key)
    sent = [item for name, item in firsts.items() if name in new]
    await put(conn, [_outgoing(publisher, item, prefix) for item in sent])
    await store.count(conn, sent)
    return [_unless_reused(item, hashes, key) for item in checked]


def _outgoing(publisher: Publisher, item: Ready, prefix: str) -> Outgoing:
    return Outgoing(
        id=event_uuid(publisher.slug, item.family, item.id),
        topic=topic(item.family, publisher.slug, prefix=prefix),
        key=item.event.data.subject_key(publisher.slug),
        event=item.event,
        data=item.data,
    )


async def known_otherwise(
    conn: asyncpg.Connection, publisher: Publisher, item: Ready, key: IdentityKey
) -> Refused | None:
    """Refuse an event whose id was used for other content; None if it was not."""
    checked = _unless_reused(item, await store.hashes(conn, publisher.slug, [item], key), key)
    return checked if isinstance(checked, Refused) else None


def _unless_reused(item: Checked, hashes: Mapping[tuple[Family, str], bytes], key: IdentityKey) -> Checked:
    if isinstance(item, Ready):
        own = key.of_event(item.hash)
        return item if hashes.get((item.family, item.id), own) == own else reused(item)
    return item
