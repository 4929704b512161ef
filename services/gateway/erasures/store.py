"""Finds and deletes what the doors hold about people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from schemas.identity import participant_id
from services.gateway.files.store import PEOPLE


@dataclass(frozen=True, slots=True)
class Known:
    """A row that leads to a person: the id, and an office with its reference where there is one."""

    participant: UUID
    publisher: str | None = None
    reference: str | None = None


async def known(conn: asyncpg.Connection) -> list[Known]:
    """List everybody whom the doors know by id or by reference."""
    rows = await conn.fetch(
        """
        SELECT participant, publisher, reference FROM minted_reference
        UNION SELECT participant, NULL, NULL FROM own_number
        UNION SELECT (event #>> '{data,participant}')::uuid, NULL, NULL FROM addressed
            WHERE event #>> '{data,participant}' IS NOT NULL
        UNION SELECT (event #>> '{data,merged}')::uuid, NULL, NULL FROM addressed
            WHERE event #>> '{data,merged}' IS NOT NULL
        UNION SELECT (event #>> '{data,into}')::uuid, NULL, NULL FROM addressed
            WHERE event #>> '{data,into}' IS NOT NULL
        """
    )
    found = [Known(*row.values()) for row in rows]
    imported = await conn.fetch("SELECT publisher, row_key FROM imported WHERE kind = $1", PEOPLE)
    for row in imported:
        reference = row["row_key"].removesuffix(" test")
        found.append(Known(participant_id(row["publisher"], reference), row["publisher"], reference))
    return found


async def erase(
    conn: asyncpg.Connection, people: Sequence[UUID], references: Mapping[str, Sequence[str]]
) -> dict[str, int]:
    """Delete what leads to these people; `references` are theirs by office. Return the rows of each."""
    counts = {
        "minted_reference": await _count(conn, _MINTED, people),
        "own_number": await _count(conn, _NUMBERS, people),
        "addressed": await _count(conn, _ADDRESSED, [str(one) for one in people]),
    }
    for office, own in references.items():
        keys = [key for reference in own for key in (reference, f"{reference} test")]
        events = await conn.fetch(
            "DELETE FROM imported WHERE publisher = $1 AND kind = $2 AND row_key = ANY($3::text[])"
            " RETURNING event_id",
            office,
            PEOPLE,
            keys,
        )
        counts["imported"] = counts.get("imported", 0) + len(events)
        named = [event["event_id"] for event in events]
        tokens = [_as_token(reference) for reference in own]
        for table, statement in (("finding", _FINDINGS), ("accepted", _ACCEPTED)):
            gone = await conn.fetch(statement, office, named, tokens)
            counts[table] = counts.get(table, 0) + len(gone)
    return counts


_MINTED = "DELETE FROM minted_reference WHERE participant = ANY($1::uuid[]) RETURNING 1"
_NUMBERS = "DELETE FROM own_number WHERE participant = ANY($1::uuid[]) RETURNING 1"
# What tells a recipient that a place has ended stays for as long as it may be fetched (Art. 19 GDPR).
_ADDRESSED = """
    DELETE FROM addressed WHERE (event #>> '{data,participant}' = ANY($1::text[])
        AND event #>> '{data,reason,params,reason}' IS DISTINCT FROM 'erased')
        OR event #>> '{data,merged}' = ANY($1::text[]) OR event #>> '{data,into}' = ANY($1::text[])
    RETURNING 1
    """
# Ids that an import makes from hashes belong to a person only if the person's own row says so.
_MADE_BY_IMPORTS = "'^file-[0-9a-f]{40}$'"
_FINDINGS = f"""
    DELETE FROM finding WHERE publisher = $1 AND (event_id = ANY($2::text[])
        OR event_id !~ {_MADE_BY_IMPORTS} AND event_id ~ ANY($3::text[])) RETURNING 1
    """
_ACCEPTED = f"""
    DELETE FROM accepted WHERE publisher = $1 AND event_id <> ALL($2::text[])
        AND event_id !~ {_MADE_BY_IMPORTS} AND event_id ~ ANY($3::text[]) RETURNING 1
    """


def _as_token(reference: str) -> str:
    """Return a regular expression that finds a reference in an event id: whole, not as a part of a word."""
    return f"(^|[^A-Za-z0-9]){re.escape(reference)}([^A-Za-z0-9]|$)"


async def _count(conn: asyncpg.Connection, statement: str, values: Sequence[object]) -> int:
    return len(await conn.fetch(statement, values))
