"""Decides what a failure means: try again, isolate a poisonous record, or stop the process."""

import asyncio
from enum import StrEnum

import aiokafka.errors
import asyncpg


class Meaning(StrEnum):
    """The reaction to an exception."""

    TRANSIENT = "transient"  # roll back, drop the connection, wait, the same batch again
    POISON = "poison"  # the database refuses one record of the batch: isolate it, quarantine it
    FATAL = "fatal"  # a bug or something unknown: roll back and stop the process


_TRANSIENT: tuple[type[BaseException], ...] = (
    OSError,  # refused, reset, unreachable
    TimeoutError,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,  # SQLSTATE class 08
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,  # a timeout of the server
    asyncpg.ReadOnlySQLTransactionError,  # a standby during a failover
    aiokafka.errors.KafkaError,
)

# Raised by asyncpg itself: transient if the connection is dead, a bug if it lives.
_OF_THE_CLIENT: tuple[type[BaseException], ...] = (asyncpg.InterfaceError, asyncpg.InternalClientError)

_POISON_CLASSES = ("22", "23")  # data exception, integrity constraint violation


def meaning_of(error: BaseException, *, connection_dead: bool) -> Meaning:
    """Return what a failure means; whatever is not listed stops the process."""
    if _not_encodable(error):
        return Meaning.POISON
    if isinstance(error, _TRANSIENT):
        return Meaning.TRANSIENT
    if str(getattr(error, "sqlstate", None)).startswith(_POISON_CLASSES):
        return Meaning.POISON
    if connection_dead and isinstance(error, _OF_THE_CLIENT):
        return Meaning.TRANSIENT
    return Meaning.FATAL


def _not_encodable(error: BaseException) -> bool:
    """Return whether this is asyncpg's own DataError: an argument does not fit the column's type."""
    return (
        isinstance(error, asyncpg.InterfaceError)
        and isinstance(error, ValueError)
        and not isinstance(error, asyncpg.ClientConfigurationError)
    )


def name_of(error: BaseException) -> str:
    """Return a name for logs and metrics, without the text, which may quote values of a record."""
    sqlstate = getattr(error, "sqlstate", None)
    kind = type(error).__name__
    return f"{kind}:{sqlstate}" if isinstance(sqlstate, str) else kind
