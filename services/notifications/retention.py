"""Ends consents and disclosures on their last day, and erases what is older than it may be kept."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from schemas.days import local_day
from services.notifications import revocation
from services.notifications.alerts import forgetting, silences
from services.notifications.consents import evidence
from services.notifications.delivery.holding import telling_store
from services.notifications.erasures import store as erasures
from services.notifications.offices import own_store
from services.notifications.participation import held_store
from services.notifications.people import handlers as people
from services.notifications.people.keys import PersonSecrets
from services.notifications.risk import parameters_store
from services.notifications.settings import Policy
from services.runtime.data.db import Connection, Pool, transaction
from services.runtime.data.retention import days_of

_OFFICE_CHANGE_DAYS = days_of(Path(__file__).with_suffix(".yaml"), "office_change_days")
_EVIDENCE_DAYS = days_of(Path(__file__).with_suffix(".yaml"), "evidence_without_consent_days")
_HELD_SECONDS = 7 * 24 * 3600.0  # as long as events wait for something unknown


@dataclass(slots=True)
class Retention:
    """Runs the retention rules of the policy, each kind of data in a transaction of its own."""

    pool: Pool
    policy: Policy
    secrets: PersonSecrets
    _cleaned_on: date | None = None

    async def lapse(self, now: datetime) -> int:
        """End consents and disclosures whose last day has passed; return how many."""
        if not await self._something_lapsed(local_day(now)):
            return 0
        async with transaction(self.pool) as conn:
            ended = await revocation.end_lapsed(conn, self.secrets, now)
        async with transaction(self.pool) as conn:
            return ended + await people.end_expired_disclosures(conn, now)

    async def _something_lapsed(self, today: date) -> bool:
        async with transaction(self.pool) as conn:
            return bool(
                await conn.fetchval(
                    """
                    SELECT EXISTS (SELECT FROM consent WHERE ended_at IS NULL AND valid_until < $1)
                    OR EXISTS (SELECT FROM disclosure WHERE ended_at IS NULL AND until < $1)
                    """,
                    today,
                )
            )

    async def clean(self, now: datetime) -> int:
        """Erase orphaned contact data, old log entries and old participation, once a day."""
        today = local_day(now)
        if self._cleaned_on == today:
            return 0
        keep = self.policy.retention
        async with transaction(self.pool) as conn:
            erased = await people.erase_orphans(conn, self.secrets, keep.orphan_days, now)
        async with transaction(self.pool) as conn:
            erased += await _erase_log(conn, now - timedelta(days=keep.disclosure_log_days))
        async with transaction(self.pool) as conn:
            erased += await _erase_participation(conn, today - timedelta(days=keep.participation_days))
            erased += await held_store.drop_older(conn, _HELD_SECONDS)
        async with transaction(self.pool) as conn:
            erased += await erasures.prune_proofs(conn, keep.consent_proof_days, today)
            erased += await people.sweep_secrets(conn, self.secrets, keep.unused_secret_days)
            erased += await evidence.drop_without_consent(conn, now - timedelta(days=_EVIDENCE_DAYS))
            erased += await _forget_acts(conn, now - timedelta(days=_OFFICE_CHANGE_DAYS))
        self._cleaned_on = today
        return erased


_OLD_PARTICIPATION = (
    """WITH gone AS (DELETE FROM attendance WHERE day < $1 RETURNING 1) SELECT count(*) FROM gone""",
    """WITH gone AS (DELETE FROM course_report WHERE day < $1 RETURNING 1) SELECT count(*) FROM gone""",
    """WITH gone AS (DELETE FROM risk WHERE state <> 'open' AND ended_at::date < $1 RETURNING 1)
    SELECT count(*) FROM gone""",
    """WITH gone AS (DELETE FROM section_result WHERE tested_on < $1 RETURNING 1)
    SELECT count(*) FROM gone""",
    """WITH gone AS (DELETE FROM exam_result WHERE taken_on < $1 RETURNING 1) SELECT count(*) FROM gone""",
)


async def _forget_acts(conn: Connection, before: datetime) -> int:
    """Delete who changed, decided, silenced or sent something again before a moment."""
    forgotten = await own_store.forget_changes(conn, before) + await silences.forget(conn, before)
    forgotten += await parameters_store.forget(conn, before)
    return forgotten + await telling_store.forget_acts(conn, before)


async def _erase_log(conn: Connection, before: datetime) -> int:
    return int(await conn.fetchval("SELECT erase_disclosure_log($1)", before))


async def _erase_participation(conn: Connection, before: date) -> int:
    """Erase what lies before a day: marks, results, ended risks, and whom ended alerts were about."""
    erased = await forgetting.forget_old(conn, before)
    for statement in _OLD_PARTICIPATION:
        erased += int(await conn.fetchval(statement, before))
    return erased
