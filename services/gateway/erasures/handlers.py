"""Erases people at the doors, tells their office, and acknowledges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from schemas.days import local_day
from schemas.envelope import Event
from schemas.erasures import ErasureAcknowledged, Kept, ParticipantErased, erased_rows
from schemas.topics import Family, topic
from services.gateway.erasures import store
from services.gateway.findings.handlers import copy_to_audience
from services.runtime.base.identity_key import IdentityKey
from services.runtime.bookkeeping import erased, parking
from services.runtime.data.db import Pool, transaction
from services.runtime.events.subscription import Applied, Incoming, Verdict
from services.runtime.kafka.access import RETENTION_DAYS
from services.runtime.send.outbox import Outgoing, put

SERVICE = "gateway"
FEED_DAYS = 90
INBOX_DAYS = 60


@dataclass(frozen=True, slots=True)
class Erasures:
    """Erases whom the erasure topic names by HMAC."""

    key: IdentityKey
    prefix: str

    async def read(
        self, conn: asyncpg.Connection, batch: Sequence[Incoming], now: datetime
    ) -> Sequence[Verdict]:
        """Erase, acknowledge, and tell the offices that asked."""
        said = [item.event.data for item in batch if isinstance(item.event.data, ParticipantErased)]
        if said:
            await erased.lock_for_erasing(conn)
            known = await store.known(conn)
            here = erased.by_tombstone(self.key, (row.participant for row in known))
        for one in said:
            ids = await erased.take(conn, one.tombstones, one.erasure, one.erased_on, here)
            counts = await self._erase(conn, ids, known)
            await self._acknowledge(conn, one.erasure, counts, now)
        await copy_to_audience(conn, batch, prefix=self.prefix)
        return [Applied()] * len(batch)

    async def again(self, pool: Pool, now: datetime) -> int:  # noqa: ARG002 - the timer's time
        """Erase whoever is here although their tombstone is: a backup may have brought them back."""
        async with transaction(pool) as conn:
            await erased.lock_for_erasing(conn)
            known = await store.known(conn)
            ids = await erased.among(conn, self.key, (row.participant for row in known))
            return sum((await self._erase(conn, ids, known)).values()) if ids else 0

    async def _erase(
        self, conn: asyncpg.Connection, ids: frozenset[UUID], known: Sequence[store.Known]
    ) -> Mapping[str, int]:
        if not ids:
            return {}
        references: dict[str, list[str]] = {}
        for row in known:
            if row.participant in ids and row.publisher is not None and row.reference is not None:
                references.setdefault(row.publisher, []).append(row.reference)
        counts = await store.erase(conn, sorted(ids), references)
        counts["runtime.parked"] = await parking.forget_subjects(conn, sorted(ids))
        return counts

    async def _acknowledge(
        self, conn: asyncpg.Connection, erasure: UUID, counts: Mapping[str, int], now: datetime
    ) -> None:
        data = ErasureAcknowledged(
            erasure=erasure,
            service=SERVICE,
            acknowledged_at=now,
            erased=erased_rows(counts),
            kept=_kept(now),
        )
        id_ = uuid4()
        event = Event(id=str(id_), type=data.type_, source="/gateway", time=now, data=data)
        await put(conn, [Outgoing(id_, topic(Family.ERASURES_DONE, prefix=self.prefix), str(erasure), event)])


def _kept(now: datetime) -> tuple[Kept, ...]:
    today = local_day(now)

    def until(days: int) -> dict[str, object]:
        return {"until": today + timedelta(days=days)}

    return tuple(
        Kept.model_validate({"what": what, "basis": basis} | until(days))
        for what, basis, days in (
            (
                "Mitteilung an Träger und Stelle, dass ein Platz geendet hat, mit der Teilnehmerkennung",
                "Art. 19 DSGVO",
                FEED_DAYS,
            ),
            (
                "Thema kurslotse.out: dasselbe und frühere Mitteilungen an den Empfänger",
                "Art. 5 Abs. 1 Buchst. f, Art. 32 DSGVO (Zustellung)",
                RETENTION_DAYS[Family.OUT],
            ),
            (
                "Thema kurslotse.support: Meldungen der Träger",
                "Art. 5 Abs. 1 Buchst. f, Art. 32 DSGVO (Zustellung)",
                RETENTION_DAYS[Family.SUPPORT],
            ),
            (
                "Kennungen angenommener Ereignisse, Inhalte nur als HMAC",
                "Art. 32 DSGVO (nichts zweimal annehmen)",
                INBOX_DAYS,
            ),
            (
                "Befunde zu Ereignissen, ohne Werte und ohne Zeichen",
                "Art. 5 Abs. 1 Buchst. d DSGVO (Richtigkeit)",
                FEED_DAYS,
            ),
            (
                "Löschvermerk als HMAC der Teilnehmerkennung",
                "Art. 5 Abs. 2, Art. 32 DSGVO (Sicherungen)",
                RETENTION_DAYS[Family.ERASURES],
            ),
        )
    )
