"""Says of each registered table how a person's rows are found in it, or why it tells of no one person.

A row is read whole (`to_jsonb`), so that a new column is told from its first day on. Only what `HIDDEN`
names is taken out again. A test goes through the registry: a table that is named nowhere fails it.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from services.runtime.data.db import Connection

FOUND_BY: Mapping[str, str] = {
    "person": "SELECT to_jsonb(t) FROM person AS t WHERE participant_id = ANY($1::uuid[])",
    "person_key": "SELECT to_jsonb(t) FROM person_key AS t WHERE participant_id = ANY($1::uuid[])",
    "participant_fact": """
        SELECT to_jsonb(t) FROM participant_fact AS t WHERE participant_id = ANY($1::uuid[])
        """,
    "participant_merge": """
        SELECT to_jsonb(t) FROM participant_merge AS t
        WHERE merged = ANY($1::uuid[]) OR into_participant = ANY($1::uuid[])
        """,
    "registration": """
        SELECT to_jsonb(t) FROM registration AS t WHERE participant_id = ANY($1::uuid[]) ORDER BY begun_at
        """,
    "placement": """
        SELECT to_jsonb(t) FROM placement AS t WHERE participant_id = ANY($1::uuid[]) ORDER BY decided_at
        """,
    "placement_offer": """
        SELECT to_jsonb(t) FROM placement_offer AS t JOIN placement AS p USING (placement_id)
        WHERE p.participant_id = ANY($1::uuid[]) ORDER BY p.decided_at
        """,
    "consent": """
        SELECT to_jsonb(t) FROM consent AS t WHERE participant_id = ANY($1::uuid[]) ORDER BY given_on, office
        """,
    "consent_step": """
        SELECT to_jsonb(t) FROM consent_step AS t WHERE participant_id = ANY($1::uuid[]) ORDER BY recorded_at
        """,
    "consent_evidence": """
        SELECT to_jsonb(t) FROM consent_evidence AS t WHERE participant_id = ANY($1::uuid[])
        ORDER BY entered_at
        """,
    "attendance": """
        SELECT to_jsonb(t) FROM attendance AS t WHERE participant_id = ANY($1::uuid[]) ORDER BY day
        """,
    "held_mark": "SELECT to_jsonb(t) FROM held_mark AS t WHERE person = ANY($1::uuid[]) ORDER BY day",
    "section_result": "SELECT to_jsonb(t) FROM section_result AS t WHERE participant_id = ANY($1::uuid[])",
    "exam_result": "SELECT to_jsonb(t) FROM exam_result AS t WHERE participant_id = ANY($1::uuid[])",
    "course_exit": "SELECT to_jsonb(t) FROM course_exit AS t WHERE participant_id = ANY($1::uuid[])",
    "risk": "SELECT to_jsonb(t) FROM risk AS t WHERE participant_id = ANY($1::uuid[]) ORDER BY raised_at",
    "reconsider": "SELECT to_jsonb(t) FROM reconsider AS t WHERE participant_id = ANY($1::uuid[])",
    "alert": "SELECT to_jsonb(t) FROM alert AS t WHERE participant_id = ANY($1::uuid[]) ORDER BY raised_at",
    "alert_step": """
        SELECT to_jsonb(t) FROM alert_step AS t JOIN alert AS a USING (alert_id)
        WHERE a.participant_id = ANY($1::uuid[]) ORDER BY t.at
        """,
    "escalation": """
        SELECT to_jsonb(t) FROM escalation AS t JOIN alert AS a USING (alert_id)
        WHERE a.participant_id = ANY($1::uuid[]) ORDER BY t.due_at
        """,
    "delivery": """
        SELECT to_jsonb(t) FROM delivery AS t JOIN alert AS a USING (alert_id)
        WHERE a.participant_id = ANY($1::uuid[]) ORDER BY t.created_at
        """,
    "delivery_attempt": """
        SELECT to_jsonb(t) FROM delivery_attempt AS t JOIN delivery AS d USING (delivery_id)
        JOIN alert AS a USING (alert_id) WHERE a.participant_id = ANY($1::uuid[]) ORDER BY t.started_at
        """,
    "disclosure": """
        SELECT to_jsonb(t) FROM disclosure AS t WHERE participant_id = ANY($1::uuid[]) ORDER BY opened_at
        """,
    "disclosure_log": """
        SELECT to_jsonb(t) FROM disclosure_log AS t WHERE participant_id = ANY($1::uuid[]) ORDER BY at, id
        """,
}

TELLS_OF_NOBODY: Mapping[str, str] = {
    "consent_proof": "only a keyed hash of somebody who was erased",
    "erasure": "erasures by random id, of nobody who is still known",
    "erasure_report": "erasures by random id, of nobody who is still known",
    "office_change": "what staff changed about an office",
    "telling_change": "what staff changed about how an office is told",
    "silence": "when staff had the mails to an office held, and why",
    "delivery_resend": "when staff had a message sent again, and why",
    "risk_parameters": "what heads of offices decided about rules, for everybody",
    "reminder": "when an office is reminded of an alert, which is told above",
    "keys.person_secret": "a key that opens the sealed name, which is told opened",
    "runtime.erased": "only keyed hashes of those who were erased",
    "runtime.inbox": "only keyed hashes, so that nothing is applied twice",
    "runtime.outbox": "on its way, for seconds",
    "runtime.parked": "waits some days for something not yet known; then it is told above, or dropped",
    "runtime.quarantine": "where a refused record lies, without its values",
    "runtime.work_failure": "work that is tried again, by id",
}
"""Registered tables that say nothing more about one person, and why."""

HIDDEN: Mapping[str, Mapping[str, str]] = {
    "person": {"sealed": "told opened, as contact", "likeness": "a keyed hash of name and birth date"},
    "person_key": {"wrapped": "a key"},
    "registration": {"lease_token": "of a process"},
    "held_mark": {"person": "the person, as a keyed hash"},
    "consent_evidence": {"entered_by": "another person: who entered it"},
    "alert": {
        "taken_by": "another person: who took it",
        "snoozed_by": "another person: who put it off",
    },
    "delivery": {"lease_token": "of a process"},
    "delivery_attempt": {"token": "of a process"},
    "disclosure_log": {"actor": "another person: who looked. The organisation is told"},
}
"""Columns that are not told, and why."""

UNDER_CONSENT = frozenset(
    {
        "consent", "consent_step", "consent_evidence", "attendance", "held_mark", "section_result",
        "exam_result", "risk", "reconsider", "alert", "alert_step", "escalation", "delivery",
        "delivery_attempt", "person_key",
    }
)  # fmt: skip
"""Tables from which an authority learns nothing, not even whether there are rows."""

OPEN_TO_AUTHORITIES = frozenset({"registration", "roster", "subject_access"})
"""Purposes of disclosures and looks that have nothing to do with consent."""


async def rows_of(conn: Connection, table: str, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Return a person's rows of a table, without what is hidden."""
    hidden = HIDDEN.get(table, {})
    return [
        {name: value for name, value in row[0].items() if name not in hidden}
        for row in await conn.fetch(FOUND_BY[table], list(ids))
    ]


async def names(conn: Connection) -> dict[str, str]:
    """Return what offices, schools and organisations are called, by their slugs."""
    rows = await conn.fetch(
        """
        SELECT tenant AS slug, name FROM accounts.organisation WHERE tenant IS NOT NULL
        UNION ALL SELECT slug, name FROM runtime.publisher UNION ALL SELECT slug, name FROM office
        """
    )
    return {row["slug"]: row["name"] for row in rows}
