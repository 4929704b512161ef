"""Counts failed sign-ins by keyed hash, before the password is looked at."""

import asyncpg


async def count(conn: asyncpg.Connection, about: bytes) -> int | None:
    """Count an attempt; return how many there were in a row, None while nothing is tried at all.

    An hour without any is forgotten. Counted before it is known how it ends, so that many at once count, too.
    """
    number: int | None = await conn.fetchval(
        """
        INSERT INTO accounts.failed_sign_in AS f (about, failures) VALUES ($1, 1)
        ON CONFLICT (about) DO UPDATE SET last_at = now(), locked_until = NULL,
            failures = CASE WHEN f.last_at < now() - interval '1 hour' THEN 1 ELSE f.failures + 1 END
        WHERE f.locked_until IS NULL OR f.locked_until <= now()
        RETURNING failures
        """,
        about,
    )
    return number


async def lock(conn: asyncpg.Connection, about: bytes, seconds: float) -> None:
    """Let nothing be tried for some seconds."""
    await conn.execute(
        "UPDATE accounts.failed_sign_in SET locked_until = now() + make_interval(secs => $2)"
        " WHERE about = $1",
        about,
        seconds,
    )


async def forget(conn: asyncpg.Connection, about: bytes) -> None:
    """Forget the attempts that a success has ended."""
    await conn.execute("DELETE FROM accounts.failed_sign_in WHERE about = $1", about)


async def take_back(conn: asyncpg.Connection, about: bytes) -> None:
    """Take one attempt back, which was none that failed."""
    await conn.execute(
        "UPDATE accounts.failed_sign_in SET failures = greatest(1, failures - 1), locked_until = NULL"
        " WHERE about = $1",
        about,
    )
