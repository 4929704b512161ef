"""Reads and writes what holds of each consent."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from services.notifications.consents.domain import Consent
from services.notifications.consents.log import Granted, columns
from services.runtime.data.db import Connection


async def put(conn: Connection, grants: Sequence[Granted]) -> None:
    """Store the grants that hold, as `log.standing` returns them; one that is stored already stays as it is.

    Two grants of one person may be read at the same time, each without the other: the newer one stays.
    """
    await conn.execute(
        """
        INSERT INTO consent (participant_id, office, purpose, registrar, registrar_organisation,
        registrar_authority, given_on, valid_until, form, cause)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[],
            $7::date[], $8::date[], $9::text[], $10::uuid[])
        ON CONFLICT (participant_id, office, purpose) DO UPDATE SET registrar = EXCLUDED.registrar,
            registrar_organisation = EXCLUDED.registrar_organisation,
            registrar_authority = EXCLUDED.registrar_authority, given_on = EXCLUDED.given_on,
            valid_until = EXCLUDED.valid_until, form = EXCLUDED.form, cause = EXCLUDED.cause,
            revoked_on = NULL, ended_at = NULL
        WHERE consent.cause IS DISTINCT FROM EXCLUDED.cause AND (
            consent.ended_at IS NOT NULL OR consent.given_on <= EXCLUDED.given_on
            OR EXISTS (SELECT FROM consent_step AS s WHERE s.cause = consent.cause AND s.step = 'retracted'))
        """,
        *columns(grants),
    )


async def open_of(conn: Connection, participants: Sequence[UUID]) -> list[Consent]:
    """Lock and return the consents of these people that have not ended."""
    return [
        Consent(*row.values())
        for row in await conn.fetch(
            """
            SELECT participant_id, office, purpose FROM consent
            WHERE participant_id = ANY($1::uuid[]) AND ended_at IS NULL
            ORDER BY participant_id, office, purpose FOR UPDATE
            """,
            list(participants),
        )
    ]


async def rests_on(conn: Connection, cause: UUID) -> bool:
    """Return whether an open consent rests on this grant."""
    return bool(
        await conn.fetchval(
            "SELECT EXISTS (SELECT FROM consent WHERE cause = $1 AND ended_at IS NULL)", cause
        )
    )


async def valid(
    conn: Connection, participants: Sequence[UUID], purposes: Sequence[str], today: date
) -> list[Consent]:
    """Return the consents of these people that count today: not ended, and not past their last day."""
    return [
        Consent(*row.values())
        for row in await conn.fetch(
            """
            SELECT participant_id, office, purpose FROM consent WHERE participant_id = ANY($1::uuid[])
            AND purpose = ANY($2::text[]) AND ended_at IS NULL AND valid_until >= $3
            """,
            list(participants),
            list(purposes),
            today,
        )
    ]


async def other_ids(conn: Connection, participants: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Return each merged person's other ids."""
    rows = await conn.fetch(
        """
        WITH RECURSIVE known AS (
            SELECT p AS asked, p AS id FROM unnest($1::uuid[]) AS p
            UNION SELECT k.asked, CASE WHEN m.merged = k.id THEN m.into_participant ELSE m.merged END
            FROM known AS k JOIN participant_merge AS m ON k.id IN (m.merged, m.into_participant))
        SELECT asked, array_agg(id ORDER BY id) AS others FROM known WHERE id <> asked GROUP BY asked
        """,
        list(participants),
    )
    return {row["asked"]: row["others"] for row in rows}


async def end(
    conn: Connection, consents: Sequence[Consent], revoked_on: Sequence[date | None], now: datetime
) -> None:
    """Mark consents as ended: revoked on a day, or lapsed (None)."""
    await conn.execute(
        """
        UPDATE consent AS c SET revoked_on = e.r, ended_at = $5
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::date[]) AS e (p, o, u, r)
        WHERE c.participant_id = e.p AND c.office = e.o AND c.purpose = e.u
        """,
        [consent.participant for consent in consents],
        [consent.office for consent in consents],
        [consent.purpose for consent in consents],
        list(revoked_on),
        now,
    )


async def lapsed(conn: Connection, today: date, limit: int) -> list[Consent]:
    """Lock and return at most `limit` consents whose last day has passed."""
    return [
        Consent(*row.values())
        for row in await conn.fetch(
            """
            SELECT participant_id, office, purpose FROM consent
            WHERE ended_at IS NULL AND valid_until < $1
            ORDER BY participant_id, office, purpose LIMIT $2 FOR UPDATE
            """,
            today,
            limit,
        )
    ]


async def still_open(conn: Connection, participants: Sequence[UUID], purpose: str) -> set[UUID]:
    """Return which people still have an open consent for a purpose, for whatever office."""
    return {
        row["participant_id"]
        for row in await conn.fetch(
            """
            SELECT DISTINCT participant_id FROM consent
            WHERE participant_id = ANY($1::uuid[]) AND purpose = $2 AND ended_at IS NULL
            """,
            list(participants),
            purpose,
        )
    }


async def unknown_offices(conn: Connection, offices: Sequence[str]) -> set[str]:
    """Return which of these slugs the directory does not know."""
    known = await conn.fetch("SELECT slug FROM office WHERE slug = ANY($1::text[])", list(offices))
    return set(offices) - {row["slug"] for row in known}
