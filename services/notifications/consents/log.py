"""What was said about each consent, and what follows from it, in whatever order it was read (ADR 0048)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from services.notifications.consents.domain import Consent
from services.runtime.data.db import Connection

EVERY = ""
"""Office or purpose of a step that concerns every one."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What one grant says about one consent."""

    consent: Consent
    registrar: str
    registrar_organisation: str
    registrar_authority: bool
    given_on: date
    valid_until: date
    form: str | None
    cause: UUID


@dataclass(frozen=True, slots=True)
class Step:
    """What ended a consent: the person revoked it, who entered the grant retracted it, or it lapsed.

    `cause` is the event that says so; of a retraction it is the grant that is retracted.
    """

    cause: UUID
    consent: Consent
    step: Literal["revoked", "retracted", "lapsed"]
    said_on: date


async def add_grants(conn: Connection, grants: Sequence[Granted], now: datetime) -> None:
    """Add grants to the log; the same one only once."""
    await conn.execute(
        """
        INSERT INTO consent_step (participant_id, office, purpose, registrar, registrar_organisation,
        registrar_authority, said_on, valid_until, form, cause, step, recorded_at)
        SELECT *, 'granted', $11 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[],
            $6::boolean[], $7::date[], $8::date[], $9::text[], $10::uuid[])
        ON CONFLICT DO NOTHING
        """,
        *columns(grants),
        now,
    )


def columns(grants: Sequence[Granted]) -> tuple[list[Any], ...]:
    """Return the columns of grants, one list for each: participant, office, purpose, then as in `Granted`."""
    return (
        [one.consent.participant for one in grants],
        [one.consent.office for one in grants],
        [one.consent.purpose for one in grants],
        [one.registrar for one in grants],
        [one.registrar_organisation for one in grants],
        [one.registrar_authority for one in grants],
        [one.given_on for one in grants],
        [one.valid_until for one in grants],
        [one.form for one in grants],
        [one.cause for one in grants],
    )


async def add(conn: Connection, steps: Sequence[Step], now: datetime) -> None:
    """Add what ended consents to the log; the same step only once."""
    await conn.execute(
        """
        INSERT INTO consent_step (cause, participant_id, office, purpose, step, said_on, recorded_at)
        SELECT c, p, o, u, s, d, $7
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::date[])
            AS new (c, p, o, u, s, d) ON CONFLICT DO NOTHING
        """,
        [step.cause for step in steps],
        [step.consent.participant for step in steps],
        [step.consent.office for step in steps],
        [step.consent.purpose for step in steps],
        [step.step for step in steps],
        [step.said_on for step in steps],
        now,
    )


async def standing(conn: Connection, consents: Collection[Consent]) -> list[Granted]:
    """Return the grant that holds of each of these consents; of one that nothing holds of, none.

    The newest signature holds, unless its grant was retracted, or the person revoked it: on a later day
    than they signed, or after it was read. So an old paper that comes late neither brings back what was
    taken back since, nor replaces a newer one, and a revocation counts at once whatever day it names.
    """
    rows = await conn.fetch(
        """
        SELECT DISTINCT ON (g.participant_id, g.office, g.purpose) g.participant_id, g.office, g.purpose,
            g.registrar, g.registrar_organisation, g.registrar_authority, g.said_on, g.valid_until, g.form,
            g.cause
        FROM unnest($1::uuid[], $2::text[], $3::text[]) AS k (participant_id, office, purpose)
        JOIN consent_step AS g USING (participant_id, office, purpose)
        WHERE g.step = 'granted' AND g.valid_until IS NOT NULL
            AND NOT EXISTS (SELECT FROM consent_step AS s WHERE s.cause = g.cause AND s.step = 'retracted')
            AND NOT EXISTS (SELECT FROM consent_step AS s WHERE s.participant_id = g.participant_id
                AND s.step = 'revoked' AND s.office IN (g.office, $4) AND s.purpose IN (g.purpose, $4)
                AND (s.said_on > g.said_on OR s.position > g.position))
        ORDER BY g.participant_id, g.office, g.purpose, g.said_on DESC, g.position DESC
        """,
        [one.participant for one in consents],
        [one.office for one in consents],
        [one.purpose for one in consents],
        EVERY,
    )
    return [Granted(Consent(*tuple(row)[:3]), *tuple(row)[3:]) for row in rows]


async def granted_by(conn: Connection, cause: UUID) -> list[Consent]:
    """Return the consents that this grant named; none if it was not read."""
    rows = await conn.fetch(
        "SELECT participant_id, office, purpose FROM consent_step WHERE cause = $1 AND step = 'granted'",
        cause,
    )
    return [Consent(*row.values()) for row in rows]


async def retracted(conn: Connection, grants: Sequence[UUID]) -> set[UUID]:
    """Return which of these grants were corrected or retracted, be it before they were read."""
    rows = await conn.fetch(
        "SELECT DISTINCT cause FROM consent_step WHERE cause = ANY($1::uuid[]) AND step = 'retracted'",
        list(grants),
    )
    return {row["cause"] for row in rows}
