"""Lets sign-ins with a password be tried; whoever failed too often has to wait, and an alarm counts it."""

import logging
from dataclasses import dataclass
from typing import Any, Literal

import asyncpg
from starlette.requests import Request

from services.accounts import audit
from services.accounts.attempts import domain, store
from services.accounts.context import Accounts
from services.runtime.http.buckets import source_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: the keyed hashes of its login name and of its source."""

    account: bytes
    source: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """How often an account or a source has failed in a row; the person's key, if there is one."""

    what: Literal["account", "source"]
    times: int
    person: str | None


async def begin(
    accounts: Accounts, conn: asyncpg.Connection, request: Request, login: str, person: str | None
) -> Attempt | None:
    """Count an attempt; None if the account or the source has to wait.

    `person` is the key of whoever has this login name, for the audit log; strangers are counted the same.
    """
    source = source_of(request.client.host if request.client else "")
    attempt = Attempt(
        accounts.sealing.digest("account", login.encode()), accounts.sealing.digest("source", source.encode())
    )
    of_source = await store.count(conn, attempt.source)
    if of_source is None:
        return None
    await _perhaps_lock(accounts, conn, attempt.source, Failed("source", of_source, None))
    of_account = await store.count(conn, attempt.account)
    if of_account is None:
        return None
    await _perhaps_lock(accounts, conn, attempt.account, Failed("account", of_account, person))
    return attempt


_PATIENCE = {"account": domain.ACCOUNT, "source": domain.SOURCE}


async def _perhaps_lock(accounts: Accounts, conn: asyncpg.Connection, about: bytes, failed: Failed) -> None:
    seconds = _PATIENCE[failed.what].delay_after(failed.times)
    if not seconds:
        return
    await store.lock(conn, about, seconds)
    told: dict[str, Any] = {"about": failed.what, "failures": failed.times, "seconds": int(seconds)}
    await audit.write(conn, "locked_out", person=failed.person, **told)
    accounts.metrics.lockouts.labels(about=failed.what).inc()
    log.warning("sign-in locked", extra=told)


async def succeeded(conn: asyncpg.Connection, attempt: Attempt) -> None:
    """Forget the failures of an account; its source may have others on its conscience."""
    await store.forget(conn, attempt.account)
    await store.take_back(conn, attempt.source)
