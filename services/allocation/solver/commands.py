"""`kurslotse steering solve`, `bench` and `check`: the solver on files, without a database."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import time
from typing import Annotated

import psutil
import typer

from services.allocation.solver.check import findings


def add_to(app: typer.Typer) -> None:
    """Add these commands to `kurslotse steering`."""
    app.command("solve")(solve_instance)
    app.command("bench")(bench_engine)
    app.command("check")(check_result)


def solve_instance(
    instance: Annotated[Path, typer.Option(help="The instance, JSON.")],
    out: Annotated[Path, typer.Option(help="Where the result goes, JSON.")],
    limit: Annotated[float, typer.Option(min=0, help="Seconds after which the best so far is taken.")] = 60.0,
    work: Annotated[int | None, typer.Option(min=0, help="Steps of the solver, reproducible.")] = None,
) -> None:
    """Solve anybody's assignment problem; the format stands in services/allocation/solver/instance.py."""
    from services.allocation.solver import process as solving  # noqa: PLC0415 -- only this command

    # The limit counts from the command's start: loading Kurslotse takes a moment, too.
    spent = time() - psutil.Process().create_time()
    match solving.solve(instance, max(0.0, limit - spent), work):
        case solving.Solved(result):
            solving.keep(result, out)
        case solving.Failed(status, said):
            sys.stderr.write(said)
            raise typer.Exit(status or 1)


def bench_engine(
    scale: Annotated[str, typer.Option(help="kreis, mid, nation or all.")] = "kreis",
    seeds: Annotated[int, typer.Option(min=1, help="Regions of each kind.")] = 12,
    limit: Annotated[float, typer.Option(min=0, help="Seconds for a region, or for a whole nation.")] = 60.0,
) -> None:
    """Measure the engine on generated regions, next to the bare solvers."""
    from services.allocation.solver import bench  # noqa: PLC0415 -- only this command

    known = {name: [name] for name in bench.SCALES} | {"all": list(bench.SCALES)}
    if scale not in known:
        raise typer.BadParameter(f"one of {', '.join(known)}", param_hint="--scale")
    bench.main(known[scale], seeds, limit)


def check_result(
    instance: Annotated[Path, typer.Option(help="The instance, JSON.")],
    result: Annotated[Path, typer.Option(help="The result, JSON.")],
) -> None:
    """Check a result without the engine; exit status 1 if something is wrong."""
    wrong = findings(json.loads(instance.read_bytes()), json.loads(result.read_bytes()))
    for finding in wrong:
        sys.stdout.write(f"{finding}\n")
    raise typer.Exit(1 if wrong else 0)
