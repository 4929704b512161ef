"""Defines the commands `kurslotse offices ...` and `kurslotse delivery ...`."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from schemas.days import local_day
from services.notifications.access.commands import access_app
from services.notifications.delivery import store as deliveries
from services.notifications.delivery.holding import telling_store
from services.notifications.erasures.commands import erasure_app
from services.notifications.offices import handlers as offices
from services.notifications.offices.directory_file import read_directory
from services.notifications.risk.evaluate.commands import risk_app
from services.places.current import CurrentPlaces
from services.runtime.base.clock import SystemClock
from services.runtime.base.installation import InstallationError
from services.runtime.base.settings import SettingsError, need
from services.runtime.data import roles
from services.runtime.data.db import Connection, connect
from services.runtime.serve.installation import check_command

COMMAND = "command"
"""Stands for whoever operates Kurslotse where a person's key would be."""
_LONGEST_REASON = 500

app = typer.Typer(no_args_is_help=True)
offices_app = typer.Typer(no_args_is_help=True, help="The directory of counselling offices.")
delivery_app = typer.Typer(no_args_is_help=True, help="Messages that were not accepted or came back.")
app.add_typer(offices_app, name="offices")
app.add_typer(delivery_app, name="delivery")
app.add_typer(erasure_app, name="erasure")
app.add_typer(risk_app, name="risk")
app.add_typer(access_app, name="access")


@asynccontextmanager
async def admin_connection(admin_url: str, prefix: str) -> AsyncIterator[Connection]:
    """Open a connection to this service's database that acts as its owner."""
    address = roles.address_of(admin_url, roles.database_name(prefix, "notifications"))
    conn = await connect(address, name="kurslotse offices")
    try:
        await check_command(conn, address)
        owner = await conn.fetchval(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        )
        await conn.execute(f"SET ROLE {roles.checked(owner)}")
        yield conn
    finally:
        await conn.close()


def _run(work: Callable[[], Coroutine[Any, Any, str]]) -> None:
    try:
        sys.stdout.write(asyncio.run(work()) + "\n")
    except (SettingsError, InstallationError, ValueError, OSError) as error:
        sys.stderr.write(f"kurslotse: {error}\n")
        raise typer.Exit(2) from None


def _where() -> tuple[str, str]:
    url = need(os.environ.get("KURSLOTSE_DATABASE_URL"), "KURSLOTSE_DATABASE_URL")
    return url, os.environ.get("KURSLOTSE_PREFIX", "")


@offices_app.command("load")
def load(file: Annotated[Path, typer.Argument(help="JSON or YAML: a list of offices.")]) -> None:
    """Store the directory, and reconcile the alerts of everybody whom it may concern."""

    async def work() -> str:
        async with admin_connection(*_where()) as conn, conn.transaction():
            places = await CurrentPlaces().seen_by(conn)
            entries = read_directory(file, local_day(SystemClock().now()), places)
            people = await offices.load(conn, entries)
        return f"{len(entries)} offices stored, {people} people looked at again"

    _run(work)


@delivery_app.command("failed")
def failed() -> None:
    """List messages that were refused or came back: ids, where they went and why, not whom they are about."""

    async def work() -> str:
        async with admin_connection(*_where()) as conn:
            rows = await deliveries.failed(conn)
        lines = [f"{row['delivery_id']}  {row['office']}  {row['channel']}  {row['problem']}" for row in rows]
        return "\n".join(lines) or "every message was accepted, and none came back"

    _run(work)


@delivery_app.command("resend")
def resend(
    delivery: Annotated[UUID, typer.Argument(help="Id of a delivery that failed or came back.")],
    reason: Annotated[str, typer.Option(help="Why; kept, and shown to the office.")],
) -> None:
    """Have a message tried again that was not accepted or came back, under the same id."""

    async def work() -> str:
        said = reason.strip()[:_LONGEST_REASON]
        if not said:
            raise ValueError("--reason says in a few words why it is sent again")
        async with admin_connection(*_where()) as conn, conn.transaction():
            done = await deliveries.resend(conn, delivery)
            if done:
                now = SystemClock().now()
                await telling_store.record_resend(conn, delivery, by=COMMAND, reason=said, now=now)
        return "will be tried again" if done else "no delivery of this id was refused or came back"

    _run(work)
