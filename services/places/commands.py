"""Defines the commands `kurslotse places ...`: they load the directory into every service's database."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer

from schemas.days import local_day
from services.places import store
from services.places.domain import PlacesError, Town
from services.places.lines import LARGEST_FILE
from services.places.loading import Loaded, load, period, read_file
from services.places.lookup import Places
from services.runtime.base.installation import InstallationError
from services.runtime.base.settings import SettingsError, need
from services.runtime.data import roles
from services.runtime.data.db import connect
from services.runtime.serve.commands import business_now
from services.runtime.serve.installation import check_command

SERVICES = ("gateway", "allocation", "notifications")
"""Each has the directory in its own database."""
_SECONDS = 120.0

app = typer.Typer(no_args_is_help=True)
places_app = typer.Typer(no_args_is_help=True, help="The directory of towns.")
app.add_typer(places_app, name="places")

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; today if not given.")]


@places_app.command("load")
def load_directory(
    file: Annotated[Path, typer.Argument(help="GV100AD as published, or CSV (ags;name;postcodes;...).")],
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="The day for which the file tells the towns; needed to add an older edition than is loaded.",
        ),
    ] = None,
    skip_broken: Annotated[
        bool,
        typer.Option("--skip-broken", help="Load the right lines although others are wrong; no town ends."),
    ] = False,
    many_end: Annotated[
        bool, typer.Option("--many-end", help="Load it although more than 5 % of the towns end by it.")
    ] = False,
) -> None:
    """Load the official directory of towns; nothing is loaded if a line is wrong, unless --skip-broken."""

    async def work() -> list[str]:
        with await asyncio.to_thread(file.open, "rb") as opened:
            raw = await asyncio.to_thread(opened.read, LARGEST_FILE + 1)
        day = None if as_of is None else as_of.date()
        found = await asyncio.to_thread(
            read_file, file.name, raw, today=_today(), as_of=day, skip_broken=skip_broken
        )
        sys.stderr.writelines(f"left out: {line}\n" for line in found.skipped)
        loaded: dict[str, Loaded] = {}
        # All of them commit, one after the other, only when the file has gone into each.
        async with databases() as opened, AsyncExitStack() as stack:
            for conn in opened.values():
                await stack.enter_async_context(conn.transaction())
            for service, conn in opened.items():
                loaded[service] = await load(conn, found, many_may_end=many_end)
        return [f"{service}: {done}" for service, done in loaded.items()]

    _run(work)


@places_app.command("status")
def status() -> None:
    """Say which editions are loaded, in each database."""

    async def work() -> list[str]:
        said = []
        async with databases() as opened:
            for service, conn in opened.items():
                known = await store.editions(conn)
                lines = [f"{one.day} {one.source} {one.name}: {one.towns} towns" for one in known]
                said += [f"{service}: {line}" for line in lines or ["no directory of towns is loaded"]]
        return said

    _run(work)


@places_app.command("find")
def find(
    text: Annotated[str, typer.Argument(help="A name, a postcode, or a key of eight digits.")],
    on: Day = None,
) -> None:
    """Find towns as of a day; by a key, with its history."""

    async def work() -> list[str]:
        async with databases() as opened:
            conn = next(iter(opened.values()))
            places = Places(await store.towns(conn), await store.places_loaded(conn))
        history = [town for town in places.towns if town.ags == text.strip()]
        day = _today() if on is None else on.date()
        return [_line(town) for town in history or places.search(text, day)] or ["no town found"]

    _run(work)


def _line(town: Town) -> str:
    since = f", belongs since to {' '.join(town.successors)}" if town.successors else ""
    return f"{town.ags}  {town.name}  {' '.join(town.postcodes)}  {town.kreis_name}  {period(town)}{since}"


def _today() -> date:
    return local_day(business_now())


@asynccontextmanager
async def databases() -> AsyncIterator[Mapping[str, asyncpg.Connection]]:
    """Open the services' databases at the administrative address, each as its owner."""
    url = need(os.environ.get("KURSLOTSE_DATABASE_URL"), "KURSLOTSE_DATABASE_URL")
    prefix = os.environ.get("KURSLOTSE_PREFIX", "")
    async with AsyncExitStack() as stack:
        found: dict[str, asyncpg.Connection] = {}
        for service in SERVICES:
            address = roles.address_of(url, roles.database_name(prefix, service))
            try:
                conn = await connect(address, name="kurslotse places", command_timeout=_SECONDS)
            except asyncpg.InvalidCatalogNameError:  # the two sides may be installed apart
                sys.stderr.write(f"{service}: has no database here\n")
                continue
            stack.push_async_callback(conn.close)
            await check_command(conn, address)
            await _act_as_owner(conn)
            found[service] = conn
        if not found:
            raise InstallationError(
                "there is no database of a service here. Please run `kurslotse db apply` first."
            )
        yield found


async def _act_as_owner(conn: asyncpg.Connection) -> None:
    # Asked, not derived from the name: a database copied from another keeps the roles of that one.
    owner = await conn.fetchval(
        "SELECT tableowner FROM pg_tables WHERE schemaname = 'places' AND tablename = 'town'"
    )
    if owner is None:
        raise InstallationError("a database knows no towns yet. Please run `kurslotse db apply` first.")
    await conn.execute(f"SET ROLE {roles.checked(str(owner))}")


def _run(work: Callable[[], Coroutine[Any, Any, list[str]]]) -> None:
    try:
        sys.stdout.writelines(f"{line}\n" for line in asyncio.run(work()))
    except OSError as error:
        sys.stderr.write(f"kurslotse: {error.filename or 'the server'}: {error.strerror or error}\n")
        raise typer.Exit(2) from None
    except (PlacesError, SettingsError, InstallationError, ValueError) as error:
        sys.stderr.write(f"kurslotse: {error}\n")
        raise typer.Exit(2) from None
