"""`kurslotse steering`: looking at runs from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import time
from typing import Annotated, assert_never
from uuid import UUID

import asyncpg
import psutil
import typer

from services.allocation.steering import policy_commands
from services.allocation.steering.explained import all_runs
from services.allocation.steering.forecast.commands import show_forecast
from services.allocation.steering.handlers import Different, Same, Verified, replay, verify
from services.allocation.steering.verify import findings
from services.runtime.commands import on_database

app = typer.Typer(no_args_is_help=True, help="Steering runs.")
policy_commands.add_to(app)


app.command("forecast")(show_forecast)


@app.callback()
def steering() -> None:
    """Look at steering runs."""


@app.command("solve")
def solve_instance(
    instance: Annotated[Path, typer.Option(help="The instance, JSON.")],
    out: Annotated[Path, typer.Option(help="Where the result goes, JSON.")],
    limit: Annotated[float, typer.Option(min=0, help="Seconds after which the best so far is taken.")] = 60.0,
    work: Annotated[int | None, typer.Option(min=0, help="Steps of the solver, reproducible.")] = None,
) -> None:
    """Solve anybody's assignment problem; the format stands in services/allocation/steering/instance.py."""
    from services.allocation.steering import solving  # noqa: PLC0415 -- only this command

    # The limit counts from the command's start: loading Kurslotse takes a moment, too.
    spent = time() - psutil.Process().create_time()
    match solving.solve(instance, max(0.0, limit - spent), work):
        case solving.Solved(result):
            out.write_bytes(result)
        case solving.Failed(status, said):
            sys.stderr.write(said)
            raise typer.Exit(status or 1)


@app.command("bench")
def bench_engine(
    scale: Annotated[str, typer.Option(help="kreis, mid, nation or all.")] = "kreis",
    seeds: Annotated[int, typer.Option(min=1, help="Regions of each kind.")] = 12,
    limit: Annotated[float, typer.Option(min=0, help="Seconds for a region, or for a whole nation.")] = 60.0,
) -> None:
    """Measure the engine on generated regions, next to the bare solvers."""
    from services.allocation.steering import bench  # noqa: PLC0415 -- only this command

    known = {name: [name] for name in bench.SCALES} | {"all": list(bench.SCALES)}
    if scale not in known:
        raise typer.BadParameter(f"one of {', '.join(known)}", param_hint="--scale")
    bench.main(known[scale], seeds, limit)


@app.command("check")
def check_result(
    instance: Annotated[Path, typer.Option(help="The instance, JSON.")],
    result: Annotated[Path, typer.Option(help="The result, JSON.")],
) -> None:
    """Check a result without the engine; exit status 1 if something is wrong."""
    wrong = findings(json.loads(instance.read_bytes()), json.loads(result.read_bytes()))
    for finding in wrong:
        sys.stdout.write(f"{finding}\n")
    raise typer.Exit(1 if wrong else 0)


@app.command("replay")
def replay_run(run: Annotated[UUID, typer.Argument(help="The run's id.")]) -> None:
    """Solve the stored snapshot of a run again; exit status 1 unless the result has the same bytes."""
    try:
        answer = on_database(lambda conn: replay(conn, run))
    except LookupError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from error
    match answer:
        case Same():
            sys.stdout.write(f"{answer.run}: the same bytes, sha256 {answer.sha256}\n")
        case Different() if answer.harmless:
            sys.stdout.write(
                f"{answer.run}: other bytes, because of {answer.why}; the stored result, checked, holds\n"
            )
        case Different():
            sys.stdout.write(f"{answer.run}: stored {answer.stored}, replayed {answer.replayed}\n")
            sys.stdout.writelines(f"  {finding}\n" for finding in answer.findings)
            raise typer.Exit(1)
        case _:
            assert_never(answer)


@app.command("verify")
def verify_run(
    run: Annotated[UUID | None, typer.Argument(help="The run's id.")] = None,
    *,
    resolve: Annotated[bool, typer.Option("--resolve", help="Solve again for the started courses.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Check every stored run.")] = False,
) -> None:
    """Check runs without the engine: result, certificate, reasons, remedies; exit status 1 if wrong."""
    if (run is None) != every:
        raise typer.BadParameter("name a run, or say --all")
    checked: list[Verified] = []

    async def work(conn: asyncpg.Connection) -> None:
        for one in [run] if run is not None else await all_runs(conn):
            checked.append(await verify(conn, one, resolve=resolve))
            for finding in checked[-1].findings:
                sys.stdout.write(f"{one}: {finding}\n")

    try:
        on_database(work)
    except LookupError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from error
    findings_ = sum(len(one.findings) for one in checked)
    sys.stdout.write(
        f"{len(checked)} runs, {sum(one.certificates for one in checked)} certificates, "
        f"{sum(one.reasons for one in checked)} reasons, {sum(one.remedies for one in checked)} remedies "
        f"checked: {findings_} findings\n"
    )
    raise typer.Exit(1 if findings_ else 0)
