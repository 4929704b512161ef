"""Defines the commands `kurslotse account ...` of one side (`--service allocation` or `notifications`)."""

import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import asyncpg
import typer

from services.accounts.demo import load as demo
from services.accounts.domain import Kind, Role, Side, is_slug, kinds_of, login_name, person_name, roles_of
from services.accounts.invitations import handlers as invitations
from services.accounts.invitations.domain import VALID_DAYS, givable
from services.accounts.people import handlers as people
from services.accounts.people import store
from services.accounts.people.handlers import NotDone
from services.accounts.retention import erase_person
from services.runtime.serve.commands import in_transaction

T = TypeVar("T")
BY = invitations.COMMAND

app = typer.Typer(no_args_is_help=True)
account_app = typer.Typer(
    no_args_is_help=True, help="Who works with Kurslotse: invitations, roles, recovery."
)
app.add_typer(account_app, name="account")

Organisation = Annotated[str, typer.Option("--organisation", "-o", help="Slug of the organisation.")]
Key = Annotated[str, typer.Argument(help="The person's key, as `list` shows it.")]


def _side() -> Side:
    return Side(os.environ.get("KURSLOTSE_SIDE", Side.STEERING.value))


def _run(work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    """Run a command in one transaction; what cannot be done is a sentence and exit status 2."""
    try:
        return in_transaction(work)
    except ValueError as error:
        typer.echo(f"kurslotse: {error}", err=True)
        raise typer.Exit(2) from None


def _tell_link(token: str) -> None:
    address = invitations.address_of(os.environ.get("KURSLOTSE_PUBLIC_URL", "http://localhost"), token)
    typer.echo(f"{address}\nIt works once, within {VALID_DAYS} days; whoever has it can use it.")


async def _organisation(conn: asyncpg.Connection, slug: str) -> asyncpg.Record:
    found = await store.organisation(conn, slug)
    if found is None:
        raise ValueError(f"there is no organisation {slug}; `kurslotse account organisation` makes one")
    return found


async def _member(conn: asyncpg.Connection, key: str, organisation: str | None = None) -> asyncpg.Record:
    person = await store.person_by_key(conn, key)
    if person is None:
        raise ValueError(f"there is nobody with the key {key}; `kurslotse account list` shows the keys")
    found = await store.member(conn, organisation or person["home"], person["person"])
    if found is None:
        raise ValueError(f"{key} never had a role in {organisation}")
    return found


@account_app.command("organisation")
def organisation(
    *,
    slug: Annotated[str, typer.Argument(help="Lower case letters, digits, hyphens; it stays.")],
    name: Annotated[str, typer.Option(help="What it is called.")],
    kind: Annotated[Kind, typer.Option(help="What it does; it stays.")],
    kreis: Annotated[list[str], typer.Option(help="AGS of a Kreis for which it works; several times.")],
    publisher: Annotated[
        str | None, typer.Option(help="Slug of the provider or office for which its people speak.")
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(help="Whose rows its people see, if not the publisher's own.")
    ] = None,
    founding: Annotated[
        bool, typer.Option("--founding", help="Support side: its administrators add other organisations.")
    ] = False,
) -> None:
    """Make an organisation, or change what it is called, where it works and for whom it speaks."""
    side = _side()

    async def work(conn: asyncpg.Connection) -> None:
        if not is_slug(slug):
            raise ValueError("a slug is lower case letters, digits and hyphens, and begins with a letter")
        if kind not in kinds_of(side):
            raise ValueError(f"on this side there are: {', '.join(kinds_of(side))}")
        known = await store.organisation(conn, slug)
        if known is not None and known["kind"] != kind.value:
            raise ValueError(f"{slug} is a {known['kind']} and stays one")
        whose = None if kind is Kind.KREIS else tenant or publisher or slug
        try:
            await store.put_organisation(
                conn,
                slug,
                name=name,
                kind=kind.value,
                kreise=kreis,
                tenant=whose,
                publisher=publisher,
                founding=founding,
            )
        except asyncpg.UniqueViolationError:
            raise ValueError(f"another organisation speaks for {publisher} already") from None

    _run(work)
    typer.echo(f"{slug}: can give {', '.join(roles_of(side, kind))}")


@account_app.command("invite")
def invite(
    organisation: Organisation,
    name: Annotated[str, typer.Option(help="Whom: their name.")],
    role: Annotated[list[Role], typer.Option(help="A role; several times.")],
    email: Annotated[str | None, typer.Option(help="Login name; nothing is sent to it.")] = None,
) -> None:
    """Invite somebody into an organisation; prints the link."""
    side = _side()

    async def work(conn: asyncpg.Connection) -> str:
        found = await _organisation(conn, organisation)
        roles = givable(side, Kind(found["kind"]), [one.value for one in role])
        called, login = person_name(name), login_name(email) if email else None
        if roles is None:
            known = ", ".join(roles_of(side, Kind(found["kind"])))
            raise ValueError(f"{organisation} can give: {known}")
        if called is None or (email and login is None):
            raise ValueError("the name or the e-mail address is none")
        return await invitations.invite(conn, organisation, roles=roles, name=called, email=login, by=BY)

    _tell_link(_run(work))


@account_app.command("first")
def first() -> None:
    """Print the link of the first administrator, while nobody has an account on this side."""
    side = _side()

    async def work(conn: asyncpg.Connection) -> str:
        token = await invitations.first_link(conn, side)
        if token is None:
            raise ValueError("somebody has an account already; administrators invite everybody else")
        return token

    _tell_link(_run(work))


@account_app.command("list")
def list_people(
    organisation: Annotated[
        str | None, typer.Option("--organisation", "-o", help="Only of this one.")
    ] = None,
) -> None:
    """Show organisations, their people and roles."""

    async def work(conn: asyncpg.Connection) -> Sequence[tuple[asyncpg.Record, Sequence[asyncpg.Record]]]:
        found = await store.organisations(conn)
        chosen = [one for one in found if organisation in {None, one["slug"]}]
        return [(one, await store.members(conn, one["slug"])) for one in chosen]

    for one, members in _run(work):
        where = ", ".join(one["kreise"]) or "no Kreis yet"
        marks = ("; founding" if one["founding"] else "") + ("" if one["active"] else "; inactive")
        typer.echo(f"{one['slug']}  {one['name']}  ({one['kind']}; {where}{marks})")
        for person in members:
            roles = ", ".join(role["role"] for role in person["roles"]) or "no role"
            ended = "" if person["active"] else "  deactivated"
            typer.echo(f"  {person['key']:<24} {person['name']}  {roles}{ended}")


@account_app.command("deactivate")
def deactivate(
    key: Key,
    organisation: Annotated[
        str | None, typer.Option("--organisation", "-o", help="Only what they may do there.")
    ] = None,
) -> None:
    """End everything that somebody may do, at once; what they did stays on record."""

    async def work(conn: asyncpg.Connection) -> None:
        person = await _member(conn, key, organisation)
        outcome = await people.deactivate(conn, person, organisation or person["home"], BY)
        if outcome is NotDone.LAST_ADMINISTRATOR:
            raise ValueError("nobody would administer the organisation: invite a second administrator first")

    _run(work)
    typer.echo(f"{key} is deactivated; every session has ended")


@account_app.command("reset")
def reset(key: Key) -> None:
    """Print a link by which somebody sets up sign-in again; what was set up before ends when it is used."""

    async def work(conn: asyncpg.Connection) -> str:
        person = await _member(conn, key)
        if not person["active"]:
            raise ValueError(f"{key} is deactivated")
        return await invitations.recovery_link(conn, person, BY)

    _tell_link(_run(work))


@account_app.command("erase")
def erase(key: Key) -> None:
    """Erase somebody who worked here: name, login name, methods, sessions; histories keep the key alone."""

    async def work(conn: asyncpg.Connection) -> None:
        if not await erase_person(conn, key, BY):
            raise ValueError(f"there is nobody with the key {key}")

    _run(work)
    typer.echo(f"{key} is erased")


@account_app.command("load-demo")
def load_demo(file: Annotated[Path, typer.Argument(help="YAML: invented organisations and people.")]) -> None:
    """Take invented people into a demo; a real installation refuses."""
    side = _side()
    number = _run(lambda conn: demo.load(conn, side, demo.read(file, side)))
    typer.echo(f"{number} invented people")
