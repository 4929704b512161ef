"""Defines the simulator's commands for the `kurslotse` command."""

import sys
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.command("invent-history")
def invent_history(
    folder: Annotated[Path, typer.Argument(help="Where the CSV files go; made if missing.")],
    seed: Annotated[int, typer.Option(help="Another seed, other people and courses.")] = 0,
    days: Annotated[int, typer.Option(min=30, max=365, help="Days of the year.")] = 365,
) -> None:
    """Invent a year of attendance as CSV, for `kurslotse risk evaluate`."""
    from services.notifications.risk.evaluate.history import write  # noqa: PLC0415 -- `--help` must not pay for it
    from services.simulator.history import invent  # noqa: PLC0415 -- the same

    history = invent(seed, days)
    write(folder, history)
    sys.stdout.write(f"{len(history.enrolments)} enrolments in {folder}\n")


@app.command("compare")
def compare(
    seeds: Annotated[int, typer.Option(min=1, help="How many years.")] = 3,
    people: Annotated[int, typer.Option(min=50, help="Who arrive in a year.")] = 1200,
    first_seed: Annotated[int, typer.Option(help="Seed of the first year.")] = 0,
    twins: Annotated[
        float, typer.Option(min=0, max=1, help="Share of courses announced beside one of the same kind.")
    ] = 0.2,
    policy: Annotated[Path | None, typer.Option(help="A policy file; else the packaged one.")] = None,
    *,
    weekly: Annotated[bool, typer.Option("--weekly", help="Steer every Monday, not every day.")] = False,
) -> None:
    """Compare steering with first come, first served on the same invented years, also where it is worse."""
    from services.allocation.policy.domain import load_policies  # noqa: PLC0415 -- `--help` must not pay for it
    from services.simulator.comparison.comparison import compare as compare_years  # noqa: PLC0415 -- the same
    from services.simulator.comparison.report import lines  # noqa: PLC0415 -- the same
    from services.simulator.world.kreis import KREIS  # noqa: PLC0415 -- the same
    from services.simulator.year.model import Setting  # noqa: PLC0415 -- the same

    setting, begun = Setting(people=people, twins=twins), monotonic()
    chosen = None if policy is None else load_policies(policy).on(KREIS, setting.start)

    def report_year(seed: int) -> None:
        sys.stderr.write(f"year {seed} done after {monotonic() - begun:.0f} s\n")

    found = compare_years(
        range(first_seed, first_seed + seeds),
        setting,
        policy=chosen,
        cadence="weekly" if weekly else "daily",
        progress=report_year,
    )
    for line in lines(found):
        sys.stdout.write(f"{line}\n")
