"""Defines the operators' commands for refused records and paused partitions."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import asyncpg
import typer

from services.runtime.base.clock import clock_of
from services.runtime.base.installation import InstallationError
from services.runtime.bookkeeping import breaker, quarantine, work
from services.runtime.data.db import connect
from services.runtime.serve.installation import check_command

T = TypeVar("T")

quarantine_app = typer.Typer(no_args_is_help=True, help="Records that had no effect, and why.")
reading_app = typer.Typer(no_args_is_help=True, help="Topics that are not read until somebody says so.")
work_app = typer.Typer(no_args_is_help=True, help="Queued work that failed and was set aside.")


def on_database(work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    """Run `work` on the database that this process's environment names."""
    dsn = os.environ.get("KURSLOTSE_DB_WORKER")
    if not dsn:
        typer.echo(
            "No installation runs here: start it with `kurslotse up`, or set KURSLOTSE_DB_WORKER.", err=True
        )
        raise typer.Exit(2)

    async def run(address: str) -> T:
        conn = await connect(address, name="operator")
        try:
            await check_command(conn, address)
            return await work(conn)
        finally:
            await conn.close()

    try:
        return asyncio.run(run(dsn))
    except InstallationError as error:
        typer.echo(f"kurslotse: {error}", err=True)
        raise typer.Exit(2) from None


def business_now() -> datetime:
    """Return the business time of the installation that runs here, else the machine's."""
    clock = os.environ.get("KURSLOTSE_CLOCK_FILE")
    return clock_of(Path(clock) if clock else None).now()


def in_transaction(work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    """Run `work` as `on_database` does, in one transaction."""

    async def whole(conn: asyncpg.Connection) -> T:
        async with conn.transaction():
            return await work(conn)

    return on_database(whole)


@quarantine_app.command("list")
def list_refused(limit: Annotated[int, typer.Option(help="Show at most so many.")] = 50) -> None:
    """Show the newest refused records: where they lie and why, never what they say."""
    for row in on_database(lambda conn: quarantine.list_open(conn, limit)):
        where = f"{row['topic']}/{row['partition']}/{row['offset']}"
        why = row["code"] + (f" ({row['field']})" if row["field"] else "")
        again = f"  tried again: {row['replay_result']}" if row["replay_result"] else ""
        said = f"{row['event_type'] or '-'} {row['event_id'] or '-'}"
        typer.echo(f"{row['id']:>8}  {row['refused_at']:%Y-%m-%d %H:%M}  {where}  {said}  {why}{again}")


@quarantine_app.command("replay")
def replay_refused(
    ids: Annotated[list[int] | None, typer.Argument(help="Numbers as `list` shows them.")] = None,
    code: Annotated[str | None, typer.Option(help="All that were refused for this reason.")] = None,
) -> None:
    """Have records tried again; the running service reads them back from Kafka within seconds."""
    if not ids and code is None:
        raise typer.BadParameter("say which: numbers or --code")
    asked = on_database(lambda conn: quarantine.request_replay(conn, ids=ids or [], code=code))
    typer.echo(f"{asked} records will be tried again.")


@reading_app.command("list")
def list_paused() -> None:
    """Show which topics are paused and why."""
    for row in on_database(breaker.list_paused):
        since = f"{row['paused_at']:%Y-%m-%d %H:%M}"
        typer.echo(f"{since}  {row['topic']}/{row['partition']}  {row['why']}  {row['detail']}")


@reading_app.command("resume")
def resume(
    topic: Annotated[str, typer.Argument(help="Full name of the topic.")],
    go_on_at: Annotated[
        int | None, typer.Option(help="Offset to go on at; needed where the stored one is out of range.")
    ] = None,
) -> None:
    """Read a paused topic again."""
    resumed = on_database(lambda conn: breaker.resume(conn, topic, go_on_at=go_on_at))
    typer.echo(f"{resumed} partitions are read again.")
    if not resumed:
        raise typer.Exit(1)


@work_app.command("list")
def list_failing() -> None:
    """Show on which items work failed, how often and with which error."""
    for row in on_database(work.list_failing):
        aside = "set aside" if row["aside"] else "is tried again"
        typer.echo(f"{row['task']}  {row['item']}  {row['attempts']} times  {row['error']}  {aside}")


@work_app.command("release")
def release(
    task: Annotated[str, typer.Argument(help="Name as `list` shows it.")],
    item: Annotated[str | None, typer.Argument(help="Item as `list` shows it; without one, all.")] = None,
) -> None:
    """Have items tried again at once."""
    released = on_database(lambda conn: work.release(conn, task, item))
    typer.echo(f"{released} items are tried again.")
    if not released:
        raise typer.Exit(1)
