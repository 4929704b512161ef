"""Reads and writes people, their keys, disclosures and the log of who read whom."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg

from services.runtime.data.db import Connection


async def own_key(conn: Connection, participant: UUID, organisation: str) -> asyncpg.Record | None:
    """Lock the data key as wrapped for this organisation; return it with the sealed data, or None."""
    return await conn.fetchrow(
        """
        SELECT k.wrapped, p.sealed FROM person_key AS k JOIN person AS p USING (participant_id)
        WHERE k.participant_id = $1 AND k.organisation = $2 FOR UPDATE OF k
        """,
        participant,
        organisation,
    )


async def add_person(
    conn: Connection,
    participant: UUID,
    *,
    organisation: str,
    office: str,
    reference: str,
    languages: Sequence[str],
    sealed: bytes,
    likeness: bytes | None,
    now: datetime,
) -> bool:
    """Insert a person; return False if the person is there already."""
    return (
        await conn.fetchval(
            """
            INSERT INTO person
            (participant_id, organisation, office, reference, languages, sealed, kept_at, likeness)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (participant_id) DO NOTHING RETURNING true
            """,
            participant,
            organisation,
            office,
            reference,
            list(languages),
            sealed,
            now,
            likeness,
        )
    ) is True


async def replace_person(
    conn: Connection,
    participant: UUID,
    *,
    languages: Sequence[str],
    sealed: bytes,
    likeness: bytes | None,
    now: datetime,
) -> None:
    """Replace the contact data of a known person."""
    await conn.execute(
        """
        UPDATE person SET languages = $2, sealed = $3, kept_at = $4, likeness = $5
        WHERE participant_id = $1
        """,
        participant,
        list(languages),
        sealed,
        now,
        likeness,
    )


async def alike(
    conn: Connection, organisation: str, office: str, likeness: bytes, other_than: UUID
) -> Sequence[asyncpg.Record]:
    """Return at most five records of an office that may be the same person."""
    return await conn.fetch(
        """
        SELECT participant_id, reference FROM person
        WHERE organisation = $1 AND likeness = $2 AND participant_id <> $3 AND office = $4
        ORDER BY reference LIMIT 5
        """,
        organisation,
        likeness,
        other_than,
        office,
    )


async def add_keys(conn: Connection, rows: Sequence[tuple[UUID, str, bytes]]) -> None:
    """Insert wrapped keys (participant, organisation, key); one that is there stays."""
    await conn.execute(
        """
        INSERT INTO person_key (participant_id, organisation, wrapped)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[]) ON CONFLICT DO NOTHING
        """,
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
    )


async def readable(
    conn: Connection, participants: Sequence[UUID], organisation: str, purpose: str, today: date
) -> list[asyncpg.Record]:
    """Return the people whom this organisation may read for this purpose today, with their wrapped keys."""
    return await conn.fetch(
        """
        SELECT p.participant_id, p.sealed, k.wrapped FROM person AS p
        JOIN person_key AS k ON k.participant_id = p.participant_id AND k.organisation = $2
        WHERE p.participant_id = ANY($1::uuid[]) AND (
            ($3 IN ('registration', 'routing', 'subject_access') AND p.organisation = $2)
            OR EXISTS (SELECT FROM disclosure AS d WHERE d.participant_id = p.participant_id
                AND d.organisation = $2 AND d.purpose = $3 AND d.ended_at IS NULL AND d.until >= $4))
        """,
        list(participants),
        organisation,
        purpose,
        today,
    )


async def sealed_of_office(
    conn: Connection, organisation: str, office: str, limit: int
) -> list[asyncpg.Record]:
    """Return an office's own people, sealed, with their references and wrapped keys; the last kept first."""
    return await conn.fetch(
        """
        SELECT p.participant_id, p.reference, p.sealed, k.wrapped FROM person AS p
        JOIN person_key AS k ON k.participant_id = p.participant_id AND k.organisation = p.organisation
        WHERE p.organisation = $1 AND p.office = $2 ORDER BY p.kept_at DESC, p.participant_id LIMIT $3
        """,
        organisation,
        office,
        limit,
    )


async def log_looks(
    conn: Connection,
    participants: Sequence[UUID],
    *,
    organisation: str,
    actor: str,
    purpose: str,
    fields: Sequence[str],
    now: datetime,
) -> None:
    """Log who read which fields of whom, and for which purpose."""
    await conn.execute(
        """
        INSERT INTO disclosure_log (at, participant_id, organisation, actor, purpose, fields)
        SELECT $1, p, $3, $4, $5, $6 FROM unnest($2::uuid[]) AS p
        """,
        now,
        list(participants),
        organisation,
        actor,
        purpose,
        list(fields),
    )


async def open_disclosures(
    conn: Connection,
    rows: Sequence[tuple[UUID, str, str, str, UUID, date]],
    now: datetime,
) -> None:
    """Open or prolong disclosures (participant, organisation, office, purpose, basis, until)."""
    await conn.execute(
        """
        INSERT INTO disclosure (participant_id, organisation, office, purpose, basis, until, opened_at)
        SELECT p, o, f, u, b, t, $7
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::date[])
            AS new (p, o, f, u, b, t)
        ON CONFLICT (participant_id, organisation, office, purpose, basis)
        DO UPDATE SET until = EXCLUDED.until, ended_at = NULL
        """,
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        [row[3] for row in rows],
        [row[4] for row in rows],
        [row[5] for row in rows],
        now,
    )


async def end_by_basis(conn: Connection, bases: Sequence[UUID], now: datetime) -> list[UUID]:
    """End the disclosures based on these placements or alerts; return the people concerned."""
    return [
        row["participant_id"]
        for row in await conn.fetch(
            """
            UPDATE disclosure SET ended_at = $2 WHERE basis = ANY($1::uuid[]) AND ended_at IS NULL
            RETURNING participant_id
            """,
            list(bases),
            now,
        )
    ]


async def end_by_consent(conn: Connection, rows: Sequence[tuple[UUID, str, str]], now: datetime) -> None:
    """End the disclosures under these consents (participant, office, purpose)."""
    await conn.execute(
        """
        UPDATE disclosure AS d SET ended_at = $4
        FROM unnest($1::uuid[], $2::text[], $3::text[]) AS gone (p, f, u)
        WHERE d.participant_id = gone.p AND d.office = gone.f AND d.purpose = gone.u
        AND d.ended_at IS NULL
        """,
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        now,
    )


async def end_by_date(conn: Connection, today: date, now: datetime) -> list[UUID]:
    """End the disclosures whose last day has passed; return the people concerned."""
    return [
        row["participant_id"]
        for row in await conn.fetch(
            """
            UPDATE disclosure SET ended_at = $2 WHERE until < $1 AND ended_at IS NULL
            RETURNING participant_id
            """,
            today,
            now,
        )
    ]


async def destroy_keys_without_disclosure(conn: Connection, participants: Sequence[UUID]) -> int:
    """Delete the keys of organisations that may no longer read, except the registering organisation's."""
    return len(
        await conn.fetch(
            """
            DELETE FROM person_key AS k USING person AS p
            WHERE k.participant_id = ANY($1::uuid[]) AND p.participant_id = k.participant_id
            AND k.organisation <> p.organisation
            AND NOT EXISTS (SELECT FROM disclosure AS d WHERE d.participant_id = k.participant_id
                AND d.organisation = k.organisation AND d.ended_at IS NULL)
            RETURNING 1
            """,
            list(participants),
        )
    )


async def replace_key(conn: Connection, participant: UUID, organisation: str, wrapped: bytes) -> None:
    """Let another wrapped key be an organisation's."""
    await conn.execute(
        "UPDATE person_key SET wrapped = $3 WHERE participant_id = $1 AND organisation = $2",
        participant,
        organisation,
        wrapped,
    )


async def everybody(conn: Connection) -> list[UUID]:
    """List everybody of whom contact data are kept."""
    return [row["participant_id"] for row in await conn.fetch("SELECT participant_id FROM person")]


async def missing_keys(conn: Connection, participants: Sequence[UUID]) -> list[asyncpg.Record]:
    """Return open disclosures whose organisation has no key yet, with the registering organisation's key."""
    return await conn.fetch(
        """
        SELECT DISTINCT d.participant_id, d.organisation, p.organisation AS registering, k.wrapped
        FROM disclosure AS d JOIN person AS p USING (participant_id)
        JOIN person_key AS k ON k.participant_id = p.participant_id AND k.organisation = p.organisation
        WHERE d.participant_id = ANY($1::uuid[]) AND d.ended_at IS NULL
        AND NOT EXISTS (SELECT FROM person_key AS o WHERE o.participant_id = d.participant_id
            AND o.organisation = d.organisation)
        """,
        list(participants),
    )


async def erase(conn: Connection, participants: Sequence[UUID], now: datetime) -> int:
    """Delete people with their keys and end every disclosure of them; return how many there were."""
    await conn.execute(
        "UPDATE disclosure SET ended_at = $2 WHERE participant_id = ANY($1::uuid[]) AND ended_at IS NULL",
        list(participants),
        now,
    )
    return len(
        await conn.fetch(
            "DELETE FROM person WHERE participant_id = ANY($1::uuid[]) RETURNING 1", list(participants)
        )
    )


async def orphans(conn: Connection, kept_before: datetime) -> list[UUID]:
    """Lock and return people whose contact data were kept before a day, but who were never registered."""
    return [
        row["participant_id"]
        for row in await conn.fetch(
            """
            SELECT participant_id FROM person AS p WHERE kept_at < $1
            AND NOT EXISTS (SELECT FROM participant_fact AS f WHERE f.participant_id = p.participant_id)
            AND NOT EXISTS (SELECT FROM registration AS r WHERE r.participant_id = p.participant_id
                AND r.state = 'pending') FOR UPDATE OF p SKIP LOCKED
            """,
            kept_before,
        )
    ]


async def request_reconciliation(conn: Connection, participants: Sequence[UUID]) -> None:
    """Queue these people: after this transaction their alerts are reconciled (alerts/reconciler.py)."""
    await conn.execute(
        """
        INSERT INTO reconsider (participant_id) SELECT DISTINCT p FROM unnest($1::uuid[]) AS p ORDER BY p
        ON CONFLICT (participant_id) DO UPDATE SET generation = reconsider.generation + 1,
            asked_at = coalesce(reconsider.asked_at, EXCLUDED.asked_at)
        """,
        list(participants),
    )
