"""Finds and erases what the support side holds about people; keeps the reports."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from schemas.erasures import ErasureAcknowledged, ParticipantErased
from services.notifications.alerts import forgetting
from services.runtime.base.identity_key import IdentityKey
from services.runtime.data.db import Connection

SERVICES = frozenset({"gateway", "allocation", "notifications"})

_TABLES = (
    "person", "participant_fact", "registration", "placement", "consent", "consent_step", "consent_evidence",
    "disclosure", "disclosure_log", "alert", "course_exit", "attendance", "section_result", "exam_result",
    "risk", "reconsider",
)  # fmt: skip

_KNOWN = " UNION ".join(f"SELECT participant_id AS id FROM {table}" for table in _TABLES)

_PARKED = """
    SELECT DISTINCT subject::uuid AS id FROM runtime.parked
    WHERE subject ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    """


async def known_ids(conn: Connection) -> list[UUID]:
    """List the ids of everybody of whom there is a row."""
    rows = [*await conn.fetch(_KNOWN), *await conn.fetch(_PARKED)]
    merged = await conn.fetch("SELECT merged, into_participant FROM participant_merge")
    ids = {row["id"] for row in rows} | {id_ for row in merged for id_ in tuple(row)}
    return [id_ for id_ in ids if id_ is not None]


_UNDER_CONSENT = ("attendance", "section_result", "exam_result", "risk", "person_key")


async def under_consent(conn: Connection, people: Sequence[UUID]) -> dict[str, int]:
    """Count what goes when a person's consents end or their row does."""
    return {
        table: await conn.fetchval(
            f"SELECT count(*) FROM {table} WHERE participant_id = ANY($1::uuid[])",
            people,
        )
        for table in _UNDER_CONSENT
    }


async def matters(conn: Connection, people: Sequence[UUID]) -> list[UUID]:
    """Return the placements and risks of people: alerts name them even where the person was forgotten."""
    rows = await conn.fetch(
        """
        SELECT placement_id AS id FROM placement WHERE participant_id = ANY($1::uuid[])
        UNION SELECT risk_id FROM risk WHERE participant_id = ANY($1::uuid[])
        """,
        people,
    )
    return [row["id"] for row in rows]


async def erase(
    conn: Connection, people: Sequence[UUID], about: Sequence[UUID], day: date, key: IdentityKey
) -> dict[str, int]:
    """Erase people without open consents, and their `matters`; return the rows of each table."""
    await _prove_consents(conn, people, day, key)
    counts = {"alert": await forgetting.forget_erased(conn, people, about)}
    for table, statement in _DELETIONS.items():
        counts[table] = len(await conn.fetch(statement, people))
    changed = await conn.fetchval("SELECT pseudonymise_disclosure_log($1::uuid[], $2)", people, uuid4())
    return counts | {"disclosure_log": int(changed)}


_DELETIONS = {
    "person": "DELETE FROM person WHERE participant_id = ANY($1::uuid[]) RETURNING 1",
    "placement_offer": """
        DELETE FROM placement_offer AS o USING placement AS p
        WHERE p.placement_id = o.placement_id AND p.participant_id = ANY($1::uuid[]) RETURNING 1
        """,
    "placement": "DELETE FROM placement WHERE participant_id = ANY($1::uuid[]) RETURNING 1",
    "disclosure": "DELETE FROM disclosure WHERE participant_id = ANY($1::uuid[]) RETURNING 1",
    "registration": "DELETE FROM registration WHERE participant_id = ANY($1::uuid[]) RETURNING 1",
    "participant_fact": "DELETE FROM participant_fact WHERE participant_id = ANY($1::uuid[]) RETURNING 1",
    "participant_merge": """
        DELETE FROM participant_merge WHERE merged = ANY($1::uuid[]) OR into_participant = ANY($1::uuid[])
        RETURNING 1
        """,
    "consent": "DELETE FROM consent WHERE participant_id = ANY($1::uuid[]) RETURNING 1",
    "consent_step": "DELETE FROM consent_step WHERE participant_id = ANY($1::uuid[]) RETURNING 1",
    "consent_evidence": "DELETE FROM consent_evidence WHERE participant_id = ANY($1::uuid[]) RETURNING 1",
    "attendance": "DELETE FROM attendance WHERE participant_id = ANY($1::uuid[]) RETURNING 1",
    "section_result": "DELETE FROM section_result WHERE participant_id = ANY($1::uuid[]) RETURNING 1",
    "exam_result": "DELETE FROM exam_result WHERE participant_id = ANY($1::uuid[]) RETURNING 1",
    "course_exit": "DELETE FROM course_exit WHERE participant_id = ANY($1::uuid[]) RETURNING 1",
    "risk": "DELETE FROM risk WHERE participant_id = ANY($1::uuid[]) RETURNING 1",
    "reconsider": "DELETE FROM reconsider WHERE participant_id = ANY($1::uuid[]) RETURNING 1",
}


async def open_alerts(conn: Connection, people: Sequence[UUID]) -> list[asyncpg.Record]:
    """Lock and return the alerts about these people that have not ended."""
    return await conn.fetch(
        """
        SELECT alert_id, opening, organisation, office, state FROM alert
        WHERE participant_id = ANY($1::uuid[]) AND ended_at IS NULL ORDER BY alert_id FOR UPDATE
        """,
        people,
    )


async def _prove_consents(conn: Connection, people: Sequence[UUID], day: date, key: IdentityKey) -> None:
    rows = await conn.fetch(
        """
        SELECT participant_id, office, purpose, given_on, coalesce(revoked_on, ended_at::date) AS ended_on
        FROM consent WHERE participant_id = ANY($1::uuid[])
        """,
        people,
    )
    await conn.executemany(
        """
        INSERT INTO consent_proof (proof, office, purpose, given_on, ended_on, erased_on)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (proof) DO NOTHING
        """,
        [
            (
                key.of_consent(row["participant_id"], row["office"], row["purpose"]),
                row["office"],
                row["purpose"],
                row["given_on"],
                row["ended_on"],
                day,
            )
            for row in rows
        ],
    )


async def prune_proofs(conn: Connection, days: int, today: date) -> int:
    """Delete proofs of consents so many days after the erasure; return how many."""
    rows = await conn.fetch(
        "DELETE FROM consent_proof WHERE erased_on < $1 RETURNING 1", today - timedelta(days=days)
    )
    return len(rows)


async def add_erasure(conn: Connection, said: ParticipantErased) -> None:
    """Store that an erasure is under way."""
    await conn.execute(
        """
        INSERT INTO erasure (erasure, organisation, office, erased_on, asked_at)
        VALUES ($1, coalesce((SELECT organisation FROM runtime.publisher WHERE slug = $2), $2), $2, $3, $4)
        ON CONFLICT (erasure) DO NOTHING
        """,
        said.erasure,
        said.office,
        said.erased_on,
        said.decided_at,
    )


async def add_reports(conn: Connection, reports: Sequence[ErasureAcknowledged]) -> None:
    """Store what services say they have erased, together with what they said before.

    Reports of one erasure come by two ways, this service's own and the others'. Each waits for the other's
    commit: the last one must see all of them to say that the erasure is complete.
    """
    for erasure_id in sorted({one.erasure for one in reports}):
        await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"erasure/{erasure_id}")
    for one in reports:
        before: dict[str, Any] | None = await conn.fetchval(
            "SELECT report FROM erasure_report WHERE erasure = $1 AND service = $2 FOR UPDATE",
            one.erasure,
            one.service,
        )
        await conn.execute(
            """
            INSERT INTO erasure_report (erasure, service, acknowledged_at, report) VALUES ($1, $2, $3, $4)
            ON CONFLICT (erasure, service) DO UPDATE SET report = EXCLUDED.report,
                acknowledged_at = EXCLUDED.acknowledged_at
            """,
            one.erasure,
            one.service,
            one.acknowledged_at,
            _with_more(before, one),
        )
    await conn.execute(
        """
        UPDATE erasure AS e SET completed_at = (SELECT max(r.acknowledged_at) FROM erasure_report AS r
            WHERE r.erasure = e.erasure)
        WHERE e.erasure = ANY($1::uuid[]) AND e.completed_at IS NULL AND (SELECT count(*)
            FROM erasure_report AS r WHERE r.erasure = e.erasure AND r.service = ANY($2::text[])) = $3
        """,
        [one.erasure for one in reports],
        sorted(SERVICES),
        len(SERVICES),
    )


def _with_more(before: Mapping[str, Any] | None, said: ErasureAcknowledged) -> dict[str, Any]:
    report = said.model_dump(mode="json", include={"erased", "kept"})
    rows = {(one["table"], one["how"]): one["rows"] for one in report["erased"]}
    for one in (before or {}).get("erased", ()):
        name = one["table"], one["how"]
        rows[name] = max(rows.get(name, 0), one["rows"])
    erased = [{"table": table, "how": how, "rows": n} for (table, how), n in sorted(rows.items())]
    return report | {"erased": erased}


async def erasures(conn: Connection, limit: int) -> list[asyncpg.Record]:
    """List the latest erasures that the connection may see."""
    return await conn.fetch(
        """
        SELECT erasure, office, erased_on, asked_at, completed_at FROM erasure
        ORDER BY asked_at DESC, erasure LIMIT $1
        """,
        limit,
    )


async def erasure(conn: Connection, erasure_id: UUID) -> asyncpg.Record | None:
    """Return one erasure that the connection may see."""
    return await conn.fetchrow(
        "SELECT erasure, office, erased_on, asked_at, completed_at FROM erasure WHERE erasure = $1",
        erasure_id,
    )


async def reports(conn: Connection, erasure_id: UUID) -> dict[str, asyncpg.Record]:
    """Return what each service has said about an erasure."""
    rows = await conn.fetch(
        "SELECT service, acknowledged_at, report FROM erasure_report WHERE erasure = $1 ORDER BY service",
        erasure_id,
    )
    return {row["service"]: row for row in rows}
