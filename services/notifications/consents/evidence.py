"""Keeps what proves a consent signed on paper: who entered it, on which form, where the paper lies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.runtime.data.db import Connection

LONGEST_PAPER = 100


@dataclass(frozen=True, slots=True)
class Evidence:
    """A row of `consent_evidence`; `cause` is the grant that it proves."""

    cause: UUID
    participant: UUID
    organisation: str
    office: str
    form: str
    language: str
    paper: str
    entered_by: str


async def add(conn: Connection, rows: Sequence[Evidence], now: datetime) -> None:
    """Add evidence, for the web role; what is sent again is there already."""
    await conn.executemany(
        """
        INSERT INTO consent_evidence (cause, participant_id, organisation, office, form, language, paper,
        entered_by, entered_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
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
