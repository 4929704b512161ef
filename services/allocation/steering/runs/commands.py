"""`kurslotse steering replay`, `keep` and `verify`: commands that look at stored runs."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Annotated, assert_never
from uuid import UUID

import asyncpg
import typer

from schemas.days import LOCAL, local_day
from services.allocation.steering.explain.store import all_runs
from services.allocation.steering.runs import retention
from services.allocation.steering.runs.audit import Verified, verify, verify_each
from services.allocation.steering.runs.replay import Different, Same, replay
from services.runtime.serve.commands import business_now, in_transaction, on_database

PROGRESS_SECONDS = 2.0
SHORTEST, LONGEST = 10, 500
"""Characters of a reason."""


def add_to(app: typer.Typer) -> None:
    """Add these commands to `kurslotse steering`."""
    app.command("replay")(replay_run)
    app.command("keep")(keep_run)
    app.command("verify")(verify_run)


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


def keep_run(
    run: Annotated[UUID, typer.Argument(help="The run's id.")],
    by: Annotated[str, typer.Option(help="Who says so, for the audit trail.")],
    reason: Annotated[str, typer.Option(help="What is contested; no personal data.")] = "",
    *,
    no_longer: Annotated[bool, typer.Option("--lift", help="Keep it no longer than others.")] = False,
) -> None:
    """Keep a run beyond the policy's time, because something that rests on it is contested."""
    if not no_longer and not SHORTEST <= len(reason) <= LONGEST:
        raise typer.BadParameter(f"{SHORTEST} to {LONGEST} characters", param_hint="--reason")

    async def work(conn: asyncpg.Connection) -> bool:
        now = business_now()
        if no_longer:
            return await retention.lift(conn, run, by, now)
        return await retention.keep(conn, run, reason, by, now)

    try:
        done = in_transaction(work)
    except LookupError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from error
    if not done:
        sys.stderr.write("nobody keeps it\n" if no_longer else "it is kept already\n")
        raise typer.Exit(1)
    sys.stdout.write(f"{run} is kept{' no longer than others' if no_longer else ''}\n")


def verify_run(
    run: Annotated[UUID | None, typer.Argument(help="The run's id.")] = None,
    *,
    resolve: Annotated[bool, typer.Option("--resolve", help="Solve again for the started courses.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Check every stored run.")] = False,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="With --all: only runs from this day on.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that check.")] = os.cpu_count() or 1,
) -> None:
    """Check runs without the engine: result, certificate, reasons, remedies; exit status 1 if wrong."""
    if (run is None) != every or (since is not None and not every):
        raise typer.BadParameter("name a run, or say --all")
    tally = Tally()
    try:
        if run is not None:
            tally.add(on_database(lambda conn: verify(conn, run, resolve=resolve)))
        else:
            on_database(lambda conn: _verify_all(conn, tally, since, jobs, resolve=resolve))
    except LookupError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        sys.stdout.write(f"{tally}\nStopped; go on with --since {tally.day}\n")
        raise typer.Exit(130) from None
    sys.stdout.write(f"{tally}\n")
    raise typer.Exit(1 if tally.findings else 0)


@dataclass
class Tally:
    """Counts what was checked so far; findings are written as they come."""

    runs: int = 0
    certificates: int = 0
    reasons: int = 0
    remedies: int = 0
    findings: int = 0
    day: str = ""

    def add(self, one: Verified) -> None:
        """Count a run."""
        self.runs += 1
        self.certificates += one.certificates
        self.reasons += one.reasons
        self.remedies += one.remedies
        self.findings += len(one.findings)
        if one.findings and one.made_by is not None:
            sys.stdout.write(f"{one.run}: made by another version ({one.made_by}), whose rules may differ:\n")
        for finding in one.findings:
            sys.stdout.write(f"{one.run}: {finding}\n")

    def __str__(self) -> str:
        """Sum up in a line."""
        return (
            f"{self.runs} runs, {self.certificates} certificates, {self.reasons} reasons, "
            f"{self.remedies} remedies checked: {self.findings} findings"
        )


async def _verify_all(
    conn: asyncpg.Connection, tally: Tally, since: datetime | None, jobs: int, *, resolve: bool
) -> None:
    first = None if since is None else since.replace(tzinfo=LOCAL)
    runs = await all_runs(conn, first)
    begun = told = monotonic()
    async for one in verify_each(conn, runs, min(jobs, max(1, len(runs))), resolve=resolve):
        tally.add(one)
        tally.day = local_day(runs[one.run]).isoformat()
        now = monotonic()
        if now - told >= PROGRESS_SECONDS:
            told = now
            sys.stderr.write(
                f"{tally.runs} of {len(runs)} runs, up to {tally.day}, "
                f"{tally.runs / (now - begun):.1f} a second: {tally.findings} findings\n"
            )
