"""Adds the commands of the steering side to the `kurslotse` command."""

import csv
import os
import sys
from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
import typer

from services.allocation.acts.placements import Placements
from services.allocation.figures.cohorts import Figures, figures_of
from services.allocation.figures.course_outcomes import SUPPRESS_BELOW
from services.allocation.placements.results import DecidedBy
from services.allocation.policy.domain import load_policies
from services.allocation.policy.terms import PolicyTerms
from services.allocation.steering import commands as steering
from services.runtime.base.cells import guarded
from services.runtime.serve.commands import in_transaction

app = typer.Typer(no_args_is_help=True)
app.add_typer(steering.app, name="steering")
Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"])]


@app.command("figures")
def figures(kreis: Annotated[str, typer.Argument(help="AGS of the Kreis")], first: Day, last: Day) -> None:
    """Write the figures of a Kreis and a period as CSV; small groups are suppressed."""

    async def count(conn: asyncpg.Connection) -> Figures:
        return await figures_of(conn, kreis, first.date(), last.date(), SUPPRESS_BELOW)

    table = csv.writer(sys.stdout)
    table.writerow(("figure", "part", "value"))
    table.writerows([guarded(cell) for cell in row] for row in in_transaction(count).rows())


participants = typer.Typer(no_args_is_help=True, help="People, by reference.")
app.add_typer(participants, name="participants")


@participants.callback()
def _group() -> None:
    """Look after people's references."""


@participants.command("merge")
def merge(
    merged: Annotated[UUID, typer.Argument(help="Participant id that ends.")],
    into: Annotated[UUID, typer.Argument(help="Participant id that stays.")],
    by: Annotated[str, typer.Option(help="Who confirmed that both are one person.")],
    at: Annotated[datetime, typer.Option(formats=["%Y-%m-%dT%H:%M:%S%z"], help="Business time.")],
) -> None:
    """Say that two participants are one person, as a person has confirmed."""
    placements = Placements(os.environ.get("KURSLOTSE_PREFIX", ""), PolicyTerms(load_policies()))
    refusal = in_transaction(lambda conn: placements.merge(conn, DecidedBy(by, at), merged, into))
    if refusal is not None:
        sys.stderr.write(f"not done: {refusal.code}\n")
        raise typer.Exit(1)
