"""Runs `kurslotse up`, `demo`, `db apply` and `db rotate`; each returns an exit status."""

import asyncio
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import httpx
from confluent_kafka import KafkaException

from schemas.codes import InstallationKind
from services.embedded import demo as playing
from services.embedded.commands import supervise
from services.embedded.machine.home import Home, read_json
from services.embedded.machine.installation import open_installation
from services.embedded.machine.progress import Narrator
from services.embedded.stack import report
from services.embedded.stack.apply import apply_everything
from services.embedded.stack.discovery import administrative, running
from services.embedded.stack.environment import Addresses, Setting
from services.embedded.stack.first_administrators import first_links
from services.embedded.stack.identity import check_home
from services.embedded.stack.lifecycle import Stack, kind_of, running_stack
from services.embedded.stack.rotation import rotate
from services.embedded.stack.supervisor import supervised
from services.runtime.base.addresses import by_name
from services.runtime.base.settings import SETTINGS_FILE

_NO_SERVERS = (
    "No servers: set KURSLOTSE_DATABASE_URL and KURSLOTSE_KAFKA, or start the embedded ones with "
    "`kurslotse up --servers-only`."
)
_NO_KAFKA = (
    "Kafka cannot be used yet ({reason}). Where two organisations run the two sides, the steering side is set"
    " up first: it makes the user. Once Kafka runs, the same command again goes on; nothing is half done."
)
_NOT_IN_CONTAINERS = (
    "These settings come from a file that deploy.containers.prepare has made, with one PostgreSQL for each"
    " side: nothing was changed."
)
_ROTATE_SECONDS = 300.0
_ADDRESSES = ("KURSLOTSE_DATABASE_URL", "KURSLOTSE_KAFKA")


def _environment(tell: Narrator, *, demo: bool, own_servers: bool) -> Mapping[str, str]:
    """Return the environment to run with: a demo uses servers of yours only when it is told to."""
    given = [name for name in _ADDRESSES if os.environ.get(name)]
    if not demo or own_servers or not given:
        return os.environ
    tell.say(
        f"Not used: {', '.join(given)}. The demo brings its own servers; --own-servers uses yours, if they"
        " hold nothing but demos."
    )
    return {name: value for name, value in os.environ.items() if name not in _ADDRESSES}


def up(home: Path | None, *, demo: bool, own_servers: bool) -> int:
    """Run the servers and the services on them until a signal ends them."""

    async def everything(place: Home, tell: Narrator) -> int:
        check_home(place, kind_of(demo=demo))
        env = _environment(tell, demo=demo, own_servers=own_servers)
        async with (
            supervised(place, tell, env) as supervisor,
            running_stack(supervisor, demo=demo, mode="up") as stack,
        ):
            if demo:
                await _prepare_demo(stack)
            supervisor.publish(ready=True)
            _announce(stack, tell)
            if not demo:
                await _invite_first(stack, tell)
            await supervisor.until_lost()
        return 0

    return supervise(home, everything)


def demo(home: Path | None, *, seconds: int | None, browser: bool, own_servers: bool) -> int:
    """Run everything and the invented Kreis; end by itself when a time was given."""

    async def work(place: Home, tell: Narrator) -> int:
        check_home(place, kind_of(demo=True))
        env = _environment(tell, demo=True, own_servers=own_servers)
        async with (
            supervised(place, tell, env) as supervisor,
            running_stack(supervisor, demo=True, mode="demo") as stack,
        ):
            await _prepare_demo(stack)
            supervisor.publish(ready=True)
            _announce(stack, tell)

            def opened(day: date) -> None:
                tell.say(
                    f"It is {day:%A, %-d %B %Y}. Somebody coordinates: {by_name(stack.addresses['console'])}"
                )
                if browser and seconds is None:
                    playing.open_browser(stack.addresses["console"], os.environ)

            code = 0
            try:
                code = await playing.play(stack, seconds, opened)
            finally:
                sound = await asyncio.shield(_summarise(stack, tell))
            return code or int(not sound)

    return supervise(home, work)


async def _prepare_demo(stack: Stack) -> None:
    with stack.supervisor.narrator.step("Registering the invented Kreis"):
        await asyncio.gather(
            playing.register_publishers(stack),
            playing.load_offices(stack),
            playing.load_people(stack),
            playing.load_places(stack),
        )


def _announce(stack: Stack, tell: Narrator) -> None:
    tell.say("")
    for name in ("console", "desk", "inbox"):
        tell.say(f"  {name:<8} {by_name(stack.addresses[name])}")
    tell.say(f"  {'logs':<8} {stack.supervisor.home.log}")
    tell.say("Ctrl-C stops everything.")


async def _invite_first(stack: Stack, tell: Narrator) -> None:
    """Print the links of the first administrators while nobody has an account."""
    for side, address in (await first_links(stack.setting)).items():
        tell.say(f"\nNobody has an account on this side yet ({side}). The first administrator opens, once:")
        tell.say(f"  {address}")


async def _summarise(stack: Stack, tell: Narrator) -> bool:
    """Stop the simulator and print the demo's summary; return whether all invariants hold."""
    await stack.supervisor.stop_children(["simulator"])
    said = await stack.status()
    played = read_json(playing.state_folder(stack.supervisor.home) / "summary.json")
    tell.say("")
    for line in report.summary(said, played):
        tell.say(line)
    return not report.broken(said)


def db_apply(home: Path | None, kind: InstallationKind, side: str | None = None) -> int:
    """Make databases, topics, users and access as the services expect them, of both sides or of one."""

    async def work(place: Home, tell: Narrator) -> int:
        servers = administrative(place, os.environ)
        if servers is None:
            tell.say(_NO_SERVERS)
            return 1
        check_home(place, kind)
        place.make()
        prefix = os.environ.get("KURSLOTSE_PREFIX", "")
        setting = Setting(open_installation(place), servers, Addresses({}), prefix)
        try:
            done = await apply_everything(setting, place, kind, tell, side)
        except KafkaException as error:
            tell.say(_NO_KAFKA.format(reason=error.args[0].str()))
            return 1
        tell.say(f"This is the {done.installation.identity}.")
        return 0

    return supervise(home, work)


def db_rotate(home: Path | None) -> int:
    """Replace the services' passwords; a supervisor that runs here does it and starts the services again."""

    async def work(place: Home, tell: Narrator) -> int:
        if os.environ.get(SETTINGS_FILE):
            tell.say(_NOT_IN_CONTAINERS)
            return 1
        control = (running(place) or {}).get("control")
        if control is not None:
            headers = {"Authorization": f"Bearer {control['token']}"}
            async with httpx.AsyncClient(timeout=_ROTATE_SECONDS, trust_env=False) as client:
                answer = await client.post(f"{control['url']}/rotate", headers=headers)
            answer.raise_for_status()
            tell.say("The services' passwords were replaced; the services run with the new ones.")
            return 0
        servers = administrative(place, os.environ)
        if servers is None:
            tell.say(_NO_SERVERS)
            return 1
        prefix = os.environ.get("KURSLOTSE_PREFIX", "")
        await rotate(Setting(open_installation(place), servers, Addresses({}), prefix), place)
        tell.say("The services' passwords were replaced: start the services again, they know the old ones.")
        return 0

    return supervise(home, work)
