"""Silences an office for a while: mails to its mailbox wait, with author, reason and end; none is lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import asyncpg

from schemas.days import local_day
from services.notifications.delivery.holding import store as holding
from services.notifications.delivery.holding import telling_store
from services.runtime.data.db import Connection

LONGEST = timedelta(days=31)
ABOUT = ("everything", "enrolment", "risk")
LONGEST_REASON = 500


class NotSilenced(StrEnum):
    """Why an office was not silenced."""

    PAST = "past"
    TOO_LONG = "too_long"
    NO_REASON = "no_reason"


@dataclass(frozen=True, slots=True)
class Silenced:
    """The silence is kept under this id."""

    id: UUID


async def silence(
    conn: Connection,
    *,
    organisation: str,
    office: str,
    about: str,
    until: datetime,
    reason: str,
    person: str,
    now: datetime,
) -> Silenced | NotSilenced:
    """Silence one's own office from now on, in a transaction of the web role.

    `about` is one of `ABOUT`. The office's lead still hears what nobody answers, and webhooks go on.
    """
    if about not in ABOUT:
        raise ValueError("about is none of the kinds of alerts")
    if until <= now:
        return NotSilenced.PAST
    if until > now + LONGEST:
        return NotSilenced.TOO_LONG
    if not reason.strip():
        return NotSilenced.NO_REASON
    id_: UUID = await conn.fetchval(
        """
        INSERT INTO silence (organisation, office, about, author, reason, starts_at, ends_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING silence_id
        """,
        organisation,
        office,
        about,
        person,
        reason.strip()[:LONGEST_REASON],
        now,
        until,
    )
    changed = {f"silence_{about}": [None, _last_day(until)]}
    await telling_store.record(conn, office, organisation, by=person, changed=changed, now=now)
    return Silenced(id_)


def _last_day(end: datetime) -> str:
    """Return the last day of a silence, as it is written down among the changes."""
    return local_day(end - timedelta(microseconds=1)).isoformat()


async def end_silence(conn: Connection, silence_: UUID, person: str, now: datetime) -> bool:
    """End a silence of one's own office before its time; what it holds goes out. False: there is none."""
    ended = await conn.fetchrow(
        """
        UPDATE silence SET ended_at = $3, ended_by = $2
        WHERE silence_id = $1 AND ended_at IS NULL AND ends_at > $3
        RETURNING office, organisation, about, ends_at
        """,
        silence_,
        person,
        now,
    )
    if ended is None:
        return False
    office, organisation, about, ends_at = ended
    changed = {f"silence_{about}": [_last_day(ends_at), None]}
    await telling_store.record(conn, office, organisation, by=person, changed=changed, now=now)
    await holding.look_again(conn, office, now)
    return True


async def listed(conn: Connection, office: str, now: datetime) -> Sequence[asyncpg.Record]:
    """List the silences of one's own office that last, the first to end first."""
    return await conn.fetch(
        """
        SELECT silence_id, about, author, reason, starts_at, ends_at FROM silence
        WHERE office = $1 AND ended_at IS NULL AND ends_at > $2 ORDER BY ends_at, silence_id
        """,
        office,
        now,
    )


async def forget(conn: Connection, before: datetime) -> int:
    """Delete what ended longer ago than it may be kept; return how much. For the worker."""
    return len(await conn.fetch("DELETE FROM silence WHERE ends_at < $1 RETURNING 1", before))
