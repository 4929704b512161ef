"""Erases people on the support side, and collects what every service has erased."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from schemas.days import local_day
from schemas.erasures import ErasureAcknowledged, Kept, ParticipantErased, erased_rows
from schemas.topics import Family
from services.notifications import revocation
from services.notifications.alerts import withdrawal
from services.notifications.alerts.domain import WithdrawalReason
from services.notifications.erasures import store
from services.notifications.gate import end_consent
from services.notifications.participation import held_store, stand_ins
from services.notifications.people.keys import PersonSecrets
from services.notifications.settings import RetentionPolicy
from services.runtime.base import failpoints
from services.runtime.base.identity_key import IdentityKey
from services.runtime.bookkeeping import erased, parking
from services.runtime.data.db import Connection, Pool, transaction
from services.runtime.events.subscription import Applied, Incoming, Verdict
from services.runtime.kafka.access import RETENTION_DAYS

SERVICE = "notifications"
INBOX_DAYS = 60
_CHANGED = frozenset({"alert", "disclosure_log"})


@dataclass(frozen=True, slots=True)
class Erasures:
    """Erases whom the erasure topic names by HMAC."""

    secrets: PersonSecrets
    policy: RetentionPolicy

    @property
    def key(self) -> IdentityKey:
        """Return the installation's key."""
        return self.secrets.identity_key

    async def read(self, conn: Connection, batch: Sequence[Incoming], now: datetime) -> Sequence[Verdict]:
        """Erase, and store the report of it; what was erased before a backup was restored is erased again."""
        said = [item.event.data for item in batch if isinstance(item.event.data, ParticipantErased)]
        if said:
            await erased.lock_for_erasing(conn)
            await end_consent(conn)
            here = erased.by_tombstone(self.key, await store.known_ids(conn))
        for one in said:
            ids = await erased.take(conn, one.tombstones, one.erasure, one.erased_on, here)
            await store.add_erasure(conn, one)
            await self._erase(conn, one.erasure, sorted(ids), one.erased_on, now)
        return [Applied()] * len(batch)

    async def again(self, pool: Pool, now: datetime) -> int:
        """Erase whoever is here although their tombstone is: a backup may have brought them back."""
        async with transaction(pool) as conn:
            await erased.lock_for_erasing(conn)
            await end_consent(conn)
            back = await erased.erasures_of(conn, self.key, await store.known_ids(conn))
            for erasure, ids in back.items():
                await self._erase(conn, erasure, sorted(ids), local_day(now), now)
        return len(back)

    async def _erase(
        self, conn: Connection, erasure: UUID, ids: Sequence[UUID], day: date, now: datetime
    ) -> None:
        counts: dict[str, int] = {}
        if ids:
            destroyed = await self.secrets.destroy(ids)  # first: whatever happens next, nobody reads a name
            await failpoints.failpoint("destroyed_secrets")
            about = await store.matters(conn, ids)
            before = await store.under_consent(conn, ids)
            await revocation.end_all(
                conn, self.secrets, ids, now
            )  # offices that have heard are told that it is over
            for row in await store.open_alerts(conn, ids):
                await withdrawal.withdraw(conn, row, WithdrawalReason.CONSENT_ENDED, now)
            counts = await store.erase(conn, ids, about, day, self.key)
            held = [stand_ins.hashed(self.secrets.stand_in(one)) for one in ids]
            counts["held_mark"] = await held_store.forget(conn, held)
            counts["runtime.parked"] = await parking.forget_subjects(conn, ids)
            counts |= {"keys.person_secret": destroyed} | before
        report = ErasureAcknowledged(
            erasure=erasure,
            service=SERVICE,
            acknowledged_at=now,
            erased=erased_rows(counts, pseudonymised=_CHANGED),
            kept=self._kept(local_day(now)),
        )
        await store.add_reports(conn, [report])

    def _kept(self, today: date) -> tuple[Kept, ...]:
        log, proofs = self.policy.disclosure_log_days, self.policy.consent_proof_days
        return tuple(
            Kept(what=what, basis=basis, until=None if days is None else today + timedelta(days=days))
            for what, basis, days in (
                (
                    "Protokoll, wer wann Namen gelesen hat, unter einer zufälligen Kennung",
                    "Art. 5 Abs. 2, Art. 32 DSGVO; Frist vom Kreis festgelegt",
                    log,
                ),
                (
                    "Nachweis der Einwilligung als HMAC, ohne Person",
                    "Art. 7 Abs. 1, Art. 17 Abs. 3 Buchst. e DSGVO, §§ 195, 199 BGB",
                    proofs,
                ),
                (
                    "Hinweise an Beratungsstellen ohne Person: wann gemeldet, wann beantwortet",
                    "Art. 17 Abs. 3 Buchst. d, Art. 89 DSGVO (Statistik)",
                    None,
                ),
                ("Kurstage: Summen der Klasse, ohne Person", "Art. 4 Nr. 1 DSGVO: keine Personendaten", None),
                (
                    "Thema kurslotse.support: Meldungen der Träger",
                    "Art. 5 Abs. 1 Buchst. f, Art. 32 DSGVO (Zustellung)",
                    RETENTION_DAYS[Family.SUPPORT],
                ),
                (
                    "Eingangsbuch: Kennungen von Ereignissen, Inhalte nur als HMAC",
                    "Art. 32 DSGVO (nichts zweimal anwenden)",
                    INBOX_DAYS,
                ),
                (
                    "Löschvermerk als HMAC der Teilnehmerkennung",
                    "Art. 5 Abs. 2, Art. 32 DSGVO (Sicherungen)",
                    RETENTION_DAYS[Family.ERASURES],
                ),
            )
        )


async def read_acknowledgements(
    conn: Connection,
    batch: Sequence[Incoming],
    now: datetime,  # noqa: ARG001 - a handler
) -> Sequence[Verdict]:
    """Store what the other services have erased."""
    said = [item.event.data for item in batch if isinstance(item.event.data, ErasureAcknowledged)]
    await store.add_reports(conn, said)
    return [Applied()] * len(batch)
