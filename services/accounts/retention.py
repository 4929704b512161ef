"""Deletes what accounts keep no longer: ended sessions, used invitations, old accounts, the audit log."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg

from services.accounts import audit
from services.accounts.settings import AccountSettings
from services.runtime.data.db import transaction
from services.runtime.data.retention import days_of

REGISTRY = Path(__file__).parent / "retention.yaml"
_FAILURES_DAYS = 1


async def _end_forgotten(conn: asyncpg.Connection, idle: float, absolute: float) -> None:
    """End the sessions that nobody uses any more, as their next request would."""
    await conn.execute(
        """
        UPDATE accounts.session SET ended_at = now(), id_token = NULL,
            ended_why = CASE WHEN created_at <= now() - make_interval(secs => $2)
                THEN 'absolute' ELSE 'idle' END
        WHERE ended_at IS NULL AND (last_seen_at <= now() - make_interval(secs => $1)
            OR created_at <= now() - make_interval(secs => $2))
        """,
        idle,
        absolute,
    )


async def _forget(conn: asyncpg.Connection, statement: str, days: int) -> int:
    return len(await conn.fetch(statement, days))


_STATEMENTS = (
    (
        "DELETE FROM accounts.session WHERE ended_at <= now() - make_interval(days => $1) RETURNING 1",
        "session_days",
    ),
    (
        """
        DELETE FROM accounts.invitation
        WHERE least(used_at, withdrawn_at, expires_at) <= now() - make_interval(days => $1) RETURNING 1
        """,
        "invitation_days",
    ),
    ("DELETE FROM accounts.audit WHERE at <= now() - make_interval(days => $1) RETURNING 1", "audit_days"),
    (
        "DELETE FROM accounts.person WHERE ended_at <= now() - make_interval(days => $1) RETURNING 1",
        "account_days",
    ),
)


async def erase_person(conn: asyncpg.Connection, key: str, by: str) -> bool:
    """Delete an account with everything that signs it in; histories keep the key, which says nothing."""
    home = await conn.fetchval("DELETE FROM accounts.person WHERE key = $1 RETURNING home", key)
    if home is None:
        return False
    await audit.write(conn, "erased", person=key, by=by, organisation=home)
    return True


@dataclass(frozen=True, slots=True)
class Retention:
    """Enforces the periods of retention.yaml, by the database's clock."""

    pool: asyncpg.Pool
    settings: AccountSettings

    async def forget(self, _now: datetime) -> int:
        """Delete what is kept no longer; return how many rows."""
        limits = self.settings.limits
        async with transaction(self.pool) as conn:
            await _end_forgotten(conn, limits.idle, limits.absolute)
            await conn.execute(
                "DELETE FROM accounts.challenge WHERE made_at <= now() - make_interval(mins => 5)"
            )
            gone = await _forget(
                conn,
                "DELETE FROM accounts.failed_sign_in"
                " WHERE last_at <= now() - make_interval(days => $1) RETURNING 1",
                _FAILURES_DAYS,
            )
            for statement, period in _STATEMENTS:
                gone += await _forget(conn, statement, days_of(REGISTRY, period))
        return gone
