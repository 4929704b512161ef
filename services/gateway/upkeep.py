"""Keeps the gateway's tables small and their hashes under the installation's key."""

from datetime import datetime

import asyncpg

from services.gateway.acceptance import store as accepted_store
from services.gateway.files import store as files_store
from services.runtime.base.identity_key import IdentityKey
from services.runtime.data.db import transaction

KEEP_DAYS = 90
_AT_ONCE = 20_000
_HASHES_AT_ONCE = 2_000


class Upkeep:
    """Sums up counts of accepted events, and deletes old ids and feeds; ages are by the database's clock."""

    def __init__(self, pool: asyncpg.Pool, key: IdentityKey, *, inbox_days: int) -> None:
        self._pool, self._key, self._inbox_days = pool, key, inbox_days

    async def run(self, now: datetime) -> int:  # noqa: ARG002 - ages are technical time, the database's
        """Do one round; return by how many rows the tables shrank."""
        await self._key_hashes()
        async with transaction(self._pool) as conn:
            folded = await _sum_counts(conn)
        ages = {_OLD_ACCEPTED: self._inbox_days, _OLD_FINDINGS: KEEP_DAYS, _OLD_ADDRESSED: KEEP_DAYS}
        return folded + sum([await self._delete(statement, days) for statement, days in ages.items()])

    async def _delete(self, statement: str, days: int) -> int:
        """Delete what is older, in slices: no transaction holds many rows, and nothing waits for a round."""
        gone, slice_ = 0, _AT_ONCE
        while slice_ == _AT_ONCE:
            async with transaction(self._pool) as conn:
                slice_ = len(await conn.fetch(statement, days, _AT_ONCE))
            gone += slice_
        return gone

    async def _key_hashes(self) -> None:
        """Put hashes of before under the installation's key."""
        keyed = _HASHES_AT_ONCE
        while keyed == _HASHES_AT_ONCE:
            async with transaction(self._pool) as conn:
                keyed = await accepted_store.key_hashes(conn, self._key, _HASHES_AT_ONCE)
        async with transaction(self._pool) as conn:
            await files_store.key_hashes(conn, self._key)


async def _sum_counts(conn: asyncpg.Connection) -> int:
    gone = await conn.fetchval(
        """
        WITH gone AS (DELETE FROM accepted_count RETURNING type, n),
        folded AS (
            INSERT INTO accepted_count (type, n) SELECT type, sum(n) FROM gone GROUP BY type RETURNING 1
        )
        SELECT (SELECT count(*) FROM gone) - (SELECT count(*) FROM folded)
        """
    )
    return int(gone)


_OLD_ACCEPTED = """
    DELETE FROM accepted WHERE (publisher, family, event_id) IN (
        SELECT publisher, family, event_id FROM accepted
        WHERE accepted_at < now() - make_interval(days => $1) LIMIT $2
    ) RETURNING 1
    """
_OLD_FINDINGS = """
    DELETE FROM finding WHERE (publisher, number) IN (
        SELECT publisher, number FROM finding WHERE stored_at < now() - make_interval(days => $1) LIMIT $2
    ) RETURNING 1
    """
_OLD_ADDRESSED = """
    DELETE FROM addressed WHERE (publisher, number) IN (
        SELECT publisher, number FROM addressed WHERE stored_at < now() - make_interval(days => $1) LIMIT $2
    ) RETURNING 1
    """
