"""Writes and reads the audit log of accounts: who did what to whom; rows are only added."""

from collections.abc import Sequence
from typing import Any, Literal

import asyncpg

What = Literal[
    "signed_in",
    "signed_out",
    "session_ended",
    "role_worn",
    "locked_out",
    "invited",
    "invitation_withdrawn",
    "invitation_accepted",
    "recovery_link",
    "recovered",
    "role_given",
    "role_ended",
    "deactivated",
    "activated",
    "password_changed",
    "totp_changed",
    "passkey_added",
    "passkey_removed",
    "organisation_described",
    "organisation_added",
    "organisation_joined",
    "organisation_left",
    "organisation_deactivated",
    "organisation_activated",
    "publisher_registered",
    "publisher_chosen",
    "key_made",
    "key_ended",
    "erased",
]


async def write(
    conn: asyncpg.Connection,
    what: What,
    *,
    person: str | None = None,
    by: str | None = None,
    organisation: str | None = None,
    **detail: Any,  # noqa: ANN401 - JSON
) -> None:
    """Add a row; people are named by their keys, and nothing secret is kept."""
    await conn.execute(
        "INSERT INTO accounts.audit (what, person, by, organisation, detail) VALUES ($1, $2, $3, $4, $5)",
        what,
        person,
        by,
        organisation,
        detail,
    )


async def of_organisation(
    conn: asyncpg.Connection, organisation: str, limit: int
) -> Sequence[asyncpg.Record]:
    """List what happened in an organisation, the latest first."""
    return await conn.fetch(
        "SELECT at, what, person, by, detail FROM accounts.audit WHERE organisation = $1"
        " ORDER BY at DESC, id DESC LIMIT $2",
        organisation,
        limit,
    )
