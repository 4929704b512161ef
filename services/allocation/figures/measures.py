"""Keeps what was agreed so that a reported need is met, and says which published quarters show its effect."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import asyncpg

from services.runtime.disclosure.bands import Band
from services.runtime.disclosure.figures import Publication
from services.runtime.disclosure.quarters import Quarter
from services.texts.figures import NEEDS

BEFORE, AFTER = 2, 4
"""So many published quarters before and after a measure's first day are shown."""


class When(StrEnum):
    """Where a quarter lies, seen from a measure's first day."""

    BEFORE = "before"
    CHANGE = "change"
    """It begins in it."""
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class NeedOfQuarter:
    """What was published of one need in one quarter."""

    quarter: Quarter
    when: When
    band: Band


def effect_of(need: str, begins_on: date, published: Sequence[Publication]) -> Sequence[NeedOfQuarter]:
    """Return the same published figure before and after a measure's first day, the oldest quarter first."""
    found = sorted(_quarters(need, begins_on, published), key=lambda one: one.quarter.first)
    before = [one for one in found if one.when is When.BEFORE][-BEFORE:]
    change = [one for one in found if one.when is When.CHANGE]
    after = [one for one in found if one.when is When.AFTER][:AFTER]
    return [*before, *change, *after]


def _quarters(need: str, begins_on: date, published: Sequence[Publication]) -> Iterator[NeedOfQuarter]:
    for one in published:
        if one.figure == NEEDS.name and need in one.bands:
            yield NeedOfQuarter(one.quarter, _when(one.quarter, begins_on), one.bands[need])


def _when(quarter: Quarter, begins_on: date) -> When:
    if quarter.last < begins_on:
        return When.BEFORE
    return When.CHANGE if quarter.first < begins_on else When.AFTER


async def add(
    conn: asyncpg.Connection,
    kreis: str,
    *,
    need: str,
    agreed: str,
    begins_on: date,
    by: str,
    now: datetime,
) -> None:
    """Store a measure."""
    await conn.execute(
        "INSERT INTO measure (kreis, need, agreed, begins_on, decided_by, decided_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        kreis,
        need,
        agreed,
        begins_on,
        by,
        now,
    )


async def end(conn: asyncpg.Connection, measure: UUID, *, by: str, today: date) -> bool:
    """End a measure; return whether it was still running."""
    ended = await conn.fetchval(
        "UPDATE measure SET ended_on = greatest($3, begins_on), ended_by = $2"
        " WHERE measure = $1 AND ended_on IS NULL RETURNING true",
        measure,
        by,
        today,
    )
    return bool(ended)


async def listed(conn: asyncpg.Connection, kreis: str) -> Sequence[asyncpg.Record]:
    """List the measures of a Kreis, running ones first, then the latest."""
    return await conn.fetch(
        """
        SELECT measure, need, agreed, begins_on, decided_by, decided_at, ended_on FROM measure
        WHERE kreis = $1 ORDER BY ended_on IS NOT NULL, begins_on DESC, measure LIMIT 100
        """,
        kreis,
    )
