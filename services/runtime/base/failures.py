"""Decides what a failure means: try again, isolate a record, or stop the process."""

import asyncio
from enum import StrEnum

import aiokafka.errors
import asyncpg


class Meaning(StrEnum):
    """The reaction to an exception."""

    TRANSIENT = "transient"  # roll back, drop the connection, wait, the same batch again
    POISON = "poison"  # the database refuses one record of the batch: isolate it, quarantine it
    CRASH = "crash"  # code failed, perhaps on one record alone: isolate it, count, quarantine it
    FATAL = "fatal"  # nothing that a record can bring about: roll back and stop the process


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
    asyncpg.InsufficientResourcesError,  # SQLSTATE class 53: disk full, out of memory
    aiokafka.errors.KafkaError,
)

# Raised by asyncpg itself: transient if the connection is dead, a bug if it lives.
_OF_THE_CLIENT: tuple[type[BaseException], ...] = (asyncpg.InterfaceError, asyncpg.InternalClientError)

# Cardinality violation (a record makes two rows of what is one), data exception, constraint violation,
# program limit exceeded.
_POISON_CLASSES = ("21", "22", "23", "54")
_RAISED = "P0001"  # by a function of ours, about a row


def meaning_of(error: BaseException, *, connection_dead: bool) -> Meaning:
    """Return what a failure means.

    What the database, its driver or Kafka says and is not listed stops the process: a wrong migration or a
    full disk is no record's fault. Any other exception is code that failed on what it was given.
    """
    if _not_encodable(error):
        return Meaning.POISON
    if isinstance(error, _TRANSIENT):
        return Meaning.TRANSIENT
    if str(getattr(error, "sqlstate", None)).startswith(_POISON_CLASSES):
        return Meaning.POISON
    if connection_dead and isinstance(error, _OF_THE_CLIENT):
        return Meaning.TRANSIENT
    said_elsewhere = isinstance(error, (asyncpg.PostgresError, *_OF_THE_CLIENT))
    raised = getattr(error, "sqlstate", None) == _RAISED
    if isinstance(error, Exception) and (raised or not said_elsewhere):
        return Meaning.CRASH
    return Meaning.FATAL


def _not_encodable(error: BaseException) -> bool:
    """Return whether this is asyncpg's own DataError: an argument does not fit the column's type."""
    return (
        isinstance(error, asyncpg.InterfaceError)
        and isinstance(error, ValueError)
        and not isinstance(error, asyncpg.ClientConfigurationError)
    )


def is_unstorable(error: BaseException) -> bool:
    """Return whether a value does not fit the database: out of range, or no text at all."""
    return _not_encodable(error) or str(getattr(error, "sqlstate", None)).startswith("22")


def name_of(error: BaseException) -> str:
    """Return a name for logs and metrics, without the text, which may quote values of a record."""
    sqlstate = getattr(error, "sqlstate", None)
    kind = type(error).__name__
    return f"{kind}:{sqlstate}" if isinstance(sqlstate, str) else kind
