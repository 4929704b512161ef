"""`kurslotse steering rules`, `policy`, `travel`: the law, the municipality's decisions, its travel times."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import asyncpg
import typer

from schemas.days import local_day
from services.allocation.law import documents, mistakes
from services.allocation.law.entries import CourseTypeRule
from services.allocation.law.mistakes import DocumentError
from services.allocation.law.rulebook import PACKAGED, Rules, read_rulebook
from services.allocation.policy import schema as policy_schema
from services.allocation.policy import travel, travel_store
from services.allocation.policy.check import check_text, check_towns
from services.places.current import CurrentPlaces
from services.runtime.serve.commands import business_now, in_transaction

Language = Annotated[str, typer.Option(help="Language of messages: de or en.")]
policy = typer.Typer(no_args_is_help=True, help="Policies of municipalities.")
travel_times = typer.Typer(no_args_is_help=True, help="The municipality's table of travel times.")


def add_to(app: typer.Typer) -> None:
    """Add these commands to `kurslotse steering`."""
    app.command("rules")(rules)
    app.add_typer(policy, name="policy")
    app.add_typer(travel_times, name="travel")


@policy.callback()
def _policy() -> None:
    """Look after policies."""


@travel_times.callback()
def _travel() -> None:
    """Look after travel times."""


def rules(
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; today if not given.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="Another rule book.")] = PACKAGED,
    language: Language = "en",
) -> None:
    """Print the rules of a day, each with its source; exit status 1 if the book has mistakes."""
    day = _today() if on is None else on.date()
    try:
        found = read_rulebook(folder).on(day)
    except DocumentError as error:
        raise _told(error, language) from error
    except LookupError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from error
    sys.stdout.writelines(f"{line}\n" for line in rule_lines(found))


def _today() -> date:
    return local_day(business_now())


def _told(error: DocumentError, language: str) -> typer.Exit:
    told = mistakes.lines(error, "de" if language.startswith("de") else "en")
    sys.stderr.writelines(f"{line}\n" for line in told)
    return typer.Exit(1)


def rule_lines(found: Rules) -> Iterator[str]:
    """Write the rules of a day, a line for each entry."""
    yield f"Rules of {found.day}, version {found.version}"
    yield "Course types"
    for code, kind in sorted(found.course_types.items()):
        yield f"  {code}: {_type_line(kind)} [{_since(kind)}]"
    yield "Access routes"
    for code, history in sorted(found.routes.items()):
        for rule in history:
            word = "open" if rule.open else "closed for new grants"
            leads = ", ".join(rule.kinds) or "Land and municipal courses"
            yield f"  {code}: {word}, to {leads} [{_since(rule)}]"
    yield f"Priority classes [{_since(found.priorities)}]"
    for place, known in enumerate(found.priorities.classes, 1):
        who = [*known.standings, *(["cooperation plan"] if known.cooperation_plan else [])]
        yield f"  {place}. {known.code}: {', '.join(who) or 'everybody else'}"
    yield "Clocks, each by itself"
    for code, clock in sorted(found.deadlines.items()):
        after = "; lapses" if clock.lapses else ""
        but = f"; {clock.exceptions}" if clock.exceptions else ""
        span = f"{clock.months} months" if clock.days is None else f"{clock.days} days"
        runs = f"{span} from {clock.starts_with}{after}: {clock.group}{but}"
        yield f"  {code}: {runs} [{_since(clock)}]"
    yield "Standings"
    for code, standing in sorted(found.standings.items()):
        yield f"  {code}: {'a duty' if standing.obliged else 'free choice'} [{_since(standing)}]"
    yield "Limits"
    for code, value in sorted(found.limits.items()):
        yield f"  {code}: {value}"


def _since(entry: object) -> str:
    begins, ends = getattr(entry, "valid_from", ""), getattr(entry, "valid_until", None)
    assumed = " (day assumed)" if getattr(entry, "day_assumed", False) else ""
    return f"{getattr(entry, 'source', '')}; from {begins}{assumed}" + (f" to {ends}" if ends else "")


def _type_line(kind: CourseTypeRule) -> str:
    hours = "own hours"
    if kind.language_ue is not None:
        least = f"{kind.language_ue_from} to " if kind.language_ue_from is not None else ""
        hours = f"{least}{kind.language_ue} + {kind.orientation_ue} UE"
    sections = (
        f"{kind.sections} sections of {kind.section_ue} UE" if kind.sections else f"by {kind.placed_by}"
    )
    caps = f"groups of {kind.cap_should}, at most {kind.cap_must}" if kind.cap_must else "own group sizes"
    parts = [hours, sections, caps]
    parts += [f"from {kind.runs_from} people"] if kind.runs_from is not None else []
    parts += [f"late entry up to {kind.late_entry_ue} UE"] if kind.late_entry_ue is not None else []
    parts += ["women only"] if kind.women_only else []
    parts += [f"KURSNET {kind.kursnet}"] if kind.kursnet else []
    return ", ".join(parts)


@policy.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="The policy, YAML; - for standard input.")],
    folder: Annotated[Path, typer.Option(help="Another rule book.")] = PACKAGED,
    language: Language = "en",
) -> None:
    """Check a policy by itself, by the rule book of its day, and its towns; exit status 1 if it has mistakes.

    Towns are checked where an installation with a directory of towns runs, or KURSLOTSE_DB_WORKER is set.
    """
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        text = documents.decoded(raw)
        found = check_text(text, read_rulebook(folder), today=_today())
        if os.environ.get("KURSLOTSE_DB_WORKER"):
            check_towns(text, in_transaction(CurrentPlaces().seen_by).unknown)
    except (ConnectionError, TimeoutError, asyncpg.PostgresError) as error:
        sys.stderr.write(f"{file}: its towns were not checked, the database does not answer: {error}\n")
        raise typer.Exit(1) from error
    except OSError as error:
        sys.stderr.write(f"{file}: {error.strerror}\n")
        raise typer.Exit(1) from error
    except DocumentError as error:
        raise _told(DocumentError(error.mistakes, error.file or str(file)), language) from error
    for one in found:
        sys.stdout.write(f"{file}: from {one.valid_from}, version {one.version()[:12]}: no mistakes\n")


@policy.command("schema")
def schema() -> None:
    """Print the JSON Schema of policies, for editors."""
    sys.stdout.write(policy_schema.written().decode())


@travel_times.command("load")
def load(
    file: Annotated[Path, typer.Argument(help="CSV with from_town, to_town, minutes; AGS of eight digits.")],
    kreis: Annotated[str, typer.Option(help="AGS of the Kreis, five digits.")],
    by: Annotated[str, typer.Option(help="Who loads it, for the audit trail.")],
    skip: Annotated[
        bool, typer.Option("--skip", help="Load the right lines although others are wrong.")
    ] = False,
    language: Language = "en",
) -> None:
    """Load the table of travel times of a Kreis; nothing is loaded if a line is wrong, unless --skip."""
    sent = travel_store.File(file.name, file.read_bytes())

    async def into(conn: asyncpg.Connection) -> str:
        places = await CurrentPlaces().seen_by(conn)
        known = places.may_name(kreis, await travel_store.towns(conn, kreis), _today())
        table = travel.read_travel(sent.raw, known)
        texts = mistakes.texts_in("de" if language.startswith("de") else "en")
        for wrong in table.wrong:
            sys.stderr.write(f"{sent.name}:{wrong.line}: {travel.said(texts, wrong)}\n")
        if not table.minutes or (table.wrong and not skip):
            raise typer.Exit(1)
        loaded = await travel_store.load(conn, kreis, sent, table, by, business_now())
        return (
            f"{loaded.rows} ways, {len(table.filled())} ways back filled in, {loaded.skipped} lines skipped"
        )

    sys.stdout.write(f"{in_transaction(into)}\n")
