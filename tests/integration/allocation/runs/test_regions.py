"""Two Kreise that pool are steered as one: one run, both leases, each other's courses, and nobody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from services.allocation.acts.placements import Done, Placements
from services.allocation.law.rulebook import load_rulebook
from services.allocation.placements.results import DecidedBy
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import Policies, Pooling, load_policies
from services.allocation.policy.terms import PolicyTerms
from services.allocation.rerun import request_rerun
from services.allocation.steering.runs.regions import region_of
from services.allocation.steering.runs.service import Steering
from services.allocation.steering.runs.worker import SolvedRun, solve
from services.runtime.data.db import connect, open_pool, web_transaction
from tests.conftest import MakeDatabase
from tests.databases import Database
from tests.integration.allocation.rows import fill
from tests.unit.allocation.regions.region import a_region

NOON = datetime(2026, 3, 2, 11, tzinfo=UTC)
ONE, OTHER, THIRD = "99001", "99002", "99003"
LAST = date(2026, 3, 31)


def agreed(*pairs: tuple[str, str]) -> Policies:
    """Make one policy for each Kreis, with the agreements that it has made."""
    basis = load_policies().on(ONE, NOON.date())
    return Policies(
        tuple(
            basis.model_copy(
                update={
                    "kreise": (kreis,),
                    "pooling": tuple(
                        Pooling(kreis=other, until=LAST) for mine, other in pairs if mine == kreis
                    ),
                }
            )
            for kreis in (ONE, OTHER, THIRD)
        )
    )


BOTH = agreed((ONE, OTHER), (OTHER, ONE))


class Solver:
    """Solves in this process."""

    async def solve(self, raw: bytes) -> SolvedRun:
        return solve(raw)


@dataclass
class Place:
    """A database with two Kreise in it."""

    database: Database
    pool: asyncpg.Pool
    conn: asyncpg.Connection
    prefix: str

    def steering(self, policies: Policies) -> Steering:
        placements = Placements(self.prefix, PolicyTerms(policies))
        return Steering(
            self.pool, Solver(), placements, CurrentPolicies(policies), load_rulebook(), self.prefix
        )

    async def steer(self, policies: Policies, now: datetime, *kreise: str) -> int:
        async with self.conn.transaction():
            for kreis in kreise:
                await request_rerun(self.conn, kreis, "a_test", True, now)  # noqa: FBT003 - as callers ask
        return await self.steering(policies).run_due(now)

    async def across(self) -> int:
        found: int = await self.conn.fetchval(
            """
            SELECT count(*) FROM placement p JOIN course c USING (course)
            WHERE p.state = 'proposed' AND c.kreis <> p.kreis
            """
        )
        return found


@pytest.fixture
async def place(database: MakeDatabase, prefix: str) -> AsyncIterator[Place]:
    made = await database("allocation")
    pool = await open_pool(made.worker, name="regions-test", max_size=4)
    conn = await connect(made.worker, name="regions-test-looking")
    await fill(conn, a_region(3, 120, 4))
    await fill(conn, replace(a_region(4, 40, 24), region=OTHER))
    yield Place(made, pool, conn, prefix)
    await conn.close()
    await pool.close()


def test_only_what_both_sides_agreed_is_a_region() -> None:
    day = NOON.date()
    assert region_of(ONE, day, BOTH).kreise == (ONE, OTHER)
    assert region_of(OTHER, day, BOTH).lead == ONE
    assert region_of(THIRD, day, BOTH).kreise == (THIRD,)
    assert region_of(ONE, day, agreed((ONE, OTHER))).kreise == (ONE,)
    assert region_of(ONE, LAST + timedelta(days=1), BOTH).kreise == (ONE,)
    chain = agreed((ONE, OTHER), (OTHER, ONE), (OTHER, THIRD), (THIRD, OTHER))
    joined = region_of(THIRD, day, chain)
    assert joined.name == "99001+99002+99003"
    assert (ONE, THIRD) not in joined.pooled


def test_a_neighbour_without_a_policy_has_agreed_to_nothing() -> None:
    policies = agreed((ONE, OTHER), (OTHER, ONE))
    alone = Policies(tuple(entry for entry in policies.entries if ONE in entry.kreise))
    assert region_of(ONE, NOON.date(), alone).kreise == (ONE,)


async def test_a_request_of_one_steers_both(place: Place) -> None:
    assert await place.steer(BOTH, NOON, ONE, OTHER) == 1
    run = await place.conn.fetchrow("SELECT kreis, kreise, region, people FROM steering_run")
    assert run is not None
    assert tuple(run) == (ONE, [ONE, OTHER], "99001+99002", 160)
    assert await place.across() > 0
    homes = await place.conn.fetch(
        "SELECT kreis, count(*) AS n FROM main_reason GROUP BY kreis ORDER BY kreis"
    )
    assert [tuple(row) for row in homes] == [(ONE, 120), (OTHER, 40)]
    assert await place.steer(BOTH, NOON, OTHER) == 1


async def test_without_an_agreement_each_stays_at_home(place: Place) -> None:
    apart = agreed((ONE, OTHER))
    assert await place.steer(apart, NOON, ONE, OTHER) == 2
    assert await place.across() == 0


async def test_an_agreement_that_ends_takes_proposals_and_sight_back(place: Place) -> None:
    await place.steer(BOTH, NOON, ONE, OTHER)
    later = datetime(2026, 4, 2, 11, tzinfo=UTC)
    assert await place.steer(BOTH, later, ONE, OTHER) == 2
    assert await place.across() == 0
    assert await place.conn.fetchval("SELECT count(*) FROM pooled_kreis") == 0


async def test_a_coordinator_confirms_a_place_with_the_neighbour(place: Place) -> None:
    await place.steer(BOTH, NOON, ONE, OTHER)
    row = await place.conn.fetchrow(
        """
        SELECT p.placement, p.course, p.kreis FROM placement p JOIN course c USING (course)
        WHERE p.state = 'proposed' AND c.kreis <> p.kreis ORDER BY p.placement LIMIT 1
        """
    )
    assert row is not None
    web = await open_pool(place.database.web, name="regions-test-web", max_size=1)
    placements = Placements(place.prefix, PolicyTerms(BOTH))
    seen = "SELECT count(*) FROM course WHERE course = $1"
    async with web_transaction(web, kreise=[THIRD]) as conn:
        assert await conn.fetchval(seen, row["course"]) == 0
        assert await conn.fetchval("SELECT count(*) FROM steering_run") == 0
    async with web_transaction(web, kreise=[OTHER]) as conn:
        assert await conn.fetchval("SELECT count(*) FROM steering_run") == 1
    async with web_transaction(web, kreise=[row["kreis"]]) as conn:
        assert isinstance(
            await placements.approve_proposal(conn, DecidedBy("a coordinator", NOON), row["placement"]), Done
        )
        assert await conn.fetchval("SELECT count(*) FROM participant WHERE kreis <> $1", row["kreis"]) == 0
    await web.close()
    state = await place.conn.fetchval("SELECT state FROM placement WHERE placement = $1", row["placement"])
    assert state == "reserved"


async def test_a_region_is_steered_by_one_at_a_time(place: Place) -> None:
    await place.conn.execute(
        """
        INSERT INTO steering_lease (region, kreis, token, held_until)
        VALUES ($1, $1, gen_random_uuid(), clock_timestamp() + interval '1 hour')
        """,
        OTHER,
    )
    assert await place.steer(BOTH, NOON, ONE) == 0
    assert await place.conn.fetchval("SELECT count(*) FROM steering_lease") == 1
