"""Times steering runs of one Kreis: 1,500 people who wait, 60 courses, snapshot and writing included.

`python -m tests.benchmarks.engine.steering`; servers are started, or given by setting.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

from services.allocation.acts.placements import Placements
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import load_policies
from services.allocation.policy.terms import PolicyTerms
from services.allocation.rerun import request_rerun
from services.allocation.steering.runs.service import Steering
from services.allocation.steering.runs.worker import workers
from services.runtime.data.db import open_pool, transaction
from tests.databases import Database, Templates
from tests.integration.allocation.rows import fill
from tests.serving import servers_running
from tests.unit.allocation.regions.region import a_region

PEOPLE, COURSES, RUNS = 1500, 60, 11
NOON = datetime(2026, 3, 2, 11, tzinfo=UTC)


async def measure(database: Database) -> None:
    """Run day after day and print what each run took."""
    policies = load_policies()
    pool = await open_pool(database.worker, name="steering-bench", max_size=4)
    async with transaction(pool) as conn:
        await fill(conn, a_region(1, PEOPLE, COURSES))
    seconds = []
    async with workers(1) as solver:
        placements = Placements("", PolicyTerms(policies))
        steering = Steering(pool, solver, placements, CurrentPolicies(policies), load_rulebook())
        for day in range(RUNS):
            now = NOON + timedelta(days=day)
            async with transaction(pool) as conn:
                await request_rerun(conn, "99001", "bench", True, now)  # noqa: FBT003 - as callers ask
            begun = perf_counter()
            await steering.run_due(now)
            seconds.append(perf_counter() - begun)
    async with transaction(pool) as conn:
        rows = await conn.fetch(
            "SELECT placed, proposed, pairs, timing FROM steering_run ORDER BY decided_at"
        )
    await pool.close()
    sys.stdout.write(f"steering: {PEOPLE} people, {COURSES} courses, {rows[0]['pairs']} pairs\n")
    for took, row in zip(seconds, rows, strict=True):
        sys.stdout.write(f"  {1000 * took:6.0f} ms  {row['proposed']:4} proposed  {row['timing']}\n")
    sys.stdout.write(f"  median after the first: {1000 * median(seconds[1:]):.0f} ms\n")


async def main() -> None:
    """Measure on a database of its own."""
    with tempfile.TemporaryDirectory() as folder, servers_running(Path(folder)) as servers:
        templates = Templates(servers)
        database = await templates.copy("allocation", f"b{secrets.token_hex(4)}-")
        try:
            await measure(database)
        finally:
            await templates.drop([database])
            await templates.drop_templates()


if __name__ == "__main__":
    asyncio.run(main())
