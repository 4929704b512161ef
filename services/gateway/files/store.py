"""Reads and writes import settings, what each row of a file last said, and import runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import asyncpg

from schemas.identity import NAMESPACE
from services.gateway.files.domain import Imported
from services.gateway.publishers.domain import Publisher
from services.runtime.base.identity_key import IdentityKey

PEOPLE = "participants"
"""The kind of imports whose hashes are under the installation's key; courses are public."""


@dataclass(frozen=True, slots=True)
class ImportRun:
    """An earlier import of the same kind."""

    file_hash: bytes
    sequence: int | None


async def lock_imports(conn: asyncpg.Connection, publisher: str, kind: str) -> None:
    """Keep other imports of this publisher and kind waiting until the commit."""
    await conn.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('kurslotse.import/' || $1 || '/' || $2, 0))",
        publisher,
        kind,
    )


async def settings(conn: asyncpg.Connection, publisher: str, kind: str) -> Mapping[str, Any] | None:
    """Read the settings a publisher saved for a kind of file."""
    found: Mapping[str, Any] | None = await conn.fetchval(
        "SELECT body FROM import_setting WHERE publisher = $1 AND kind = $2", publisher, kind
    )
    return found


async def save_settings(
    conn: asyncpg.Connection, publisher: Publisher, kind: str, body: Mapping[str, Any]
) -> None:
    """Save the settings of a publisher for a kind of file."""
    await conn.execute(
        """
        INSERT INTO import_setting (publisher, kind, organisation, body) VALUES ($1, $2, $3, $4)
        ON CONFLICT (publisher, kind) DO UPDATE SET body = $4, changed_at = now()
        """,
        publisher.slug,
        kind,
        publisher.organisation,
        dict(body),
    )


async def imported(
    conn: asyncpg.Connection, publisher: str, kind: str, keys: Sequence[str] | None = None
) -> dict[str, Imported]:
    """Read what rows last said, by key; of all rows if no keys are given."""
    rows = await conn.fetch(
        """
        SELECT row_key, content, event_id, data, gone, belongs_to FROM imported
        WHERE publisher = $1 AND kind = $2 AND ($3::text[] IS NULL OR row_key = ANY($3::text[]))
        """,
        publisher,
        kind,
        list(keys) if keys is not None else None,
    )
    return {
        row["row_key"]: Imported(row["content"], row["event_id"], row["data"], row["gone"], row["belongs_to"])
        for row in rows
    }


async def remember(
    conn: asyncpg.Connection, publisher: Publisher, kind: str, rows: Mapping[str, Imported]
) -> None:
    """Store what rows say now."""
    await conn.executemany(
        """
        INSERT INTO imported
            (publisher, kind, row_key, organisation, content, event_id, data, gone, belongs_to, keyed)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (publisher, kind, row_key) DO UPDATE SET
            content = EXCLUDED.content, keyed = EXCLUDED.keyed, event_id = EXCLUDED.event_id,
            data = EXCLUDED.data,
            gone = EXCLUDED.gone, belongs_to = EXCLUDED.belongs_to, imported_at = now()
        """,
        [
            (
                publisher.slug,
                kind,
                key,
                publisher.organisation,
                row.content,
                row.event_id,
                dict(row.data) if row.data is not None else None,
                row.gone,
                row.belongs_to,
                kind == PEOPLE,
            )
            for key, row in sorted(rows.items())
        ],
    )


async def last_run(conn: asyncpg.Connection, publisher: str, kind: str) -> ImportRun | None:
    """Read the last finished import."""
    row = await conn.fetchrow(
        """
        SELECT file_hash, sequence FROM import_run
        WHERE publisher = $1 AND kind = $2 AND finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1
        """,
        publisher,
        kind,
    )
    return ImportRun(row["file_hash"], row["sequence"]) if row is not None else None


async def start_run(
    conn: asyncpg.Connection, publisher: Publisher, kind: str, file_hash: bytes, sequence: int | None
) -> UUID:
    """Store that an import begins; return its id, the same for the same file."""
    id_ = uuid5(NAMESPACE, f"import/{publisher.slug}/{kind}/{file_hash.hex()}")
    await conn.execute(
        """
        INSERT INTO import_run (id, publisher, kind, organisation, file_hash, sequence, keyed)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (id) DO UPDATE SET started_at = now(), finished_at = NULL
        """,
        id_,
        publisher.slug,
        kind,
        publisher.organisation,
        file_hash,
        sequence,
        kind == PEOPLE,
    )
    return id_


async def finish_run(
    conn: asyncpg.Connection, run: UUID, *, rows: int, taken: int, unchanged: int, refused: int
) -> None:
    """Store how an import ended."""
    await conn.execute(
        """
        UPDATE import_run SET rows_read = $2, rows_taken = $3, rows_unchanged = $4, rows_refused = $5,
            finished_at = now() WHERE id = $1
        """,
        run,
        rows,
        taken,
        unchanged,
        refused,
    )


async def key_hashes(conn: asyncpg.Connection, key: IdentityKey) -> int:
    """Put plain hashes about people, as they were stored once, under the key; return how many."""
    rows = await conn.fetch(
        """
        SELECT publisher, kind, row_key, content FROM imported WHERE kind = $1 AND NOT keyed FOR UPDATE
        """,
        PEOPLE,
    )
    await conn.executemany(
        """
        UPDATE imported SET content = $4, keyed = true
        WHERE publisher = $1 AND kind = $2 AND row_key = $3
        """,
        [(row["publisher"], row["kind"], row["row_key"], key.of_row(row["content"])) for row in rows],
    )
    runs = await conn.fetch(
        "SELECT id, file_hash FROM import_run WHERE kind = $1 AND NOT keyed FOR UPDATE", PEOPLE
    )
    await conn.executemany(
        "UPDATE import_run SET id = gen_random_uuid(), file_hash = $2, keyed = true WHERE id = $1",
        [(run["id"], key.of_file(run["file_hash"])) for run in runs],
    )
    return len(rows) + len(runs)
