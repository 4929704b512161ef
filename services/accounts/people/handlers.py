"""Gives and ends roles and accounts, with the audit row of each; the organisation is named in every call."""

from enum import StrEnum
from uuid import UUID

import asyncpg

from services.accounts import audit
from services.accounts.domain import Role
from services.accounts.people import store
from services.accounts.sessions import store as sessions
from services.accounts.sessions.domain import EndReason


class NotDone(StrEnum):
    """Why nothing was changed."""

    UNKNOWN = "unknown"
    LAST_ADMINISTRATOR = "last_administrator"
    ONESELF = "oneself"
    ELSEWHERE = "elsewhere"


class _LastAdministratorError(Exception):
    """The organisation would have nobody who administers it."""


async def give(
    conn: asyncpg.Connection, person: asyncpg.Record, organisation: str, role: Role, by: str
) -> None:
    """Give a role; giving it twice changes nothing."""
    if await store.give(conn, person["person"], organisation, role.value, by):
        await audit.write(
            conn, "role_given", person=person["key"], by=by, organisation=organisation, role=role.value
        )


async def end_role(
    conn: asyncpg.Connection, person: asyncpg.Record, organisation: str, given: UUID, by: str
) -> NotDone | None:
    """End one role, unless nobody would administer the organisation."""
    try:
        async with conn.transaction():
            await store.lock_organisation(conn, organisation)
            ended = await store.end_role(conn, organisation, given, by, person=person["person"])
            await _check_administered(conn, organisation)
    except _LastAdministratorError:
        return NotDone.LAST_ADMINISTRATOR
    if ended is None:
        return NotDone.UNKNOWN
    await audit.write(
        conn, "role_ended", person=person["key"], by=by, organisation=organisation, role=ended["role"]
    )
    return None


async def deactivate(
    conn: asyncpg.Connection, person: asyncpg.Record, organisation: str, by: str
) -> NotDone | None:
    """End all roles in an organisation; the account with its sessions, if it is the organisation's own."""
    if person["key"] == by:
        return NotDone.ONESELF
    try:
        async with conn.transaction():
            await store.lock_organisation(conn, organisation)
            only = None if person["at_home"] else organisation
            ended = await store.end_roles(conn, person["person"], by, only=only)
            await _check_administered(conn, organisation)
    except _LastAdministratorError:
        return NotDone.LAST_ADMINISTRATOR
    for row in ended:
        await audit.write(
            conn,
            "role_ended",
            person=person["key"],
            by=by,
            organisation=row["organisation"],
            role=row["role"],
        )
    if person["at_home"]:
        await store.set_active(conn, person["person"], active=False)
        await sessions.end_all(conn, person["person"], EndReason.ADMINISTRATOR)
    await audit.write(conn, "deactivated", person=person["key"], by=by, organisation=organisation)
    return None


async def activate(
    conn: asyncpg.Connection, person: asyncpg.Record, organisation: str, by: str
) -> NotDone | None:
    """Let an account be used again; its roles have to be given anew."""
    if not person["at_home"]:
        return NotDone.ELSEWHERE
    await store.set_active(conn, person["person"], active=True)
    await audit.write(conn, "activated", person=person["key"], by=by, organisation=organisation)
    return None


async def _check_administered(conn: asyncpg.Connection, organisation: str) -> None:
    if not await store.is_administered(conn, organisation):
        raise _LastAdministratorError
