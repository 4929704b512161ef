"""Runs `kurslotse up`, `demo` and `db apply`; each returns an exit status."""

import asyncio
import os
from pathlib import Path

from services.embedded import demo as playing
from services.embedded.commands import supervise
from services.embedded.machine.home import Home, read_json
from services.embedded.machine.progress import Narrator, narrator
from services.embedded.stack import report
from services.embedded.stack.apply import apply_everything
from services.embedded.stack.discovery import administrative
from services.embedded.stack.lifecycle import Stack, compose, running_stack
from services.embedded.stack.supervisor import supervised


def up(home: Path | None, *, demo: bool) -> int:
    """Run the servers and the services on them until a signal ends them."""

    async def everything(place: Home, tell: Narrator) -> int:
        async with (
            supervised(place, tell, os.environ) as supervisor,
            running_stack(supervisor, demo=demo, mode="up") as stack,
        ):
            if demo:
                await _prepare_demo(stack)
            supervisor.publish(ready=True)
            _announce(stack, tell)
            await asyncio.Event().wait()
        return 0

    return supervise(home, everything)


def demo(home: Path | None, *, seconds: int | None, browser: bool) -> int:
    """Run everything and the invented Kreis; end by itself when a time was given."""

    async def work(place: Home, tell: Narrator) -> int:
        async with (
            supervised(place, tell, os.environ) as supervisor,
            running_stack(supervisor, demo=True, mode="demo") as stack,
        ):
            await _prepare_demo(stack)
            supervisor.publish(ready=True)
            _announce(stack, tell)
            if browser and seconds is None:
                playing.open_browser(stack.addresses["console"], os.environ)
            code = 0
            try:
                code = await playing.play(stack, seconds)
            finally:
                sound = await asyncio.shield(_summarise(stack, tell))
            return code or int(not sound)

    return supervise(home, work)


async def _prepare_demo(stack: Stack) -> None:
    with stack.supervisor.narrator.step("Registering the invented Kreis"):
        await asyncio.gather(playing.register_publishers(stack), playing.load_offices(stack))


def _announce(stack: Stack, tell: Narrator) -> None:
    tell.say("")
    for name in ("console", "desk", "inbox"):
        tell.say(f"  {name:<8} {stack.addresses[name]}")
    tell.say(f"  {'logs':<8} {stack.supervisor.home.log}")
    tell.say("Ctrl-C stops everything.")


async def _summarise(stack: Stack, tell: Narrator) -> bool:
    """Stop the simulator and print the demo's summary; return whether all invariants hold."""
    await stack.supervisor.stop_children(["simulator"])
    said = await stack.status()
    played = read_json(playing.state_folder(stack.supervisor.home) / "summary.json")
    tell.say("")
    for line in report.summary(said, played):
        tell.say(line)
    return not report.broken(said)


def db_apply(home: Path | None) -> int:
    """Make databases, topics, users and access as the services expect them."""
    place, tell = Home.find(os.environ, home), narrator()
    servers = administrative(place, os.environ)
    if servers is None:
        tell.say(
            "No servers: set KURSLOTSE_DATABASE_URL and KURSLOTSE_KAFKA, or start the embedded ones with "
            "`kurslotse up --servers-only`."
        )
        return 1
    place.make()
    asyncio.run(apply_everything(compose(place, servers, os.environ, demo=False), tell))
    return 0
