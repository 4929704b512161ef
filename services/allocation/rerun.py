"""Who changes the picture asks here, in the same transaction, for the region to be steered again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg


@dataclass(frozen=True, slots=True)
class Request:
    """One wish for a new run: which Kreis, why (a short code), and whether it cannot wait for the hour."""

    kreis: str
    reason: str
    urgent: bool = False


async def request(conn: asyncpg.Connection, kreis: str, reason: str, urgent: bool, now: datetime) -> None:
    """Ask for one Kreis to be steered; see `request_all`."""
    await request_all(conn, [Request(kreis, reason, urgent)], now)


async def request_all(conn: asyncpg.Connection, wishes: Sequence[Request], now: datetime) -> None:
    """Ask for Kreise to be steered; many wishes are one run.

    Call it last in the transaction: it locks one row for each Kreis, in order, until the commit.
    """
    if not wishes:
        return
    merged: dict[str, tuple[set[str], bool]] = {}
    for wish in wishes:
        reasons, urgent = merged.get(wish.kreis, (set[str](), False))
        merged[wish.kreis] = (reasons | {wish.reason}, urgent or wish.urgent)
    kreise = sorted(merged)
    await conn.execute(
        """
        INSERT INTO steering_request AS open (region, kreis, generation, reasons, waiting_since, waiting_last,
                                              urgent_since, urgent_last)
        SELECT kreis, kreis, 1, string_to_array(reasons, ','), $4::timestamptz, $4,
               CASE WHEN urgent THEN $4 END, CASE WHEN urgent THEN 1 ELSE 0 END
        FROM unnest($1::text[], $2::text[], $3::bool[]) AS wish (kreis, reasons, urgent)
        ORDER BY kreis
        ON CONFLICT (region) DO UPDATE SET
            generation = open.generation + 1,
            reasons = (SELECT array_agg(DISTINCT reason ORDER BY reason)
                       FROM unnest(open.reasons || excluded.reasons) AS reason),
            waiting_since = coalesce(open.waiting_since, excluded.waiting_since),
            waiting_last = excluded.waiting_last,
            urgent_since = coalesce(open.urgent_since, excluded.urgent_since),
            urgent_last = CASE WHEN excluded.urgent_since IS NULL THEN open.urgent_last
                               ELSE open.generation + 1 END
        """,
        kreise,
        [",".join(sorted(merged[kreis][0])) for kreis in kreise],
        [merged[kreis][1] for kreis in kreise],
        now,
    )
