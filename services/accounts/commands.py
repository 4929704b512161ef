"""Defines the commands `kurslotse account ...` of one side."""

import os
from pathlib import Path
from typing import Annotated

import typer

from services.accounts.demo import load as demo
from services.accounts.domain import Side
from services.runtime.serve.commands import in_transaction

app = typer.Typer(no_args_is_help=True)
account_app = typer.Typer(
    no_args_is_help=True, help="Who works with Kurslotse: invitations, roles, recovery."
)
app.add_typer(account_app, name="account")


def _side() -> Side:
    return Side(os.environ.get("KURSLOTSE_SIDE", Side.STEERING.value))


@account_app.command("load-demo")
def load_demo(file: Annotated[Path, typer.Argument(help="YAML: invented organisations and people.")]) -> None:
    """Take invented people into a demo; a real installation refuses."""
    side = _side()
    try:
        number = in_transaction(lambda conn: demo.load(conn, side, demo.read(file, side)))
    except ValueError as error:
        typer.echo(f"kurslotse: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{number} invented people")
