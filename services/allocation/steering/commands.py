"""`kurslotse steering`: the commands of law, policy, solver and runs, and the forecast."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import asyncpg
import typer

from services.allocation.policy import commands as policy_commands
from services.allocation.solver import commands as solver_commands
from services.allocation.steering import forecast
from services.allocation.steering.forecast_store import history_of, last_registration
from services.allocation.steering.runs import commands as run_commands
from services.runtime.serve.commands import on_database

app = typer.Typer(no_args_is_help=True, help="Steering runs.")
policy_commands.add_to(app)
solver_commands.add_to(app)
run_commands.add_to(app)


@app.callback()
def steering() -> None:
    """Look at steering runs."""


@app.command("forecast")
def show_forecast(
    kreis: Annotated[str, typer.Argument(help="AGS of the Kreis.")],
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day; else the one after the last registration."),
    ] = None,
    weeks: Annotated[int, typer.Option(min=1, max=26, help="Weeks ahead.")] = 12,
    *,
    backtest: Annotated[bool, typer.Option("--backtest", help="Hold past forecasts against facts.")] = False,
) -> None:
    """Forecast who will register by type, level and town, with ranges, beside the seats on offer."""

    async def history(conn: asyncpg.Connection) -> forecast.DemandHistory:
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            last = await last_registration(conn, kreis)
            if last is None:
                raise ValueError(f"nobody has ever registered in {kreis}")
            day = last + timedelta(days=1) if on is None else on.date()
            return await history_of(conn, kreis, day, weeks)

    try:
        known = on_database(history)
        lines = backtest_lines(known, weeks) if backtest else forecast_lines(forecast.forecast(known, weeks))
        sys.stdout.writelines(f"{line}\n" for line in lines)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from error


def forecast_lines(found: forecast.Forecast) -> Iterator[str]:
    """Write all weeks of the Kreis, then each type, level and town as a sum."""
    yield f"From {found.day}, resting on {found.history_weeks} weeks. Ranges: 80 and 95 per cent."
    yield "gap: who waits now and will register, less the seats on offer and those expected to fall free"
    for whole in (group for group in found.groups if group.by == "all"):
        yield ""
        yield f"waiting without a seat: {whole.waiting}"
        yield "week from       mean   80 %      95 %      seats  falling free   gap at its end (80 %)"
        for week in whole.weeks:
            falling = f"{week.seats:>5}  {week.falling_free:>10.1f}"
            yield f"{week.begins}  {_range(week.demand)} {falling}   {_gap(week)}"
    for by in forecast.KINDS[1:]:
        yield ""
        yield f"{by:38} waiting     mean   80 %      95 %      seats   gap after all weeks (80 %)"
        for group in (group for group in found.groups if group.by == by):
            seats = f"{_range(group.total)} {group.seats:>5}"
            yield f"{group.value:38} {group.waiting:>7}  {seats}   {_gap(group.weeks[-1])}"


def backtest_lines(history: forecast.DemandHistory, weeks: int) -> Iterator[str]:
    """Test the forecast on its own past.

    Raises:
        ValueError: that is too short.
    """
    scores = forecast.backtest([history], weeks)
    if not scores:
        raise ValueError(f"{history.weeks} weeks of registrations are too few to test on")
    yield from score_lines(scores)


def score_lines(scores: Sequence[forecast.Score]) -> Iterator[str]:
    """Write how good past forecasts were, and where the mean of four weeks would have been better."""
    yield "Mean absolute errors, in people, of the forecast and of the last four weeks carried on."
    yield "by          what        n  in 80 %  in 95 %   error  last 4"
    for one in scores:
        what = "sum" if one.summed else "week"
        inside = f"{100 * one.inside80:7.1f}  {100 * one.inside95:7.1f}"
        errors = f"{one.error:6.2f}  {one.error_four_weeks:6.2f}"
        yield f"{one.by:11} {what:5} {one.forecasts:>7}  {inside}  {errors}"
    for one in scores:
        if one.error > one.error_four_weeks:
            yield f"Worse than the last four weeks: {'sums' if one.summed else 'single weeks'} by {one.by}."


def _range(one: forecast.Expected) -> str:
    return f"{one.mean:7.1f}  {one.low80:>4}-{one.high80:<4} {one.low95:>4}-{one.high95:<4}"


def _gap(week: forecast.Week) -> str:
    return f"{week.gap.mean:7.1f} ({week.gap.low80} to {week.gap.high80})"
