"""Defines the `kurslotse` command: its own commands, and those of the services, imported when run."""

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from schemas.codes import InstallationKind

SERVICES: Final = ("gateway", "allocation", "notifications")
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "quarantine": ("runtime", "Records that had no effect, and why."),
    "reading": ("runtime", "Topics that are not read until somebody says so."),
    "work": ("runtime", "Queued work that failed and was set aside."),
    "account": ("accounts", "Who works with Kurslotse: invitations, roles, recovery."),
    "places": ("places", "The directory of towns."),
    "publisher": ("gateway", "Who may speak: providers and offices."),
    "import": ("gateway", "Files that providers and offices already have."),
    "compare": (
        "simulator",
        "Compare steering with first come, first served on the same invented years, also where it is worse.",
    ),
    "figures": (
        "allocation",
        "Write the published figures of a Kreis as CSV: bands of closed quarters, open ones without `high`.",
    ),
    "steering": ("allocation", "Steering runs."),
    "participants": ("allocation", "People, by reference."),
    "offices": ("notifications", "The directory of counselling offices."),
    "delivery": ("notifications", "Messages that were not accepted or came back."),
    "risk": ("notifications", "Rules about risks, tried on a history."),
    "invent-history": ("simulator", "Invent a year of attendance as CSV, for `kurslotse risk evaluate`."),
    "access": ("notifications", "Everything that is held about a person, for that person."),
    "erasure": ("notifications", "Reports of who was erased where, without the person."),
}
"""Commands from elsewhere: who brings them, and their help, which is shown without importing anything."""
HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of this installation (KURSLOTSE_HOME, ./.kurslotse).")
]


OwnServersOption = Annotated[
    bool,
    typer.Option(
        "--own-servers",
        help="A demo uses KURSLOTSE_DATABASE_URL and KURSLOTSE_KAFKA, if they hold nothing but demos.",
    ),
]


class Kurslotse(TyperGroup):
    """Knows the commands of `COMMANDS` by name and help; imports the one that is run."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 -- typer brings its own click
        """List all commands."""
        return [*super().list_commands(ctx), *COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 -- the same
        """Return an own command, or of another one what a list shows: its name and help."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 -- the same
        """Return the command that is run."""
        name, command, rest = super().resolve_command(ctx, args)
        if name and name in COMMANDS:
            command = load_command(name)
            if (service := COMMANDS[name][0]) in SERVICES:
                _tell_environment(service)
            elif service == "places":  # its commands open the databases of all services, as administrator
                _tell_environment("gateway")
        return name, command, rest


def load_command(name: str) -> Any:  # noqa: ANN401 -- the same
    """Import a command of `COMMANDS`."""
    service, _ = COMMANDS[name]
    if service == "runtime":
        brought = typer.Typer()
        found = import_module("services.runtime.serve.commands")
        brought.add_typer(getattr(found, f"{name}_app"), name=name, callback=_of_service)
    elif service == "accounts":
        found = import_module("services.accounts.commands")
        found.account_app.callback()(_of_side)
        brought = found.app
    else:
        brought = import_module(f"services.{service}.commands").app
    brought.callback()(_nothing)  # makes it a group even where it has one command only
    return typer.main.get_group(brought).commands[name]


def _nothing() -> None:
    """Add nothing: only the commands are taken over."""


def _tell_environment(service: str) -> None:
    """Give a service's command the addresses and secrets of the installation that runs here."""
    from services.embedded.stack.discovery import environment_of  # noqa: PLC0415 -- `run` must not pay for it

    for name, value in environment_of(service, os.environ).items():
        os.environ.setdefault(name, value)


app = typer.Typer(
    cls=Kurslotse,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # into log files, in full, without values
    help="Kurslotse steers people into language courses, brings counselling in, and shows what came of it.",
)
database = typer.Typer(no_args_is_help=True, help="The databases, topics and users of an installation.")
app.add_typer(database, name="db")


def _of_service(
    service: Annotated[str, typer.Option(help="Whose: gateway, allocation or notifications.")] = "allocation",
) -> None:
    _tell_environment(service)


def _of_side(
    service: Annotated[str, typer.Option(help="Whose: allocation or notifications.")] = "allocation",
) -> None:
    _tell_environment(service)
    os.environ["KURSLOTSE_SIDE"] = service


@app.command()
def run(
    service: Annotated[str, typer.Argument(help="gateway, allocation or notifications")],
    roles: Annotated[
        str | None, typer.Option(help="consume,relay,timers,web in any combination; all if left out.")
    ] = None,
) -> None:
    """Run one service; everything it needs to know comes from its environment."""
    from services.runtime.base.installation import InstallationError  # noqa: PLC0415 -- only this command
    from services.runtime.base.settings import SettingsError, parse_roles  # noqa: PLC0415 -- only this command

    if service not in SERVICES:
        raise typer.BadParameter(f"known services: {', '.join(SERVICES)}")
    try:
        code = import_module(f"services.{service}.__main__").main(parse_roles(roles))
    except (SettingsError, InstallationError) as error:
        sys.stderr.write(f"{service}: {error}\n")
        code = 2
    sys.exit(code)


@app.command()
def up(
    home: HomeOption = None,
    servers_only: Annotated[
        bool, typer.Option("--servers-only", help="Only PostgreSQL and Apache Kafka.")
    ] = False,
    demo_mode: Annotated[
        bool,
        typer.Option("--demo", help="Publishers, offices, clock and sign-in of the demo, nobody playing."),
    ] = False,
    own_servers: OwnServersOption = False,
) -> None:
    """Start everything on this machine and keep it running until Ctrl-C."""
    if servers_only:
        from services.embedded import commands  # noqa: PLC0415 -- only this command

        sys.exit(commands.up_servers(home))
    from services.embedded import stack_commands  # noqa: PLC0415 -- only this command

    sys.exit(stack_commands.up(home, demo=demo_mode, own_servers=own_servers))


@app.command()
def demo(
    home: HomeOption = None,
    seconds: Annotated[
        int | None, typer.Option(min=1, help="End by itself after so many seconds of play.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the console where there is a display.")] = True,
    own_servers: OwnServersOption = False,
) -> None:
    """Play an invented Kreis on this machine until Ctrl-C, or for some seconds."""
    from services.embedded import stack_commands  # noqa: PLC0415 -- only this command

    sys.exit(stack_commands.demo(home, seconds=seconds, browser=browser, own_servers=own_servers))


@app.command()
def status(
    home: HomeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for programs.")] = False,
) -> None:
    """Say what runs: addresses, processes, counts, lags, invariants. Exit status 1 when nothing does."""
    from services.embedded import commands  # noqa: PLC0415 -- only this command

    sys.exit(commands.status(home, as_json=as_json))


@app.command()
def down(home: HomeOption = None) -> None:
    """Stop what runs in this home, also what a killed run has left behind."""
    from services.embedded import commands  # noqa: PLC0415 -- only this command

    sys.exit(commands.down(home))


@app.command()
def init(
    *,
    kreis: Annotated[
        str | None, typer.Option(help="First five digits of the AGS; asked for if left out.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the Kreis is called.")] = None,
    towns: Annotated[Path | None, typer.Option(help="Directory of towns: GV100AD, or CSV.")] = None,
    provider: Annotated[list[str] | None, typer.Option(help="SLUG=NAME; several times.")] = None,
    office: Annotated[list[str] | None, typer.Option(help="SLUG=NAME of a registering office.")] = None,
    authority: Annotated[
        list[str] | None, typer.Option(help="SLUG of an office that obliges people.")
    ] = None,
    no_authority: Annotated[list[str] | None, typer.Option(help="SLUG of an office that does not.")] = None,
    counselling: Annotated[Path | None, typer.Option(help="Counselling offices: JSON or YAML.")] = None,
    mail_to: Annotated[str | None, typer.Option(help="Send a test mail to this address.")] = None,
) -> None:
    """Set up a Kreis on what runs here, and say what is missing; again, it changes nothing."""
    from services.embedded.setting_up import command  # noqa: PLC0415 -- only this command

    options = command.Options(
        kreis=kreis,
        name=name,
        towns=towns,
        providers=provider or (),
        offices=office or (),
        authorities=authority or (),
        no_authorities=no_authority or (),
        counselling=counselling,
        mail_to=mail_to,
    )
    sys.exit(command.run(options))


@database.command("apply")
def db_apply(
    home: HomeOption = None,
    kind: Annotated[
        InstallationKind, typer.Option(help="For people (real) or for invented ones (demo); it stays.")
    ] = InstallationKind.REAL,
    side: Annotated[
        str | None,
        typer.Option(help="steering or support, where each has a PostgreSQL of its own; steering first."),
    ] = None,
) -> None:
    """Make databases, roles, schemas, topics, users and access; what is there already stays."""
    from services.embedded import stack_commands  # noqa: PLC0415 -- only this command
    from services.embedded.stack.apply import SIDES  # noqa: PLC0415 -- the same

    if side not in {None, *SIDES}:
        raise typer.BadParameter(f"known sides: {', '.join(SIDES)}")
    sys.exit(stack_commands.db_apply(home, kind, side))


@database.command("rotate")
def db_rotate(home: HomeOption = None) -> None:
    """Give the services new passwords for databases and Kafka, and new keys for each other's doors."""
    from services.embedded import stack_commands  # noqa: PLC0415 -- only this command

    sys.exit(stack_commands.db_rotate(home))


keys = typer.Typer(no_args_is_help=True, help="The keys that encrypt names.")
app.add_typer(keys, name="keys")


@keys.command("status")
def keys_status(home: HomeOption = None) -> None:
    """Say how many people's secrets each key-encryption key (KEK) wraps."""
    from services.embedded import key_commands  # noqa: PLC0415 -- only this command

    sys.exit(key_commands.status(home))


@keys.command("rotate")
def keys_rotate(home: HomeOption = None) -> None:
    """Make a new KEK; once the services know it, wrap every secret by it. Can be interrupted and repeated."""
    from services.embedded import key_commands  # noqa: PLC0415 -- only this command

    sys.exit(key_commands.rotate(home))


@keys.command("retire")
def keys_retire(home: HomeOption = None) -> None:
    """Forget the old KEKs, once they wrap nothing more."""
    from services.embedded import key_commands  # noqa: PLC0415 -- only this command

    sys.exit(key_commands.retire(home))


def main() -> None:
    """Run the command line; settings may lie in the file that KURSLOTSE_SETTINGS names."""
    if os.environ.get("KURSLOTSE_SETTINGS"):
        from services.runtime.base.settings import SettingsError, with_file  # noqa: PLC0415 -- only then

        try:
            os.environ.update(with_file(os.environ))
        except SettingsError as error:
            sys.stderr.write(f"kurslotse: {error}\n")
            sys.exit(2)
    app()


if __name__ == "__main__":
    main()
