"""Keeps what rests on consent apart in time from its end: nothing is written on a consent just revoked."""

from services.runtime.data.db import Connection

_GATE = 7_320_501


async def rely_on_consent(conn: Connection) -> None:
    """Take part in what rests on consents; whoever ends one waits until this transaction is over.

    To be called before consents are read, in a statement of its own, so that the reading statement's
    snapshot is younger than the lock.
    """
    await conn.execute("SELECT pg_advisory_xact_lock_shared($1)", _GATE)


async def end_consent(conn: Connection) -> None:
    """Wait for everything under way that rests on consents, and keep the rest out until the commit."""
    await conn.execute("SELECT pg_advisory_xact_lock($1)", _GATE)
