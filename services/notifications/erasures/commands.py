"""Defines the commands `kurslotse erasure ...` for the data protection officer."""

import sys
from typing import Annotated
from uuid import UUID

import orjson
import typer

from services.notifications.erasures import store
from services.notifications.erasures.report import as_text, report_of
from services.runtime.serve.commands import on_database

erasure_app = typer.Typer(no_args_is_help=True, help="Reports of who was erased where, without the person.")


@erasure_app.command("list")
def list_erasures(limit: Annotated[int, typer.Option(help="Show at most so many.")] = 50) -> None:
    """Show the latest erasures by their ids, and whether every service has acknowledged them."""
    for row in on_database(lambda conn: store.erasures(conn, limit)):
        state = "complete" if row["completed_at"] is not None else "NOT ACKNOWLEDGED BY ALL"
        sys.stdout.write(f"{row['erasure']}  {row['erased_on']}  {row['office']}  {state}\n")


@erasure_app.command("report")
def report(
    erasure: Annotated[UUID, typer.Argument(help="Id of the erasure, as `list` shows it.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show what was erased where, and what stays, by which paragraph, until when."""
    found = on_database(lambda conn: report_of(conn, erasure))
    if found is None:
        sys.stderr.write("there is no such erasure\n")
        raise typer.Exit(1)
    sys.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() if json else as_text(found))
    if not found["complete"]:
        raise typer.Exit(1)
