"""Keeps a file between being shown and being taken."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent."""

    name: str
    raw: bytes
    as_of: date | None


async def keep(conn: asyncpg.Connection, upload: Upload, kreise: Sequence[str]) -> UUID:
    """Keep a file for a day, and forget those that are older."""
    await conn.execute("DELETE FROM places.upload WHERE sent_at < now() - interval '1 day'")
    kept: UUID = await conn.fetchval(
        "INSERT INTO places.upload (name, content, kreise, as_of) VALUES ($1, $2, $3, $4) RETURNING upload",
        upload.name,
        zlib.compress(upload.raw, 6),
        sorted(kreise),
        upload.as_of,
    )
    return kept


async def kept(conn: asyncpg.Connection, upload: UUID, kreise: Sequence[str]) -> Upload | None:
    """Return a file that people of the same Kreise have sent."""
    row = await conn.fetchrow(
        "SELECT name, content, as_of FROM places.upload WHERE upload = $1 AND kreise = $2",
        upload,
        sorted(kreise),
    )
    return None if row is None else Upload(row["name"], zlib.decompress(row["content"]), row["as_of"])


async def forget(conn: asyncpg.Connection, upload: UUID) -> None:
    """Forget a file that was taken."""
    await conn.execute("DELETE FROM places.upload WHERE upload = $1", upload)
