"""`kurslotse steering forecast`: demand to come, and how good such forecasts have been."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated

import typer

from services.runtime.serve.commands import on_database


def show_forecast(  # noqa: PLR0917 - the command's options
    kreis: Annotated[str, typer.Argument(help="AGS of the Kreis; not needed with --backtest.")] = "",
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day; else the one after the last registration."),
    ] = None,
    weeks: Annotated[int, typer.Option(min=1, max=26, help="Weeks ahead.")] = 12,
    seeds: Annotated[int, typer.Option(min=1, help="Invented years for a back-test without a Kreis.")] = 4,
    people: Annotated[int, typer.Option(min=50, help="Who arrive in each of them.")] = 1200,
    years: Annotated[int, typer.Option(min=1, max=4, help="Years of history; the last one is tested.")] = 1,
    *,
    backtest: Annotated[bool, typer.Option("--backtest", help="Hold past forecasts against facts.")] = False,
) -> None:
    """Forecast who will register by type, level and town, with ranges, beside the seats on offer."""
    from services.allocation.steering.forecast import asked  # noqa: PLC0415 -- only this command
    from services.allocation.steering.forecast.model import forecast  # noqa: PLC0415 -- the same
    from services.allocation.steering.forecast.reader import registrations  # noqa: PLC0415 -- the same
    from services.allocation.steering.forecast.report import lines  # noqa: PLC0415 -- the same

    if backtest and not kreis:
        _print(asked.invented(range(seeds), people, weeks, years))
        return
    if not kreis:
        raise typer.BadParameter("a Kreis is needed, or --backtest")
    day = None if on is None else on.date()
    try:
        if backtest:
            _print(asked.of_kreis(on_database(lambda conn: registrations(conn, kreis, date.max)), weeks))
        else:
            _print(lines(forecast(on_database(lambda conn: asked.history(conn, kreis, day, weeks)), weeks)))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from error


def _print(text: Iterable[str]) -> None:
    for line in text:
        sys.stdout.write(f"{line}\n")
