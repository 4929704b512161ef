"""Defines the commands `kurslotse publisher ...` and `kurslotse import ...`."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer

from services.gateway.files.command import ImportCommandError, import_file
from services.gateway.files.job import Report
from services.gateway.publishers import credentials, handlers, store
from services.gateway.publishers.administration import (
    admin_connection,
    read_keys,
    read_registrations,
    read_settings_file,
    write_keys,
)
from services.gateway.publishers.domain import KEY_SCOPES, Registration, RegistrationError
from services.gateway.publishers.handlers import Registered
from services.runtime.base.clock import clock_of
from services.runtime.base.installation import InstallationError
from services.runtime.base.settings import SettingsError, need
from services.runtime.kafka import plain_users
from services.runtime.kafka.administration import KafkaAdmin, parse_address
from services.runtime.serve.installation import check_command

app = typer.Typer(no_args_is_help=True)
publisher_app = typer.Typer(no_args_is_help=True, help="Who may speak: providers and offices.")
import_app = typer.Typer(no_args_is_help=True, help="Files that providers and offices already have.")
app.add_typer(publisher_app, name="publisher")
app.add_typer(import_app, name="import")

KeyFile = Annotated[
    Path | None, typer.Option(help="JSON file slug -> key (0600); a key is made if the slug has none there.")
]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401 - whatever the work returns
    """Run a command; what a person can correct is one line and exit status 2."""
    try:
        return asyncio.run(work())
    except (RegistrationError, SettingsError, InstallationError, ImportCommandError, ValueError) as error:
        sys.stderr.write(f"kurslotse: {error}\n")
        raise typer.Exit(2) from None


def _where() -> tuple[str, str, str]:
    return (
        need(os.environ.get("KURSLOTSE_DATABASE_URL"), "KURSLOTSE_DATABASE_URL"),
        need(os.environ.get("KURSLOTSE_KAFKA"), "KURSLOTSE_KAFKA"),
        os.environ.get("KURSLOTSE_PREFIX", ""),
    )


@asynccontextmanager
async def _administrating() -> AsyncIterator[asyncpg.Connection]:
    """Open the gateway's database as its owner, if it and Kafka are of the installation of this command."""
    database, _, prefix = _where()
    async with admin_connection(database, prefix) as conn:
        await check_command(conn, database, uses_kafka=True)
        yield conn


def _clock_file() -> Path | None:
    path = os.environ.get("KURSLOTSE_CLOCK_FILE")
    return Path(path) if path else None


def _plain_users() -> Path | None:
    path = os.environ.get(plain_users.VARIABLE)
    return Path(path) if path else None


async def _register(asked: list[Registration], key_file: Path | None) -> None:
    _, broker, prefix = _where()
    admin = KafkaAdmin(parse_address(broker))
    kept = read_keys(key_file) if key_file is not None else {}
    async with _administrating() as conn:
        done = await handlers.register(conn, admin, asked, prefix=prefix, now=clock_of(_clock_file()).now())
        for registered in done:
            _show(registered, hide_key=key_file is not None)
            if registered.key is not None:
                kept[registered.slug] = registered.key
            elif key_file is not None and registered.slug not in kept:
                kept[registered.slug] = await credentials.new_key(conn, registered.slug)
    if key_file is not None:
        write_keys(key_file, kept)


def _show(registered: Registered, *, hide_key: bool) -> None:
    what = "registered" if registered.created else "is registered"
    _say(f"{registered.slug}: {what} (version {registered.version})")
    if registered.key is not None and not hide_key:
        _say(f"  API key, shown only now: {registered.key}")
    if registered.kafka_password is not None and not hide_key:
        _say(f"  Kafka user {registered.kafka_user}, password, shown only now: {registered.kafka_password}")
    if not registered.enforced:
        _say("  This broker has no access control: no Kafka user was made.")


@publisher_app.command("add")
def add(  # noqa: PLR0917 - typer reads the options from here
    slug: Annotated[str, typer.Argument(help="Short name: lower case letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="Name as people know it.")],
    kind: Annotated[list[str], typer.Option(help="provider, office, counselling; several times if several.")],
    kreis: Annotated[list[str], typer.Option(help="First five digits of the AGS.")],
    organisation: Annotated[str, typer.Option(help="Organisation it belongs to; the slug if left out.")] = "",
    authority: Annotated[
        bool | None,
        typer.Option(
            "--authority/--no-authority",
            help="Whether it obliges people to take part: writes consent, cannot read it.",
        ),
    ] = None,
    supplier_id: Annotated[list[str] | None, typer.Option(help="KURSNET SUPPLIER_ID.")] = None,
    event_type: Annotated[list[str] | None, typer.Option(help="Only these types; all of its kinds.")] = None,
    key_file: KeyFile = None,
) -> None:
    """Register a publisher; its API key is shown once. The same again changes nothing."""
    asked = Registration(
        slug=slug,
        name=name,
        kinds=tuple(kind),
        kreise=tuple(kreis),
        organisation=organisation,
        authority=_asked_authority(name) if authority is None else authority,
        supplier_ids=tuple(supplier_id or ()),
        event_types=tuple(event_type or ()),
    )
    _run(lambda: _register([asked], key_file))


def _asked_authority(name: str) -> bool:
    """Ask the person at the terminal; without one, refuse to guess."""
    question = f"Does {name} oblige people to take part (Jobcenter, Ausländerbehörde, Sozialamt)?"
    if not sys.stdin.isatty():
        sys.stderr.write(f"kurslotse: {question} Say --authority or --no-authority.\n")
        sys.stderr.write("An authority writes consent and cannot read it.\n")
        raise typer.Exit(2)
    return typer.confirm(question)


@publisher_app.command("load")
def load(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON or YAML list.")],
    key_file: KeyFile = None,
) -> None:
    """Register a whole list of publishers in one go."""
    _run(lambda: _register(read_registrations(file), key_file))


@publisher_app.command("list")
def list_() -> None:
    """List the publishers."""

    async def work() -> None:
        async with _administrating() as conn:
            keys = await store.open_keys(conn)
            for publisher in (await store.publishers(conn)).values():
                _say(
                    "\t".join(
                        (
                            publisher.slug,
                            "active" if publisher.active else "inactive",
                            ",".join(sorted(publisher.kinds)),
                            publisher.organisation,
                            ",".join(publisher.kreise),
                            f"{keys.get(publisher.slug, 0)} keys",
                            publisher.name,
                        )
                    )
                )

    _run(work)


@publisher_app.command("key")
def key(
    slug: str,
    scope: Annotated[
        list[str] | None, typer.Option(help=f"{', '.join(KEY_SCOPES)}; all if left out.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650)] = handlers.KEY_DAYS,
    revoke_others: Annotated[bool, typer.Option(help="Close all earlier keys at once.")] = False,
) -> None:
    """Make a further API key; it is shown once."""

    async def work() -> None:
        async with _administrating() as conn:
            made = await credentials.new_key(
                conn, slug, scopes=scope or KEY_SCOPES, days=days, revoke_others=revoke_others
            )
        _say(f"API key, shown only now: {made}")

    _run(work)


@publisher_app.command("rotate")
def rotate(
    slug: str,
    *,
    api_key: Annotated[bool, typer.Option("--key", help="A new API key.")] = False,
    kafka: Annotated[bool, typer.Option("--kafka", help="A new password of its Kafka user.")] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="A password for SASL PLAIN, for librdkafka before 2.6.1.")
    ] = False,
    overlap_days: Annotated[
        int, typer.Option(min=0, max=90, help="Days that the earlier API keys stay usable.")
    ] = 7,
) -> None:
    """Replace credentials; the new ones are shown once. Keys overlap, a Kafka password does not."""
    if not api_key and not kafka and not plain:
        raise typer.BadParameter("say what: --key, --kafka, --plain")

    async def work() -> None:
        _, broker, prefix = _where()
        admin = KafkaAdmin(parse_address(broker))
        async with _administrating() as conn:
            if api_key:
                text = await credentials.rotate_key(conn, slug, overlap_days=overlap_days)
                _say(f"API key, shown only now: {text}")
                _say(f"  Earlier keys end in {overlap_days} days.")
            if kafka:
                made = await credentials.rotate_kafka(conn, admin, slug, prefix=prefix)
                _say(f"Kafka user {made.user}, password, shown only now: {made.password}")
            if plain:
                made = await credentials.allow_plain(conn, slug, _plain_users(), prefix=prefix)
                _say(f"Kafka user {made.user}, password for PLAIN, shown only now: {made.password}")
                _say("  Kafka knows it from its next start on: kurslotse down, then kurslotse up.")

    _run(work)


@publisher_app.command("deactivate")
def deactivate(slug: str) -> None:
    """Close the doors to a publisher, Kafka too; its events are no longer believed, nothing is sent to it."""

    async def work() -> None:
        _, broker, prefix = _where()
        admin = KafkaAdmin(parse_address(broker))
        async with _administrating() as conn:
            now = clock_of(_clock_file()).now()
            publisher = await credentials.deactivate(
                conn, admin, slug, prefix=prefix, now=now, plain=_plain_users()
            )
        _say(f"{publisher.slug}: inactive (version {publisher.version})")

    _run(work)


@import_app.command("open-qcat")
def open_qcat(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    publisher: Annotated[str, typer.Option(help="The provider whose courses these are.")],
    settings: Annotated[Path | None, typer.Option(exists=True, help="Settings (YAML); kept.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what would happen.")] = False,
) -> None:
    """Import a KURSNET catalogue; the same file again changes nothing."""
    _import("open-qcat", file, publisher, settings, None, check=check)


@import_app.command("participants")
def participants(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    publisher: Annotated[str, typer.Option(help="The office whose list this is.")],
    mapping: Annotated[Path | None, typer.Option(exists=True, help="Column mapping (YAML); kept.")] = None,
    rest: Annotated[Path | None, typer.Option(help="Where the rows that were not taken go (CSV).")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what would happen.")] = False,
) -> None:
    """Import an office's list of people: names to the support side, facts to steering."""
    _import("participants", file, publisher, mapping, rest, check=check)


def _import(
    kind: str, file: Path, publisher: str, settings: Path | None, rest: Path | None, *, check: bool
) -> None:
    raw = file.read_bytes()

    async def work() -> tuple[Report, list[str]]:
        given = read_settings_file(settings) if settings is not None else None
        return await import_file(os.environ, kind, raw, publisher, given, check=check)

    report, lines = _run(work)
    for line in lines:
        _say(line)
    if report.rest is not None and (rest is not None or not check):
        target = rest or file.with_name(f"{file.stem}-rest.csv")
        target.write_text(report.rest, encoding="utf-8-sig")
        target.chmod(0o600)
        _say(f"rows that were not taken, with reasons: {target}")
    if _failed(report):
        raise typer.Exit(1)


def _failed(report: Report) -> bool:
    return report.interrupted is not None or (bool(report.file_problems) and not report.rows)
