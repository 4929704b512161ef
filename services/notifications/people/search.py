"""Finds people of one office by name: reads the names of that office, compares them, and forgets them again.

Names are sealed one by one (crypto.py), and nothing readable or comparable of them is stored: no index of
keyed
hashes, which would tell by its repetitions which names are common (docs/decisions/0037). A search
therefore opens
the names of the office, some hundred at a time so that other requests have their turn, keeps none of them,
and
returns ids only; whoever shows the people reads them by `handlers.read`, which logs each look.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from uuid import UUID

import asyncpg

from services.notifications.people import crypto, spellings, store
from services.notifications.people.keys import PersonSecrets
from services.runtime.data.db import Connection

MOST_SEARCHED = 50_000
"""People of an office that one search looks at: those registered last."""
MOST_FOUND = 50
_AT_ONCE = 500
_REFERENCE = 110
"""Nearness of a reference that begins with what is searched: before any name."""


@dataclass(frozen=True, slots=True)
class Found:
    """Who was found, the nearest first; `more`: others fit as well; `whole`: everybody was looked at."""

    participants: tuple[UUID, ...]
    more: bool
    whole: bool


async def sealed_names(conn: Connection, organisation: str, office: str) -> Sequence[asyncpg.Record]:
    """Read the sealed names of an office's own people, the last kept first, one more than is searched."""
    return await store.sealed_of_office(conn, organisation, office, MOST_SEARCHED + 1)


async def find(
    secrets: PersonSecrets, organisation: str, sealed: Sequence[asyncpg.Record], text: str
) -> Found:
    """Find the people of `sealed_names` whose name or reference is near to a text; opens no transaction."""
    queries, met = spellings.searched(text), spellings.Spellings()
    beginning = spellings.cleaned(text).casefold()
    near: list[tuple[int, int, UUID]] = []
    looked_at = sealed[:MOST_SEARCHED]
    for start in range(0, len(looked_at), _AT_ONCE):
        rows = looked_at[start : start + _AT_ONCE]
        known = await secrets.of([row["participant_id"] for row in rows])
        for at, row in enumerate(rows, start):
            value = _nearness(row, known, organisation, queries, met)
            if beginning and row["reference"].casefold().startswith(beginning):
                value = _REFERENCE
            if value:
                near.append((-value, at, row["participant_id"]))
        await asyncio.sleep(0)
    best = nsmallest(MOST_FOUND, near)
    return Found(tuple(person for _, _, person in best), len(near) > MOST_FOUND, len(sealed) <= MOST_SEARCHED)


def _nearness(
    row: asyncpg.Record,
    known: Mapping[UUID, bytes],
    organisation: str,
    queries: Sequence[spellings.Query],
    met: spellings.Spellings,
) -> int:
    participant = row["participant_id"]
    if not queries or participant not in known:
        return 0
    try:
        data_key = crypto.unwrap(row["wrapped"], known[participant], participant, organisation)
    except crypto.SealError:  # sealed anew since, because the old secret was lost
        return 0
    contact = crypto.unseal(row["sealed"], data_key, participant)
    name = " ".join(filter(None, (contact.family_name, contact.given_name)))
    return spellings.nearness(queries, spellings.words_of(name, met))
