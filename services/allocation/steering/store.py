"""Steering in PostgreSQL: what a run reads, its lease, and what it leaves behind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from services.allocation.steering.domain import Course, EntryKey, Offer, Person, Section
from services.allocation.steering.reasons import Explanation


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A region that is to be steered."""

    region: str
    kreis: str
    waiting_since: datetime
    urgent_since: datetime | None


async def open_requests(conn: asyncpg.Connection) -> list[OpenRequest]:
    """List the regions with open requests."""
    rows = await conn.fetch(
        """
        SELECT region, kreis, waiting_since, urgent_since FROM steering_request
        WHERE generation > done_generation ORDER BY region
        """
    )
    return [OpenRequest(**dict(row)) for row in rows]


async def open_requests_for_status(conn: asyncpg.Connection) -> list[OpenRequest]:
    """List the regions with open requests, as the status role may see them."""
    rows = await conn.fetch("SELECT region, kreis, waiting_since, urgent_since FROM status.steering_request")
    return [OpenRequest(**dict(row)) for row in rows]


async def claim(conn: asyncpg.Connection, request: OpenRequest, token: UUID, seconds: float) -> bool:
    """Take the region's lease if nobody holds it; technical time is the database's."""
    row = await conn.fetchrow(
        """
        INSERT INTO steering_lease AS held (region, kreis, token, held_until)
        VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
        ON CONFLICT (region) DO UPDATE SET token = excluded.token, held_until = excluded.held_until
            WHERE held.held_until < clock_timestamp()
        RETURNING region
        """,
        request.region,
        request.kreis,
        token,
        seconds,
    )
    return row is not None


async def renew(conn: asyncpg.Connection, region: str, token: UUID, seconds: float) -> bool:
    """Hold the lease for longer; False if it is no longer ours. Locks it until the commit."""
    row = await conn.fetchrow(
        """
        UPDATE steering_lease SET held_until = clock_timestamp() + make_interval(secs => $3)
        WHERE region = $1 AND token = $2 RETURNING region
        """,
        region,
        token,
        seconds,
    )
    return row is not None


async def give_back(conn: asyncpg.Connection, region: str, token: UUID) -> None:
    """Give the lease back."""
    await conn.execute("DELETE FROM steering_lease WHERE region = $1 AND token = $2", region, token)


async def generation(conn: asyncpg.Connection, region: str) -> tuple[int, int]:
    """Read the latest generation of requests and the one that has been done."""
    rows = await conn.fetch(
        "SELECT generation, done_generation FROM steering_request WHERE region = $1", region
    )
    return (rows[0]["generation"], rows[0]["done_generation"]) if rows else (0, 0)


async def finish(conn: asyncpg.Connection, region: str, done: int) -> None:
    """Note that all requests up to a generation are done; later ones stay open."""
    await conn.execute(
        """
        UPDATE steering_request SET
            done_generation = $2,
            reasons = CASE WHEN generation > $2 THEN reasons ELSE '{}' END,
            waiting_since = CASE WHEN generation > $2 THEN waiting_last END,
            urgent_since = CASE WHEN urgent_last > $2 THEN urgent_since END
        WHERE region = $1 AND done_generation < $2
        """,
        region,
        done,
    )


async def read_people(conn: asyncpg.Connection, kreis: str) -> list[Person]:
    """Read the people who wait: active, without a seat, and not with the authority."""
    rows = await conn.fetch(
        """
        SELECT p.participant, p.version, p.office, p.town, p.standing, p.route, p.registered_on,
               p.course_types, p.granted_on, p.valid_until, p.cooperation_plan, p.available, p.earliest_start,
               p.needs_childcare, p.needs_women_only, p.needs_barrier_free, p.level, p.section,
               o.placement, o.version AS offer_version, o.course, o.entry_section, x.excluded
        FROM participant p
        LEFT JOIN placement o ON o.participant = p.participant AND o.state = 'proposed'
        LEFT JOIN (
            SELECT participant, array_agg(DISTINCT course ORDER BY course) AS excluded FROM placement
            WHERE state IN ('declined', 'expired', 'refused', 'released', 'left', 'transferred', 'completed',
                            'course_cancelled')
            GROUP BY participant
        ) x ON x.participant = p.participant
        WHERE p.kreis = $1 AND p.status = 'active' AND NOT EXISTS (
            SELECT FROM placement s WHERE s.participant = p.participant AND s.state IN
                ('sent_to_authority', 'reserved', 'accepted', 'confirmed', 'started', 'interrupted'))
        ORDER BY p.participant
        """,
        kreis,
    )
    return [_person(row) for row in rows]


def _person(row: asyncpg.Record) -> Person:
    offer = None
    if row["placement"] is not None:
        entry = EntryKey(row["course"], row["entry_section"])
        offer = Offer(row["placement"], row["offer_version"], entry)
    return Person(
        id=row["participant"],
        version=row["version"],
        office=row["office"],
        town=row["town"],
        standing=row["standing"],
        route=row["route"],
        registered_on=row["registered_on"],
        course_types=tuple(row["course_types"]),
        granted_on=row["granted_on"],
        valid_until=row["valid_until"],
        cooperation_plan=row["cooperation_plan"],
        available=tuple(row["available"]),
        earliest_start=row["earliest_start"],
        needs_childcare=row["needs_childcare"],
        needs_women_only=row["needs_women_only"],
        needs_barrier_free=row["needs_barrier_free"],
        level=row["level"],
        section=row["section"],
        excluded=tuple(row["excluded"] or ()),
        offer=offer,
    )


async def read_courses(conn: asyncpg.Connection, kreis: str, day: date) -> list[Course]:
    """Read the courses that have not ended, with the seats that nobody holds or may yet be assigned."""
    sections: dict[UUID, list[Section]] = defaultdict(list)
    for row in await conn.fetch(
        """
        SELECT s.course, s.number, s.starts_on, s.ends_on, s.ue,
               s.capacity - s.taken - count(a.placement) AS free
        FROM course_section s
        JOIN course c ON c.course = s.course AND c.state = 'announced'
        LEFT JOIN placement a ON a.course = s.course AND a.entry_section <= s.number
                              AND a.state = 'sent_to_authority'
        WHERE s.kreis = $1 AND s.ends_on >= $2 AND NOT s.removed AND s.completed_on IS NULL
        GROUP BY s.course, s.number
        ORDER BY s.course, s.number
        """,
        kreis,
        day,
    ):
        sections[row["course"]].append(
            Section(row["number"], row["starts_on"], row["ends_on"], row["ue"], row["free"])
        )
    rows = await conn.fetch(
        """
        SELECT course, version, provider, course_type, course_kind, town, times_of_day, target_level,
               childcare, women_only, barrier_free, online, registration_until,
               (venue->>'latitude')::float8 AS latitude, (venue->>'longitude')::float8 AS longitude
        FROM course WHERE kreis = $1 AND state = 'announced' AND course = ANY($2::uuid[]) ORDER BY course
        """,
        kreis,
        list(sections),
    )
    return [
        Course(
            id=row["course"],
            version=row["version"],
            provider=row["provider"],
            course_type=row["course_type"],
            kind=row["course_kind"],
            sections=tuple(sections[row["course"]]),
            town=row["town"],
            times_of_day=tuple(row["times_of_day"]),
            target_level=row["target_level"],
            childcare=row["childcare"],
            women_only=row["women_only"],
            barrier_free=row["barrier_free"],
            online=row["online"],
            registration_until=row["registration_until"],
            latitude=row["latitude"],
            longitude=row["longitude"],
        )
        for row in rows
    ]


async def lock_courses(conn: asyncpg.Connection, courses: Iterable[UUID]) -> dict[UUID, int]:
    """Lock courses in id order and say which versions they have now; those that are over are left out."""
    rows = await conn.fetch(
        """
        SELECT course, version, state FROM course WHERE course = ANY($1::uuid[])
        ORDER BY course FOR NO KEY UPDATE
        """,
        sorted(courses),
    )
    return {row["course"]: row["version"] for row in rows if row["state"] == "announced"}


async def versions_of(conn: asyncpg.Connection, people: Iterable[UUID]) -> dict[UUID, int]:
    """Say which versions the facts about people have now."""
    rows = await conn.fetch(
        "SELECT participant, version FROM participant WHERE participant = ANY($1::uuid[])", list(people)
    )
    return {row["participant"]: row["version"] for row in rows}


async def put_content(conn: asyncpg.Connection, kreis: str, sha256: bytes, packed: bytes) -> None:
    """Store compressed bytes under the name of what they hold."""
    await conn.execute(
        """
        INSERT INTO steering_content (sha256, kreis, content) VALUES ($1, $2, $3)
        ON CONFLICT (sha256) DO NOTHING
        """,
        sha256,
        kreis,
        packed,
    )


async def content(conn: asyncpg.Connection, sha256: bytes) -> bytes:
    """Return stored compressed bytes."""
    row = await conn.fetchrow("SELECT content FROM steering_content WHERE sha256 = $1", sha256)
    if row is None:
        raise LookupError("no such content is stored")
    packed: bytes = row["content"]
    return packed


async def put_run(conn: asyncpg.Connection, run: Mapping[str, Any]) -> None:
    """Store a run; the keys are the columns of steering_run."""
    await conn.execute(
        """
        INSERT INTO steering_run (run, region, kreis, generation, decided_at, snapshot, result, rules_version,
            policy_version, engine_version, status, people, entries, pairs, placed, proposed, withdrawn,
            stale, tiers, timing)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
            $19::text::jsonb, $20::text::jsonb)
        """,
        *(
            orjson.dumps(run[name]).decode() if name in {"tiers", "timing"} else run[name]
            for name in RUN_COLUMNS
        ),
    )


RUN_COLUMNS = (
    "run", "region", "kreis", "generation", "decided_at", "snapshot", "result", "rules_version",
    "policy_version", "engine_version", "status", "people", "entries", "pairs", "placed", "proposed",
    "withdrawn", "stale", "tiers", "timing",
)  # fmt: skip


async def run_of(conn: asyncpg.Connection, run: UUID) -> tuple[bytes, bytes, str]:
    """Return the names of a run's snapshot and result, and the engine's version."""
    row = await conn.fetchrow("SELECT snapshot, result, engine_version FROM steering_run WHERE run = $1", run)
    if row is None:
        raise LookupError("no such run")
    return row["snapshot"], row["result"], row["engine_version"]


async def put_main_reasons(
    conn: asyncpg.Connection, kreis: str, run: UUID, told: Sequence[Explanation], now: datetime
) -> list[UUID]:
    """Replace the main reasons of a Kreis; return the people without a place whose reason is another one.

    Numbers in a reason change from day to day; it is the same reason as long as code and rules are.
    A row that would not change keeps the run that wrote it.
    """
    rows = await conn.fetch(
        """
        WITH new AS (
            SELECT * FROM unnest($3::uuid[], $4::bool[], $5::text[], $6::text[], $7::int[], $8::int[])
                AS n (participant, placed, code, params, suitable, eligible)
        ), old AS (
            SELECT o.participant, o.placed, o.code, o.params->>'rules' AS rules, o.since
            FROM main_reason o WHERE o.kreis = $1 OR o.participant = ANY($3::uuid[])
        ), gone AS (
            DELETE FROM main_reason m
            WHERE m.kreis = $1 AND NOT EXISTS (SELECT FROM new n WHERE n.participant = m.participant)
        ), written AS (
            INSERT INTO main_reason (participant, kreis, run, placed, code, params, since, suitable, eligible)
            SELECT n.participant, $1, $2, n.placed, n.code, n.params::jsonb,
                   CASE WHEN o.code = n.code AND o.rules IS NOT DISTINCT FROM n.params::jsonb->>'rules'
                        THEN o.since ELSE $9 END,
                   n.suitable, n.eligible
            FROM new n LEFT JOIN old o USING (participant)
            ON CONFLICT (participant) DO UPDATE SET kreis = excluded.kreis, run = excluded.run,
                placed = excluded.placed, code = excluded.code, params = excluded.params,
                since = excluded.since, suitable = excluded.suitable, eligible = excluded.eligible
            WHERE (main_reason.kreis, main_reason.placed, main_reason.code, main_reason.params,
                   main_reason.suitable, main_reason.eligible)
                IS DISTINCT FROM (excluded.kreis, excluded.placed, excluded.code, excluded.params,
                                  excluded.suitable, excluded.eligible)
        )
        SELECT n.participant FROM new n LEFT JOIN old o USING (participant)
        WHERE NOT n.placed AND (o.code IS DISTINCT FROM n.code
              OR o.rules IS DISTINCT FROM n.params::jsonb->>'rules' OR o.placed)
        ORDER BY n.participant
        """,
        kreis,
        run,
        [one.person for one in told],
        [one.place is not None for one in told],
        [one.main.code for one in told],
        [orjson.dumps(one.main.params).decode() for one in told],
        [one.suitable for one in told],
        [one.eligible for one in told],
        now,
    )
    return [row["participant"] for row in rows]
