"""Checks a login name with password and code: the same work and the same answer whatever is wrong."""

import asyncpg
from starlette.requests import Request

from services.accounts.attempts import handlers as attempts
from services.accounts.context import Accounts
from services.accounts.domain import login_name
from services.accounts.methods import store, totp
from services.accounts.pages.enrolment import TOTP
from services.accounts.people import store as people
from services.accounts.sealing import SealError
from services.runtime.data.db import transaction

_NOBODYS = "A" * 32


async def prove(
    accounts: Accounts, request: Request, *, login: str, password: str, code: str
) -> asyncpg.Record | None:
    """Return the person who has shown password and code; None for whatever reason.

    No transaction is open while the password is hashed. The attempt is counted before.
    """
    name = login_name(login) or login.casefold()
    async with transaction(accounts.pool) as conn:
        person = await people.person_by_email(conn, name)
        key = person["key"] if person else None
        attempt = await attempts.begin(accounts, conn, request, name, key)
        known = await store.secrets(conn, person["person"]) if person and person["active"] else None
        now = await store.now(conn)
    match = await accounts.passwords.match(known["hash"] if attempt and known else None, password)
    step = totp.step_of(_secret(accounts, person, known), code, now)
    if attempt is None or person is None or known is None or not match.fits or step is None:
        accounts.metrics.failures.inc()
        return None
    async with transaction(accounts.pool) as conn:
        if not await store.take_step(conn, person["person"], step):
            accounts.metrics.failures.inc()
            return None
        await attempts.succeeded(conn, attempt)
        if match.renewed is not None:
            await store.renew_hash(conn, person["person"], known["hash"], match.renewed)
    return person


def _secret(accounts: Accounts, person: asyncpg.Record | None, known: asyncpg.Record | None) -> str:
    """Return the one-time secret; nobody's if there is none, so that the work is the same."""
    if person is None or known is None:
        return _NOBODYS
    try:
        return accounts.sealing.unseal(TOTP, str(person["person"]), known["sealed"]).decode()
    except SealError:  # KURSLOTSE_WEB_SECRET was replaced: a recovery link helps
        return _NOBODYS
