"""`kurslotse steering`: looking at runs from the command line."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Annotated, assert_never
from uuid import UUID

import typer

from services.allocation.steering.handlers import Different, Same, replay
from services.runtime.db import connect

app = typer.Typer(no_args_is_help=True, help="Steering runs.")


@app.callback()
def steering() -> None:
    """Look at steering runs."""


@app.command("replay")
def replay_run(run: Annotated[UUID, typer.Argument(help="The run's id.")]) -> None:
    """Solve the stored snapshot of a run again; exit status 1 unless the result has the same bytes."""
    dsn = os.environ.get("KURSLOTSE_DB_WORKER")
    if not dsn:
        raise typer.BadParameter("KURSLOTSE_DB_WORKER is not set and nothing runs here")

    async def work() -> Same | Different:
        conn = await connect(dsn, name="kurslotse-replay")
        try:
            return await replay(conn, run)
        finally:
            await conn.close()

    try:
        answer = asyncio.run(work())
    except LookupError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from error
    match answer:
        case Same():
            sys.stdout.write(f"{answer.run}: the same bytes, sha256 {answer.sha256}\n")
        case Different():
            why = f"; it was made by {answer.engine}" if answer.engine else ""
            sys.stdout.write(f"{answer.run}: stored {answer.stored}, replayed {answer.replayed}{why}\n")
            raise typer.Exit(1)
        case _:
            assert_never(answer)
