"""Asks for a Kreis to be steered again, in the transaction of the change that makes it necessary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg


@dataclass(frozen=True, slots=True)
class Rerun:
    """One rerun for a new run: which Kreis, why (a short code), and whether it cannot wait for the hour."""

    kreis: str
    reason: str
    urgent: bool = False


async def request_rerun(
    conn: asyncpg.Connection, kreis: str, reason: str, urgent: bool, now: datetime
) -> None:
    """Ask for one Kreis to be steered; see `request_reruns`."""
    await request_reruns(conn, [Rerun(kreis, reason, urgent)], now)


async def request_reruns(conn: asyncpg.Connection, reruns: Sequence[Rerun], now: datetime) -> None:
    """Ask for Kreise to be steered; many reruns are one run.

    Call it last in the transaction: it locks one row for each Kreis, in order, until the commit.
    """
    if not reruns:
        return
    merged: dict[str, tuple[set[str], bool]] = {}
    for rerun in reruns:
        reasons, urgent = merged.get(rerun.kreis, (set[str](), False))
        merged[rerun.kreis] = (reasons | {rerun.reason}, urgent or rerun.urgent)
    kreise = sorted(merged)
    await conn.execute(
        """
        INSERT INTO steering_request AS open (region, kreis, generation, reasons, waiting_since, waiting_last,
                                              urgent_since, urgent_last)
        SELECT kreis, kreis, 1, string_to_array(reasons, ','), $4::timestamptz, $4,
               CASE WHEN urgent THEN $4 END, CASE WHEN urgent THEN 1 ELSE 0 END
        FROM unnest($1::text[], $2::text[], $3::bool[]) AS rerun (kreis, reasons, urgent)
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
