"""Adds the commands of the steering side to the `kurslotse` command."""

import csv
import os
import sys
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from services.allocation.acts.placements import Placements
from services.allocation.placements.results import DecidedBy
from services.allocation.policy.domain import load_policies
from services.allocation.policy.terms import PolicyTerms
from services.allocation.steering import commands as steering
from services.runtime.base.cells import guarded
from services.runtime.bookkeeping.publications import published
from services.runtime.serve.commands import in_transaction

app = typer.Typer(no_args_is_help=True)
app.add_typer(steering.app, name="steering")


@app.command("figures")
def figures(kreis: Annotated[str, typer.Argument(help="AGS of the Kreis")]) -> None:
    """Write the published figures of a Kreis as CSV: bands of closed quarters, open ones without `high`."""
    table = csv.writer(sys.stdout)
    table.writerow(("quarter", "figure", "part", "low", "high", "k", "counted_on"))
    for one in in_transaction(lambda conn: published(conn, [kreis])):
        for part, band in one.bands.items():
            if band.told:
                high = "" if band.high is None else band.high
                told = (one.quarter.first, one.figure, part, band.low, high, one.k, one.counted_on)
                table.writerow([guarded(str(cell)) for cell in told])


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
