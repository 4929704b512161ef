"""Defines `kurslotse access`: what is held about a person, for people whom an authority registered."""

import os
import sys
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer

from schemas.days import local_day
from services.notifications.access.collecting import as_json, collect
from services.notifications.people import store as people
from services.notifications.people.domain import Purpose
from services.runtime.base.identity_key import IdentityKey
from services.runtime.base.settings import need
from services.runtime.data.db import Connection
from services.runtime.serve.commands import business_now, in_transaction

access_app = typer.Typer(
    no_args_is_help=True, help="Everything that is held about a person, for that person."
)


@access_app.command("file")
def file(
    participant: Annotated[UUID, typer.Argument(help="The person's participant id.")],
) -> None:
    """Write as JSON everything that the support side holds, but the sealed name; the look is written down.

    For whoever operates Kurslotse: the desk of an authority may not see what rests on consent, and the person
    has a right to it. Give it to the person, not to the authority.
    """
    key = IdentityKey.from_text(need(os.environ.get("KURSLOTSE_IDENTITY_KEY"), "KURSLOTSE_IDENTITY_KEY"))
    found = in_transaction(lambda conn: everything(conn, key, participant, business_now()))
    if found is None:
        sys.stderr.write("nobody is known under this id\n")
        raise typer.Exit(1)
    sys.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() + "\n")


async def everything(
    conn: Connection, key: IdentityKey, participant: UUID, now: datetime
) -> dict[str, Any] | None:
    """Return everything about a person but the sealed name, and log the look; None: nobody is known."""
    row = await conn.fetchrow(
        "SELECT organisation, office, reference FROM person WHERE participant_id = $1", participant
    )
    if row is None:
        return None
    await people.log_looks(
        conn,
        [participant],
        organisation=row["organisation"],
        actor="service:operator",
        purpose=Purpose.ACCESS,
        fields=[],
        now=now,
    )
    data = await collect(
        conn,
        key,
        participant,
        reference=row["reference"],
        office=row["office"],
        contact=None,
        authority=False,
        today=local_day(now),
    )
    return as_json(data)
