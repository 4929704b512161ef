"""Deletes from alerts whom they were about, and from their logs what tells about that person."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from services.notifications.alerts.domain import AlertCommand, WithdrawalReason
from services.runtime.data.db import Connection

_SAYS_NOTHING = frozenset(
    {*AlertCommand, *WithdrawalReason, "snoozed", "passed_on", "handed_over", "office_closed"}
)
"""Reasons of steps that tell nothing about anybody: others were typed, or name what decided the routing."""


async def forget_steps(conn: Connection, alerts: Sequence[UUID]) -> None:
    """Delete from the logs of alerts the reasons that may tell about a person."""
    await conn.execute(
        "UPDATE alert_step SET reason = '' WHERE alert_id = ANY($1::uuid[]) AND reason <> ALL($2::text[])",
        list(alerts),
        [*_SAYS_NOTHING, ""],
    )


async def forget_ended(conn: Connection, keys: Sequence[tuple[UUID, str, str]]) -> None:
    """Delete from ended alerts under these consents (participant, office, purpose) whom they were about."""
    rows = await conn.fetch(
        """
        UPDATE alert AS a SET participant_id = NULL, routing = '{}', chain = '{}', taken_by = NULL,
        snoozed_by = NULL,
        reason = jsonb_build_object('code', a.reason ->> 'code', 'params', '{}'::jsonb)
        FROM unnest($1::uuid[], $2::text[], $3::text[]) AS gone (p, o, u)
        WHERE a.participant_id = gone.p AND a.office = gone.o AND a.purpose = gone.u
        AND a.ended_at IS NOT NULL RETURNING a.alert_id
        """,
        [key[0] for key in keys],
        [key[1] for key in keys],
        [key[2] for key in keys],
    )
    await forget_steps(conn, [row["alert_id"] for row in rows])


async def forget_old(conn: Connection, before: date) -> int:
    """Delete from alerts that ended before a day whom they were about; return how many they were."""
    rows = await conn.fetch(
        """
        UPDATE alert SET participant_id = NULL, routing = '{}', chain = '{}', taken_by = NULL,
        snoozed_by = NULL, reason = jsonb_build_object('code', reason ->> 'code', 'params', '{}'::jsonb)
        WHERE ended_at::date < $1 AND participant_id IS NOT NULL RETURNING alert_id
        """,
        before,
    )
    await forget_steps(conn, [row["alert_id"] for row in rows])
    return len(rows)


async def forget_erased(conn: Connection, people: Sequence[UUID], about: Sequence[UUID]) -> int:
    """Delete from alerts whom and what they were about; they count as answered or not, and nothing else.

    An alert that was forgotten before has no person any more: its placement or risk (`about`) tells whose
    it was.
    """
    rows = await conn.fetch(
        """
        UPDATE alert SET participant_id = NULL, matter = gen_random_uuid(), routing = '{}', chain = '{}',
            taken_by = NULL, snoozed_by = NULL,
            reason = jsonb_build_object('code', reason ->> 'code', 'params', '{}'::jsonb)
        WHERE participant_id = ANY($1::uuid[]) OR matter = ANY($2::uuid[])
        RETURNING alert_id
        """,
        people,
        about,
    )
    await forget_steps(conn, [row["alert_id"] for row in rows])
    return len(rows)
