"""Keeps what proves a consent signed on paper, or one that was taken back by word, and who entered it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.runtime.data.db import Connection

LONGEST_PAPER = 100
HOW = ("talk", "telephone", "writing")
"""How somebody can tell an office that they take a consent back."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A row of `consent_evidence`; `cause` is the grant that it proves, or with `told` the revocation."""

    cause: UUID
    participant: UUID
    organisation: str
    office: str
    form: str
    language: str
    paper: str
    entered_by: str
    told: str | None = None


async def add(conn: Connection, rows: Sequence[Evidence], now: datetime) -> None:
    """Add evidence; what is sent again is there already. The web role may add that of grants."""
    await conn.executemany(
        """
        INSERT INTO consent_evidence (cause, participant_id, organisation, office, form, language, paper,
        entered_by, told, entered_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING
        """,
        [
            (
                one.cause,
                one.participant,
                one.organisation,
                one.office,
                one.form,
                one.language,
                one.paper,
                one.entered_by,
                one.told,
                now,
            )
            for one in rows
        ],
    )


async def drop_without_consent(conn: Connection, before: datetime) -> int:
    """Delete older evidence of grants that never arrived; return how much. For the worker."""
    return len(
        await conn.fetch(
            """
            DELETE FROM consent_evidence AS e WHERE entered_at < $1
                AND NOT EXISTS (SELECT FROM consent_step AS s WHERE s.cause = e.cause) RETURNING 1
            """,
            before,
        )
    )
