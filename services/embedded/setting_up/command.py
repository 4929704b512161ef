"""Runs `kurslotse init`: asks or is told, does everything or nothing, and says what is still missing."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import typer

from schemas.days import local_day
from services.accounts.domain import Side
from services.accounts.invitations.domain import VALID_DAYS
from services.accounts.invitations.handlers import address_of
from services.embedded.setting_up import checklists, publishers
from services.embedded.setting_up.mail import send_test_mail
from services.embedded.setting_up.organisations import Described, describe
from services.embedded.setting_up.wishes import WishError, Wishes, named, wishes
from services.embedded.stack.discovery import environment_of
from services.gateway.publishers.handlers import Registered
from services.notifications.offices import handlers as offices
from services.notifications.offices.directory_file import read_directory
from services.places.commands import databases
from services.places.current import CurrentPlaces
from services.places.lines import LARGEST_FILE
from services.places.loading import File, load, read_file
from services.runtime.base.installation import InstallationError
from services.runtime.base.settings import SettingsError, need
from services.runtime.kafka.administration import KafkaAdmin, parse_address
from services.runtime.serve.commands import business_now

Say = Callable[[str], None]
NO_SERVERS = (
    "nothing runs here: start it with `kurslotse up`, or set KURSLOTSE_DATABASE_URL and KURSLOTSE_KAFKA"
)


@dataclass(frozen=True, slots=True)
class Options:
    """The options as they were typed; what is missing is asked for on a terminal."""

    kreis: str | None = None
    name: str | None = None
    towns: Path | None = None
    providers: Sequence[str] = ()
    offices: Sequence[str] = ()
    authorities: Sequence[str] = ()
    no_authorities: Sequence[str] = ()
    counselling: Path | None = None
    mail_to: str | None = None


@dataclass(slots=True)
class Done:
    """What was done, by service."""

    towns: dict[str, str] = field(default_factory=dict)
    sides: dict[Side, Described] = field(default_factory=dict)
    registered: Sequence[Registered] = ()
    offices: int | None = None


def run(options: Options) -> int:
    """Run the command; return its exit status. What can be corrected is a sentence, and nothing is done."""
    try:
        wanted = asked(options) if options.kreis is None and sys.stdin.isatty() else told(options)
        addresses = _find_installation()
        asyncio.run(set_up(wanted, addresses, typer.echo))
    except (WishError, SettingsError, InstallationError, ValueError) as error:
        sys.stderr.write(f"kurslotse: {error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"kurslotse: {error.filename or 'the server'}: {error.strerror or error}\n")
        return 2
    return 0


def told(options: Options) -> Wishes:
    """Read the options.

    Raises:
        WishError: one is missing or wrong.
    """
    if options.kreis is None or options.name is None:
        raise WishError(
            'please say --kreis AGS and --name NAME, for example --kreis 99001 --name "Kreis Muster"'
        )
    return wishes(
        kreis=options.kreis,
        name=options.name,
        towns=options.towns,
        providers=options.providers,
        offices=options.offices,
        authorities=options.authorities,
        no_authorities=options.no_authorities,
        counselling=options.counselling,
        mail_to=options.mail_to,
    )


def asked(options: Options) -> Wishes:
    """Ask the person at the terminal for what was not said.

    Raises:
        WishError: an answer is wrong.
    """
    kreis = typer.prompt("Official key (AGS) of the Kreis, five digits")
    name = options.name or typer.prompt("What is the Kreis called")
    providers = options.providers or _several("A provider as SLUG=NAME")
    registering = options.offices or _several("A registering office as SLUG=NAME")
    obliging, others = list(options.authorities), list(options.no_authorities)
    for office in (named(one, "--office") for one in registering):
        if office.slug not in {*obliging, *others}:
            obliges = typer.confirm(
                f"Does {office.name} oblige people to take part (Jobcenter, Ausländerbehörde, Sozialamt)?"
            )
            (obliging if obliges else others).append(office.slug)
    return wishes(
        kreis=kreis,
        name=name,
        towns=options.towns or _file("File of the directory of towns (GV100AD or CSV)"),
        providers=providers,
        offices=registering,
        authorities=obliging,
        no_authorities=others,
        counselling=options.counselling or _file("File of the counselling offices (JSON or YAML)"),
        mail_to=options.mail_to or _line("Send a test mail to") or None,
    )


def _line(question: str) -> str:
    return str(typer.prompt(f"{question} (empty: later)", default="", show_default=False)).strip()


def _several(question: str) -> list[str]:
    found: list[str] = []
    while answer := _line(question):
        found.append(answer)
    return found


def _file(question: str) -> Path | None:
    answer = _line(question)
    return Path(answer) if answer else None


def _find_installation() -> Mapping[Side, str]:
    """Let this process reach the installation that runs here; return the addresses of its pages."""
    addresses = {}
    for side in Side:
        found = environment_of(side.value, os.environ)
        own = os.environ.get(f"KURSLOTSE_{side.name}_PUBLIC_URL") or found.get("KURSLOTSE_PUBLIC_URL")
        if own:
            addresses[side] = own
    for name, value in environment_of("gateway", os.environ).items():
        os.environ.setdefault(name, value)
    if not os.environ.get("KURSLOTSE_DATABASE_URL") or not os.environ.get("KURSLOTSE_KAFKA"):
        raise WishError(NO_SERVERS)
    return addresses


async def set_up(wanted: Wishes, addresses: Mapping[Side, str], say: Say) -> Done:
    """Do everything in one go and say what is missing; a mistake leaves the databases as they were."""
    now = business_now()
    towns = None if wanted.towns is None else await asyncio.to_thread(_read_towns, wanted.towns)
    async with databases() as opened:
        async with _one_transaction(opened):
            done = await _write(opened, wanted, towns)
        _tell(done, say)
        for side, described in done.sides.items():
            if described.token is not None:
                say(
                    f"\nNobody has an account yet ({checklists.TITLES[side]}). The first administrator opens:"
                )
                say(f"  {address_of(addresses.get(side, 'http://localhost'), described.token)}")
                say(f"  It works once, within {VALID_DAYS} days; whoever has it can use it.")
        reading = [opened[side.value] for side in Side if side.value in opened]
        if done.registered and not await publishers.heard(reading, wanted):
            say("\nThe services have not heard of the publishers yet: do they run? The lists below may lag.")
        if wanted.mail_to is not None:
            url = addresses.get(Side.SUPPORT, "")
            smtp, support = os.environ.get("KURSLOTSE_SMTP"), opened[Side.SUPPORT.value]
            said = await send_test_mail(support, smtp, wanted.mail_to, url, now)
            say(f"\nmail: {said}")
        for side, described in done.sides.items():
            steps = await checklists.steps_of(
                opened[side.value],
                side,
                kreis=wanted.kreis,
                organisation=described.first,
                today=local_day(now),
            )
            say("")
            for line in checklists.lines(side, steps, addresses):
                say(line)
    return done


def _read_towns(path: Path) -> File:
    with path.open("rb") as opened:
        raw = opened.read(LARGEST_FILE + 1)
    return read_file(path.name, raw, today=local_day(business_now()))


@asynccontextmanager
async def _one_transaction(opened: Mapping[str, asyncpg.Connection]) -> AsyncIterator[None]:
    """Begin a transaction on each database; they commit one after the other, once all is written."""
    async with AsyncExitStack() as stack:
        for conn in opened.values():
            await stack.enter_async_context(conn.transaction())
        yield


async def _write(opened: Mapping[str, asyncpg.Connection], wanted: Wishes, towns: File | None) -> Done:
    done, now = Done(), business_now()
    for service, conn in opened.items():
        if towns is not None:
            done.towns[service] = str(await load(conn, towns))
    for side in Side:
        if side.value in opened:
            done.sides[side] = await describe(opened[side.value], side, wanted)
    if wanted.counselling is not None and Side.SUPPORT.value in opened:
        conn = opened[Side.SUPPORT.value]
        places = await CurrentPlaces().seen_by(conn)
        entries = await asyncio.to_thread(read_directory, wanted.counselling, local_day(now), places)
        await offices.load(conn, entries)
        done.offices = len(entries)
    if (wanted.providers or wanted.offices) and "gateway" in opened:
        admin = KafkaAdmin(parse_address(need(os.environ.get("KURSLOTSE_KAFKA"), "KURSLOTSE_KAFKA")))
        prefix = os.environ.get("KURSLOTSE_PREFIX", "")
        done.registered = await publishers.register(opened["gateway"], admin, wanted, prefix=prefix, now=now)
    return done


def _tell(done: Done, say: Say) -> None:
    for service, said in done.towns.items():
        say(f"towns in {service}: {said}")
    for side, described in done.sides.items():
        for slug in described.made:
            say(f"{checklists.TITLES[side].lower()}: {slug} is described")
    if done.offices is not None:
        say(f"counselling offices: {done.offices} in the directory")
    for one in done.registered:
        say(f"publisher {one.slug}: {'registered' if one.created else 'works for this Kreis, too'}")
        if one.key is not None:
            say(f"  API key, shown only now: {one.key}")
        if one.kafka_password is not None:
            say(f"  Kafka user {one.kafka_user}, password, shown only now: {one.kafka_password}")
