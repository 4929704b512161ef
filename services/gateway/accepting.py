"""Takes events at a door: checks form and right to speak, and commits them to the outbox once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from schemas.envelope import EVENT_ID, Decoded, Event, Problem, decode_attributes, unknown_codes
from schemas.identity import event_uuid, identity_hash
from schemas.topics import EVENT_TYPES, Family, topic
from services.gateway.publishers.domain import Publisher
from services.runtime.send.outbox import Outgoing, put

_TAKEN = ("specversion", "id", "type", "time", "corrects", "retracts")
_TRACES = ("correlationid", "causationid")
_TRACE = re.compile(r"^(?=.*[0-9])[A-Za-z0-9._:/-]{1,64}$")


@dataclass(frozen=True, slots=True)
class Ready:
    """An event that may go on its topic."""

    event: Event
    family: Family
    data: bytes
    hash: bytes
    warnings: tuple[Problem, ...] = ()

    @property
    def id(self) -> str:
        """The CloudEvents id."""
        return self.event.id


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that stays outside."""

    id: str | None
    status: int
    problems: tuple[Problem, ...]
    type: str | None = None
    family: Family | None = None


Checked = Ready | Refused

_STATUS = {
    "json_malformed": 400,
    "data_too_large": 413,
    "not_allowed": 403,
    "id_reused": 409,
    "attribute_missing": 400,
    "attribute_malformed": 400,
    "specversion_unknown": 400,
    "id_malformed": 400,
    "time_malformed": 400,
    "corrects_and_retracts": 400,
    "header_not_utf8": 400,
    "header_malformed": 400,
    "data_missing": 400,
}


def status_of(problems: Sequence[Problem]) -> int:
    """Choose the HTTP status for what is wrong with one event."""
    return _STATUS.get(problems[0].code, 422)


def check(
    publisher: Publisher,
    families: frozenset[str],
    attributes: Mapping[str, str],
    raw: bytes | None,
    now: datetime,
) -> Checked:
    """Read one event as its publisher sent it; who speaks is who knocked, never what `source` says."""
    id_, type_ = attributes.get("id"), attributes.get("type")
    if id_ is not None and not EVENT_ID.match(id_):
        id_ = None  # no id, and so nothing that is kept or told
    kept = {name: attributes[name] for name in _TAKEN if name in attributes}
    kept |= {"source": f"/{publisher.slug}"}
    kept.setdefault("time", now.isoformat())
    traces, dropped = _traces(attributes)
    decoded = decode_attributes(kept | traces, raw)
    known = EVENT_TYPES.get(type_ or "")
    family = known.family if known is not None else None
    if known is not None and (type_ not in publisher.event_types or known.family not in families):
        problem = Problem("not_allowed", field="ce_type")
        return Refused(id_, status_of([problem]), (problem,), type_)
    if not isinstance(decoded, Decoded):
        return Refused(id_, status_of(decoded), tuple(decoded), type_ if known else None, family)
    return ready(decoded, dropped)


def ready(decoded: Decoded, further: tuple[Problem, ...] = ()) -> Ready:
    """Make a decoded event ready; its hash is over the data as it goes on the topic."""
    event = decoded.event
    # Written anew: whitespace and keys given twice could carry what no field has room for.
    content = orjson.loads(decoded.raw)
    return Ready(
        event=event,
        family=EVENT_TYPES[event.type].family,
        data=orjson.dumps(content),
        hash=identity_hash(event.type, content, event.corrects, event.retracts),
        warnings=(*decoded.warnings, *further, *unknown_codes(event.data)),
    )


def _traces(attributes: Mapping[str, str]) -> tuple[dict[str, str], tuple[Problem, ...]]:
    given = {name: attributes[name] for name in _TRACES if attributes.get(name)}
    good = {name: value for name, value in given.items() if _TRACE.match(value)}
    return good, tuple(Problem("attribute_dropped", field=f"ce_{name}") for name in given if name not in good)


async def accept(
    conn: asyncpg.Connection, publisher: Publisher, checked: Sequence[Checked], *, prefix: str
) -> list[Checked]:
    """Take the good ones in the caller's transaction: what was taken before is taken again without effect.

    An id used for other content is refused. The caller answers after the commit.
    """
    readies = [item for item in checked if isinstance(item, Ready)]
    if not readies:
        return list(checked)
    firsts: dict[tuple[Family, str], Ready] = {}
    for item in readies:
        firsts.setdefault((item.family, item.id), item)
    ordered = [firsts[key] for key in sorted(firsts)]
    new = await _insert(conn, publisher.slug, ordered)
    old = [item for item in ordered if (item.family, item.id) not in new]
    hashes = {key: item.hash for key, item in firsts.items()}
    hashes |= await _hashes(conn, publisher.slug, old)
    sent = [
        item for item in readies if (item.family, item.id) in new and firsts[item.family, item.id] is item
    ]
    await put(conn, [_outgoing(publisher, item, prefix) for item in sent])
    await _count(conn, sent)
    return [
        _reused(item) if isinstance(item, Ready) and hashes[item.family, item.id] != item.hash else item
        for item in checked
    ]


def _reused(item: Ready) -> Refused:
    problem = Problem("id_reused", field="ce_id")
    return Refused(item.id, status_of([problem]), (problem,), item.event.type, item.family)


def _outgoing(publisher: Publisher, item: Ready, prefix: str) -> Outgoing:
    return Outgoing(
        id=identity(publisher.slug, item),
        topic=topic(item.family, publisher.slug, prefix=prefix),
        key=item.event.data.subject_key(publisher.slug),
        event=item.event,
        data=item.data,
    )


def identity(slug: str, item: Ready) -> UUID:
    """Name the event: publisher, family, id."""
    return event_uuid(slug, item.family, item.id)


async def _insert(
    conn: asyncpg.Connection, slug: str, items: Sequence[Ready]
) -> frozenset[tuple[Family, str]]:
    rows = await conn.fetch(
        """
        INSERT INTO accepted (publisher, family, event_id, hash)
        SELECT $1, family, event_id, hash
        FROM unnest($2::text[], $3::text[], $4::bytea[]) AS new (family, event_id, hash)
        ORDER BY family, event_id
        ON CONFLICT DO NOTHING RETURNING family, event_id
        """,
        slug,
        [item.family.value for item in items],
        [item.id for item in items],
        [item.hash for item in items],
    )
    return frozenset((Family(row["family"]), row["event_id"]) for row in rows)


async def _hashes(
    conn: asyncpg.Connection, slug: str, items: Sequence[Ready]
) -> dict[tuple[Family, str], bytes]:
    if not items:
        return {}
    rows = await conn.fetch(
        """
        SELECT family, event_id, hash FROM accepted
        WHERE publisher = $1 AND (family, event_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))
        """,
        slug,
        [item.family.value for item in items],
        [item.id for item in items],
    )
    return {(Family(row["family"]), row["event_id"]): row["hash"] for row in rows}


async def known_otherwise(conn: asyncpg.Connection, publisher: Publisher, item: Ready) -> Refused | None:
    """Say whether the id was already used for other content, before anything is done for it."""
    known = await _hashes(conn, publisher.slug, [item])
    return _reused(item) if known.get((item.family, item.id), item.hash) != item.hash else None


async def _count(conn: asyncpg.Connection, items: Sequence[Ready]) -> None:
    if not items:
        return
    await conn.execute(
        """
        INSERT INTO accepted_count (type, n)
        SELECT type, count(*) FROM unnest($1::text[]) AS new (type) GROUP BY type ORDER BY type
        """,
        [item.event.type for item in items],
    )


def own_event(
    publisher: Publisher, type_: str, id_: str, data: Mapping[str, object], now: datetime
) -> Checked:
    """Check an event that a file became, exactly as if it had been sent."""
    attributes = {"specversion": "1.0", "id": id_, "type": type_, "time": now.isoformat()}
    families = frozenset({Family.IN.value, Family.SUPPORT.value})
    return check(publisher, families, attributes, orjson.dumps(data), now)
