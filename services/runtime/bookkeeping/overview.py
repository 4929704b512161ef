"""Counts what waits, was refused or keeps failing in one service, with ages; nothing of any record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg


@dataclass(frozen=True, slots=True)
class Waiting:
    """So many of something, and since when the oldest has waited (technical time); None: there is none."""

    number: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Overview:
    """What an operator looks at first; `tasks` names those with failing items."""

    outbox: Waiting
    unsendable: int
    parked: Waiting
    quarantined: Waiting
    paused: int
    failing: int
    aside: int
    tasks: Sequence[str]
    read_at: datetime | None
    """When the place up to which was read was stored last."""
    postgresql: str
    migrations: Mapping[str, int]
    """Source -> number of the last one applied."""


async def overview(conn: asyncpg.Connection) -> Overview:
    """Count, on a connection of the worker."""
    row = await conn.fetchrow(
        """
        SELECT o.waiting, o.unsendable, o.oldest AS outbox_since, p.n AS parked, p.since AS parked_since,
            q.n AS quarantined, q.since AS quarantined_since, w.failing, w.aside, w.tasks,
            (SELECT count(*) FROM runtime.paused) AS paused,
            (SELECT max(updated_at) FROM runtime.stored_offset) AS read_at,
            current_setting('server_version') AS postgresql
        FROM status.outbox AS o,
            (SELECT count(*) AS n, min(parked_at) AS since FROM runtime.parked) AS p,
            (SELECT count(*) AS n, min(refused_at) AS since FROM runtime.quarantine
                WHERE replayed_at IS NULL) AS q,
            (SELECT coalesce(sum(n), 0)::bigint AS failing, coalesce(sum(aside), 0)::bigint AS aside,
                coalesce(array_agg(task ORDER BY task), '{}') AS tasks FROM status.work_failure) AS w
        """
    )
    assert row is not None  # noqa: S101 - aggregates make one row
    migrations = await conn.fetch(
        "SELECT source, max(number) AS number FROM runtime.migration GROUP BY source ORDER BY source"
    )
    return Overview(
        Waiting(row["waiting"], row["outbox_since"]),
        row["unsendable"],
        Waiting(row["parked"], row["parked_since"]),
        Waiting(row["quarantined"], row["quarantined_since"]),
        row["paused"],
        row["failing"],
        row["aside"],
        row["tasks"],
        row["read_at"],
        row["postgresql"],
        {one["source"]: one["number"] for one in migrations},
    )
