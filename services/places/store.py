"""Reads and writes the directory in a service's database."""

from collections.abc import Collection, Sequence
from datetime import date

import asyncpg

from services.places.domain import LAENDER, Edition, Town
from services.places.merging import Changes

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('places.town', 0))"
_COLUMNS = ("ags", "valid_from", "valid_to", "name", "kreis_name", "postcodes", "successors")


async def places_loaded(conn: asyncpg.Connection) -> Edition | None:
    """Return the edition that was loaded last; None: there is no directory yet."""
    row = await conn.fetchrow(
        """
        SELECT day, source, name, sha256, areas, towns FROM places.edition
        ORDER BY loaded_at DESC, day DESC, sha256 LIMIT 1
        """
    )
    return None if row is None else _edition(row)


async def editions(conn: asyncpg.Connection) -> list[Edition]:
    """List all editions, the oldest day first."""
    rows = await conn.fetch(
        "SELECT day, source, name, sha256, areas, towns FROM places.edition ORDER BY day, loaded_at, sha256"
    )
    return [_edition(row) for row in rows]


def _edition(row: asyncpg.Record) -> Edition:
    areas = frozenset(row["areas"])
    return Edition(row["day"], row["source"], row["name"], row["sha256"], areas, row["towns"])


async def lock(conn: asyncpg.Connection) -> None:
    """Let one at a time load, until the transaction ends."""
    await conn.execute(_LOCK)


async def towns(conn: asyncpg.Connection) -> list[Town]:
    """Read every period of every town."""
    rows = await conn.fetch(
        "SELECT ags, name, kreis_name, postcodes, valid_from, valid_to, successors FROM places.town"
    )
    return [
        Town(
            ags=row["ags"],
            name=row["name"],
            kreis_name=row["kreis_name"],
            postcodes=tuple(row["postcodes"]),
            valid_from=row["valid_from"],
            valid_to=row["valid_to"],
            successors=tuple(row["successors"]),
        )
        for row in rows
    ]


async def write(conn: asyncpg.Connection, changes: Changes) -> None:
    """Write what a file changes; changed rows first, so that a period that ends makes room."""
    await conn.executemany(
        """
        UPDATE places.town SET valid_from = $3, valid_to = $4, name = $5, kreis_name = $6, postcodes = $7,
            successors = $8
        WHERE ags = $1 AND valid_from = $2
        """,
        [(ags, begins, *_row(town)[1:]) for (ags, begins), town in sorted(changes.changed.items())],
    )
    await conn.copy_records_to_table(
        "town", schema_name="places", columns=_COLUMNS, records=[_row(town) for town in changes.new]
    )


def _row(town: Town) -> tuple[str, date, date, str, str, list[str], list[str]]:
    return (
        town.ags,
        town.valid_from,
        town.valid_to,
        town.name,
        town.kreis_name,
        list(town.postcodes),
        list(town.successors),
    )


async def add_edition(conn: asyncpg.Connection, edition: Edition, skipped: int) -> None:
    """Note that a file was loaded; the same file again counts as loaded now."""
    await conn.execute(
        """
        INSERT INTO places.edition (day, sha256, source, name, areas, towns, skipped)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (day, sha256) DO UPDATE SET loaded_at = now(), skipped = EXCLUDED.skipped,
            towns = EXCLUDED.towns
        """,
        edition.day,
        edition.sha256,
        edition.source,
        edition.name,
        sorted(edition.areas),
        edition.towns,
        skipped,
    )


async def not_holding(
    conn: asyncpg.Connection, asked: Collection[tuple[str, date]]
) -> dict[tuple[str, date], bool]:
    """Return the towns that do not hold on their day, each with whether it is known on other days.

    A town counts only if an edition tells its Land or Kreis whole, or if one tells every Land: otherwise
    nobody can say which towns there are.
    """
    keys: Sequence[tuple[str, date]] = sorted(set(asked))
    rows = await conn.fetch(
        """
        SELECT asked.ags, asked.day,
            EXISTS (SELECT FROM places.town AS t WHERE t.ags = asked.ags) AS known
        FROM unnest($1::text[], $2::date[]) AS asked (ags, day)
        WHERE EXISTS (SELECT FROM places.edition AS e, unnest(e.areas) AS area
                WHERE starts_with(asked.ags, area)
                    OR e.source = 'gv100ad' AND cardinality(e.areas) = $3)
            AND NOT EXISTS (SELECT FROM places.town AS t
                WHERE t.ags = asked.ags AND t.valid_from <= asked.day AND asked.day < t.valid_to)
        """,
        [ags for ags, _ in keys],
        [day for _, day in keys],
        len(LAENDER),
    )
    return {(row["ags"], row["day"]): row["known"] for row in rows}


async def belong_to(conn: asyncpg.Connection, ags: Collection[str], on: date) -> dict[str, frozenset[str]]:
    """Return the towns to which others, which have ended by a day, belong since, over several mergers."""
    rows = await conn.fetch(
        """
        WITH RECURSIVE chain (origin, ags) AS (
            SELECT t, t FROM unnest($1::text[]) AS t
            UNION
            SELECT c.origin, s FROM chain AS c
            JOIN places.town AS p ON p.ags = c.ags AND p.valid_to <= $2, unnest(p.successors) AS s
        )
        SELECT origin, array_agg(ags) AS since FROM chain WHERE origin <> ags GROUP BY origin
        """,
        sorted(set(ags)),
        on,
    )
    return {row["origin"]: frozenset(row["since"]) for row in rows}


async def towns_in(conn: asyncpg.Connection, kreise: Collection[str], on: date) -> dict[str, int]:
    """Count the towns of each Kreis on a day; a Kreis of which none is known is missing."""
    rows = await conn.fetch(
        """
        SELECT left(ags, 5) AS kreis, count(*) AS towns FROM places.town
        WHERE left(ags, 5) = ANY ($1::text[]) AND valid_from <= $2 AND $2 < valid_to GROUP BY 1
        """,
        sorted(set(kreise)),
        on,
    )
    return {row["kreis"]: row["towns"] for row in rows}
