"""Stores findings and addressed events, and copies them to the publishers' topics `out`."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from schemas.codes import FindingKind
from schemas.envelope import Event, encode_data
from schemas.gateway import FindingRaised
from schemas.identity import addressed_id
from schemas.placements import EnrolmentConfirmed, ParticipantsMerged
from schemas.topics import Family, topic
from services.gateway.findings import store
from services.gateway.findings.store import Addressed, Finding
from services.gateway.publishers.domain import Publisher
from services.gateway.publishers.store import publishers
from services.runtime.events.subscription import Applied, Incoming, Verdict
from services.runtime.send.outbox import Outgoing, put

_FAMILY = {Family.FINDINGS_STEERING: "in", Family.FINDINGS_SUPPORT: "support"}


async def read_findings(
    conn: asyncpg.Connection,
    batch: Sequence[Incoming],
    now: datetime,  # noqa: ARG001 - the loop passes it to every handler
    *,
    prefix: str,
) -> Sequence[Verdict]:
    """Store findings and copy those of active publishers to `out`; of watermarks only the highest."""
    raised = [(item, item.event.data) for item in batch if isinstance(item.event.data, FindingRaised)]
    known = await publishers(conn, [data.publisher for _, data in raised])
    findings: list[tuple[Incoming, Finding]] = []
    marks: dict[tuple[str, str, int], tuple[Incoming, Finding]] = {}
    for item, data in raised:
        if data.publisher not in known:
            continue
        finding = _finding(item, data, known[data.publisher])
        place = (data.publisher, data.topic, data.partition)
        if data.kind != FindingKind.ACCEPTED:
            findings.append((item, finding))
        elif place not in marks or (marks[place][1].offset or 0) < data.offset:
            marks[place] = (item, finding)
    await store.add_findings(conn, [finding for _, finding in findings])
    await store.add_watermarks(conn, [mark for _, mark in marks.values()])
    copied = [pair for pair in (*findings, *marks.values()) if known[pair[1].publisher].active]
    await put(conn, [_copy(item, known[finding.publisher], prefix) for item, finding in copied])
    return [Applied()] * len(batch)


async def read_placements(
    conn: asyncpg.Connection,
    batch: Sequence[Incoming],
    now: datetime,  # noqa: ARG001 - the loop passes it to every handler
    *,
    prefix: str,
) -> Sequence[Verdict]:
    """Copy each event to the active publishers that allocation named in `ce_audience`."""
    await copy_to_audience(conn, batch, prefix=prefix)
    await _learn_numbers(conn, batch)
    return [Applied()] * len(batch)


async def copy_to_audience(conn: asyncpg.Connection, batch: Sequence[Incoming], *, prefix: str) -> None:
    """Store each event for the active publishers it is addressed to, and put it on their topics."""
    named = await publishers(conn, [slug for item in batch for slug in item.event.audience])
    known = {slug: publisher for slug, publisher in named.items() if publisher.active}
    copies = [(item, known[slug]) for item in batch for slug in item.event.audience if slug in known]
    await store.add_addressed(
        conn,
        [
            Addressed(
                id=_copy_id(item, publisher.slug),
                publisher=publisher.slug,
                organisation=publisher.organisation,
                event=_structured(_copied(item, publisher)),
            )
            for item, publisher in copies
        ],
    )
    await put(conn, [_copy(item, publisher, prefix) for item, publisher in copies])


async def _learn_numbers(conn: asyncpg.Connection, batch: Sequence[Incoming]) -> None:
    confirmed = [item.event.data for item in batch if isinstance(item.event.data, EnrolmentConfirmed)]
    known = await publishers(conn, [data.provider for data in confirmed])
    numbers = {
        (data.provider, data.own_number): (known[data.provider].organisation, data.participant)
        for data in confirmed
        if data.own_number is not None and data.provider in known
    }
    await store.keep_own_numbers(conn, [(*key, *owner) for key, owner in numbers.items()])
    merged = [item.event.data for item in batch if isinstance(item.event.data, ParticipantsMerged)]
    await store.merge_own_numbers(conn, [(data.merged, data.into) for data in merged])


def _finding(item: Incoming, data: FindingRaised, publisher: Publisher) -> Finding:
    return Finding(
        id=_copy_id(item, publisher.slug),
        publisher=publisher.slug,
        organisation=publisher.organisation,
        family=_FAMILY[item.family],
        kind=data.kind,
        code=data.code,
        field=data.field,
        params=data.params,
        event_id=data.event_id,
        event_type=data.event_type,
        raised_at=data.raised_at,
        topic=data.topic,
        partition=data.partition,
        offset=data.offset,
    )


def _copy_id(item: Incoming, slug: str) -> UUID:
    try:
        return addressed_id(UUID(item.event.id), slug)
    except ValueError:
        return addressed_id(item.cause, slug)


def _copied(item: Incoming, publisher: Publisher) -> Event:
    return dataclasses.replace(
        item.event,
        id=str(_copy_id(item, publisher.slug)),
        audience=(publisher.slug,),
        causationid=item.event.id,
    )


def _copy(item: Incoming, publisher: Publisher, prefix: str) -> Outgoing:
    return Outgoing(
        id=_copy_id(item, publisher.slug),
        topic=topic(Family.OUT, publisher.slug, prefix=prefix),
        key=item.subject,
        event=_copied(item, publisher),
    )


def _structured(event: Event) -> dict[str, Any]:
    """Write an event as a structured CloudEvent."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": event.time.isoformat(),
        "datacontenttype": "application/json",
        "causationid": event.causationid,
        "data": orjson.loads(encode_data(event.data)),
    }
