"""Takes the snapshot that questions are answered from: the same as a run would see now."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from schemas.days import local_day
from services.allocation.law.rulebook import RuleBook
from services.allocation.policy.domain import InForce
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions.material import Look
from services.allocation.steering.runs.regions import region_of
from services.allocation.steering.runs.service import snapshot_now


def looking(policies: InForce, rules: RuleBook) -> Look:
    """Return what takes the snapshot of a Kreis's region on a connection in REPEATABLE READ."""

    async def look(conn: asyncpg.Connection, kreis: str, now: datetime) -> Snapshot:
        day, held = local_day(now), await policies.seen_by(conn)
        return await snapshot_now(conn, region_of(kreis, day, held), day, held, rules)

    return look
