"""Publishes erasures and what this service has erased; says what stays, by which paragraph, until when."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from schemas.days import local_day
from schemas.envelope import Event
from schemas.erasures import ErasureAcknowledged, Kept, ParticipantErased, erased_rows
from schemas.topics import Family, topic
from services.allocation.placements.messages import SOURCE
from services.runtime.base.identity_key import IdentityKey
from services.runtime.kafka.access import RETENTION_DAYS
from services.runtime.send.outbox import Outgoing, put

SERVICE = "allocation"
INBOX_DAYS = 60
_CHANGED = frozenset({"placement", "placement_step", "expiry", "steering_content", "runtime.parked"})
_STATISTICS = "Art. 17 Abs. 3 Buchst. d, Art. 89 DSGVO (Statistik)"


async def publish(
    conn: asyncpg.Connection,
    key: IdentityKey,
    prefix: str,
    *,
    erasure: UUID,
    ids: Collection[UUID],
    office: str,
    now: datetime,
) -> None:
    """Tell every service whom to erase, naming nobody."""
    data = ParticipantErased(
        erasure=erasure,
        tombstones=tuple(sorted(key.tombstone(id_).hex() for id_ in ids)),
        office=office,
        erased_on=local_day(now),
        decided_at=now,
    )
    event = Event(id=str(erasure), type=data.type_, source=SOURCE, time=now, data=data, audience=(office,))
    await put(conn, [Outgoing(erasure, topic(Family.ERASURES, prefix=prefix), str(erasure), event)])


async def acknowledge(
    conn: asyncpg.Connection, prefix: str, erasure: UUID, erased: Mapping[str, int], now: datetime
) -> None:
    """Say which rows were erased here, and what stays."""
    data = ErasureAcknowledged(
        erasure=erasure,
        service=SERVICE,
        acknowledged_at=now,
        erased=erased_rows(erased, pseudonymised=_CHANGED),
        kept=_kept(now),
    )
    id_ = uuid4()
    event = Event(id=str(id_), type=data.type_, source=SOURCE, time=now, data=data)
    await put(conn, [Outgoing(id_, topic(Family.ERASURES_DONE, prefix=prefix), str(erasure), event)])


def _kept(now: datetime) -> tuple[Kept, ...]:
    today = local_day(now)
    placements = today + timedelta(days=RETENTION_DAYS[Family.PLACEMENTS])
    return (
        Kept(what="Platzierungen und gespeicherte Läufe unter zufälligen Kennungen", basis=_STATISTICS),
        Kept(
            what="Thema kurslotse.in: Ereignisse der Stelle mit ihrem Zeichen",
            basis="Art. 5 Abs. 1 Buchst. f, Art. 32 DSGVO (Zustellung)",
            until=today + timedelta(days=RETENTION_DAYS[Family.IN]),
        ),
        Kept(
            what="Thema kurslotse.placements: Schritte mit der Teilnehmerkennung",
            basis="Art. 5 Abs. 1 Buchst. f, Art. 32 DSGVO (Zustellung)",
            until=placements,
        ),
        Kept(
            what="Eingangsbuch: Kennungen von Ereignissen, Inhalte nur als HMAC",
            basis="Art. 32 DSGVO (nichts zweimal anwenden)",
            until=today + timedelta(days=INBOX_DAYS),
        ),
        Kept(
            what="Löschvermerk als HMAC der Teilnehmerkennung",
            basis="Art. 5 Abs. 2, Art. 32 DSGVO (Sicherungen)",
            until=today + timedelta(days=RETENTION_DAYS[Family.ERASURES]),
        ),
    )
