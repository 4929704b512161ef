"""Locks out whoever writes on the strength of a consent while a consent is being ended (ADR 0010)."""

from services.runtime.data.db import Connection

_GATE = 7_320_501  # key of the advisory lock


async def rely_on_consent(conn: Connection) -> None:
    """Take the gate shared: whoever ends a consent waits until this transaction is over.

    Call it before consents are read, in a statement of its own, so that the snapshot of the reading
    statement is younger than the lock.
    """
    await conn.execute("SELECT pg_advisory_xact_lock_shared($1)", _GATE)


async def end_consent(conn: Connection) -> None:
    """Take the gate alone, until the commit: waits for every transaction that relies on a consent."""
    await conn.execute("SELECT pg_advisory_xact_lock($1)", _GATE)
