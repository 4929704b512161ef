"""Defines the commands `kurslotse risk ...`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

risk_app = typer.Typer(no_args_is_help=True, help="Rules about risks, tried on a history.")


@risk_app.command("evaluate")
def evaluate(
    folder: Annotated[Path, typer.Argument(help="enrolments.csv, marks.csv, exits.csv")],
    parameters: Annotated[
        Path | None, typer.Option(help="A file of parameters; else the packaged one.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw recall against load as SVG into this file.")] = None,
) -> None:
    """Replay a history as it was reported: how well the rules warned, beside a flat rule and an oracle."""
    # Imported here: `--help` must not pay for it.
    from services.notifications.risk.evaluate import history, report  # noqa: PLC0415 -- see above
    from services.notifications.risk.evaluate.sweep import compare  # noqa: PLC0415 -- see above
    from services.notifications.risk.parameters import PACKAGED, load  # noqa: PLC0415 -- see above

    try:
        replayed = history.read(folder)
        book = load(parameters or PACKAGED)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"kurslotse: {error}\n")
        raise typer.Exit(2) from None
    if not replayed.enrolments:
        sys.stderr.write(
            f"kurslotse: {folder / 'enrolments.csv'}: nobody is enrolled. Nothing can be said.\n"
        )
        raise typer.Exit(2)
    day = max(enrolment.joined_on for enrolment in replayed.enrolments)
    found = compare(replayed, book.on(day))
    for line in report.lines(found):
        sys.stdout.write(f"{line}\n")
    if plot is not None:
        plot.write_text(report.plot(found), "utf-8")
