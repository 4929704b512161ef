"""Defines the commands `kurslotse risk ...`."""

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from schemas.days import local_day

_EXPORT_SECONDS = 600.0
WARNING = """\
This is the attendance of real people under running numbers: personal data still (Art. 4 Nr. 5 DSGVO). Whoever
knows a course may recognise them. Only people who consent to dropout support today are in it. Keep it on the
support side, where only you can read it, and delete it after the evaluation."""
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


@risk_app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Only enrolments that began on this day or later."),
    ] = None,
) -> None:
    """Write the history of this installation: people who consent to dropout support, under running numbers.

    For whoever operates the support side; that they were taken out is written down about each of them.
    `kurslotse risk evaluate` reads the folder.
    """
    # Imported here: `--help` must not pay for it.
    from services.notifications.risk.evaluate import history, history_store  # noqa: PLC0415 -- see above
    from services.runtime.serve.commands import business_now, in_transaction  # noqa: PLC0415 -- see above

    if folder.exists():
        sys.stderr.write(f"kurslotse: {folder} exists already. Please name a new folder.\n")
        raise typer.Exit(2)
    now = business_now()
    today, first = local_day(now), date.min if since is None else since.date()
    rows = in_transaction(
        lambda conn: history_store.taken_out(conn, since=first, today=today, now=now, timeout=_EXPORT_SECONDS)
    )
    people = history_store.enrolments(rows)
    try:
        history.write(folder, history.History(people))
    except OSError as error:
        sys.stderr.write(f"kurslotse: {error}\n")
        raise typer.Exit(2) from None
    marks, exits = sum(len(one.days) for one in people), sum(one.exit is not None for one in people)
    sys.stdout.write(
        f"{len(people)} enrolments, {marks} marks and {exits} exits are in {folder}.\n{WARNING}\n"
    )
