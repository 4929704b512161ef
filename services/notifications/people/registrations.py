"""Registrations begun at the desk: contact data kept first, then the facts sent through the gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from schemas.identity import participant_id
from services.notifications.people import handlers
from services.notifications.people.crypto import Keyring
from services.notifications.people.domain import Contact
from services.runtime.data.db import Connection, Pool, transaction

_LEASE_SECONDS = 60.0
_LONGEST_PAUSE = 600.0


@dataclass(frozen=True, slots=True)
class Accepted:
    """The gateway has the registration."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The gateway will never take it; `code` says why."""

    code: str


@dataclass(frozen=True, slots=True)
class Later:
    """Nobody can say; the same again later."""

    code: str


Answer = Accepted | Refused | Later


class GatewayDoor:
    """The gateway, spoken to as a service that may speak for its offices."""

    def __init__(self, client: httpx.AsyncClient, url: str, key: str) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._key = key

    async def register(self, office: str, event_id: str, data: Mapping[str, Any]) -> Answer:
        """Send the facts of a registration; the contact data are kept here already."""
        try:
            answer = await self._client.post(
                f"{self._url}/v1/registrations",
                json={"id": event_id, "event": dict(data), "contact": None, "official_number": None},
                headers={"Authorization": f"Bearer {self._key}", "X-Kurslotse-Publisher": office},
            )
        except httpx.HTTPError as error:
            return Later(type(error).__name__)
        if answer.is_success:
            return Accepted()
        if answer.status_code in {400, 409, 413, 422}:
            return Refused(_code(answer))
        return Later(f"http_{answer.status_code}")


def _code(answer: httpx.Response) -> str:
    try:
        body = answer.json()
        return str(body["problems"][0]["code"])[:64]
    except (ValueError, LookupError, TypeError):
        return f"http_{answer.status_code}"


async def begin(
    conn: Connection,
    keyring: Keyring,
    *,
    office: str,
    organisation: str,
    data: Mapping[str, Any],
    contact: Contact,
    now: datetime,
) -> UUID:
    """Keep contact data and the facts to be sent, in the desk's transaction; return the event's id.

    `data` is the data of a ParticipantRegistered event with the office's own reference.
    """
    event_id = uuid4()
    participant = participant_id(office, data["reference"])
    kept = handlers.Kept(participant, organisation, office, data["reference"], contact)
    await handlers.keep(conn, keyring, kept, now)
    await conn.execute(
        "INSERT INTO registration (id, participant_id, organisation, office, data, begun_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        event_id,
        participant,
        organisation,
        office,
        dict(data),
        now,
    )
    return event_id


async def send_pending(pool: Pool, door: GatewayDoor, now: datetime, *, only: UUID | None = None) -> int:
    """Send what is pending and due (or one, at once); return how many the gateway has answered for good."""
    settled = 0
    for row in await _claim(pool, only):
        answer = await door.register(row["office"], str(row["id"]), row["data"])
        settled += await _settle(pool, row, answer, now)
    return settled


async def _claim(pool: Pool, only: UUID | None) -> list[asyncpg.Record]:
    async with transaction(pool) as conn:
        return await conn.fetch(
            "UPDATE registration SET lease_token = gen_random_uuid(), attempts = attempts + 1,"
            " next_at = clock_timestamp() + make_interval(secs => $1)"
            " WHERE id IN (SELECT id FROM registration WHERE state = 'pending'"
            "  AND (next_at <= clock_timestamp() OR id = $2) AND ($2::uuid IS NULL OR id = $2)"
            "  ORDER BY next_at LIMIT 20 FOR UPDATE SKIP LOCKED)"
            " RETURNING id, office, data, attempts, lease_token",
            _LEASE_SECONDS,
            only,
        )


async def _settle(pool: Pool, row: asyncpg.Record, answer: Answer, now: datetime) -> int:
    match answer:
        case Accepted():
            state, problem = "accepted", None
        case Refused(code):
            state, problem = "refused", code
        case Later(code):
            state, problem = "pending", code
    pause = min(2.0 ** row["attempts"], _LONGEST_PAUSE)
    async with transaction(pool) as conn:
        done = await conn.fetchval(
            "UPDATE registration SET state = $3, problem = $4, lease_token = NULL,"
            " next_at = clock_timestamp() + make_interval(secs => $5),"
            " ended_at = CASE WHEN $3 = 'pending' THEN NULL ELSE $6::timestamptz END"
            " WHERE id = $1 AND lease_token = $2 RETURNING state <> 'pending'",
            row["id"],
            row["lease_token"],
            state,
            problem,
            pause,
            now,
        )
    return 1 if done else 0
