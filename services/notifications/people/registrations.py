"""Handles registrations entered at the desk: keeps the contact data, then sends the facts to the gateway."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from schemas.identity import participant_id
from services.notifications.people import handlers
from services.notifications.people.domain import Contact
from services.notifications.people.keys import PersonSecrets
from services.runtime.base.failures import name_of
from services.runtime.bookkeeping.work import of_item
from services.runtime.data.db import Connection, Pool, transaction
from services.runtime.http.gateway_client import GatewayAnswer, GatewayClient, NotTaken, Taken, Unreachable

log = logging.getLogger(__name__)

_LEASE_SECONDS = 60.0
_LONGEST_PAUSE = 600.0


async def begin(
    conn: Connection,
    secrets: PersonSecrets,
    *,
    office: str,
    organisation: str,
    data: Mapping[str, Any],
    contact: Contact,
    now: datetime,
) -> UUID:
    """Keep contact data and the facts to be sent in the caller's transaction; return the event's id.

    `data` is the data of a ParticipantRegistered event with the office's own reference.
    """
    event_id = uuid4()
    participant = participant_id(office, data["reference"])
    kept = handlers.PersonRecord(participant, organisation, office, data["reference"], contact)
    await handlers.keep(conn, secrets, kept, now)
    await conn.execute(
        """
        INSERT INTO registration (id, participant_id, organisation, office, data, begun_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        event_id,
        participant,
        organisation,
        office,
        dict(data),
        now,
    )
    return event_id


async def send_pending(pool: Pool, gateway: GatewayClient, now: datetime, *, only: UUID | None = None) -> int:
    """Send the registrations that are due, or the one named; return how many are settled for good."""
    settled = 0
    for row in await _claim(pool, only):
        settled += await _settle(pool, row, await _send(gateway, row), now)
    return settled


async def _send(gateway: GatewayClient, row: asyncpg.Record) -> GatewayAnswer:
    """Send one registration; one on which our own code fails is tried again later and stops no other."""
    try:
        return await gateway.register(row["office"], str(row["id"]), row["data"])
    except Exception as error:
        if not of_item(error):
            raise
        log.error("registration: not sent", extra={"error": name_of(error), "attempt": row["attempts"]})  # noqa: TRY400 - no values
        return Unreachable(name_of(error))


async def _claim(pool: Pool, only: UUID | None) -> list[asyncpg.Record]:
    async with transaction(pool) as conn:
        return await conn.fetch(
            """
            UPDATE registration SET lease_token = gen_random_uuid(), attempts = attempts + 1,
            next_at = clock_timestamp() + make_interval(secs => $1)
            WHERE id IN (SELECT id FROM registration WHERE state = 'pending'
                AND (next_at <= clock_timestamp() OR id = $2) AND ($2::uuid IS NULL OR id = $2)
                ORDER BY next_at LIMIT 20 FOR UPDATE SKIP LOCKED)
            RETURNING id, office, data, attempts, lease_token
            """,
            _LEASE_SECONDS,
            only,
        )


async def _settle(pool: Pool, row: asyncpg.Record, answer: GatewayAnswer, now: datetime) -> int:
    match answer:
        case Taken():
            state, problem = "accepted", None
        case NotTaken(code):
            state, problem = "refused", code
        case Unreachable(code):
            state, problem = "pending", code
    pause = min(2.0 ** row["attempts"], _LONGEST_PAUSE)
    async with transaction(pool) as conn:
        done = await conn.fetchval(
            """
            UPDATE registration SET state = $3, problem = $4, lease_token = NULL,
            next_at = clock_timestamp() + make_interval(secs => $5),
            ended_at = CASE WHEN $3 = 'pending' THEN NULL ELSE $6::timestamptz END
            WHERE id = $1 AND lease_token = $2 RETURNING state <> 'pending'
            """,
            row["id"],
            row["lease_token"],
            state,
            problem,
            pause,
            now,
        )
    return 1 if done else 0
