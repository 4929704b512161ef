"""Runs `kurslotse up --servers-only`, `status` and `down`; each returns an exit status."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx

from services.embedded.machine.children import StartError
from services.embedded.machine.home import AlreadyRunningError, Home, read_json
from services.embedded.machine.installation import described, identity_of
from services.embedded.machine.processes import Identity, end, sweep_recorded
from services.embedded.machine.progress import Narrator, narrator
from services.embedded.servers.jars import JarError
from services.embedded.stack import report
from services.embedded.stack.discovery import running
from services.embedded.stack.supervisor import start_servers, supervised
from services.runtime.base.addresses import AddressError
from services.runtime.base.installation import InstallationError
from services.runtime.data.migrate import MigrationError

_STOP_SECONDS = 90.0
_ASK_SECONDS = 30.0


def until_signalled(work: Callable[[], Coroutine[None, None, int]]) -> int:
    """Run `work` until it ends or the first SIGINT, SIGTERM or SIGHUP ends it; later ones change nothing."""

    async def run() -> int:
        task = asyncio.ensure_future(work())
        told = False

        def tell() -> None:
            nonlocal told
            if not told:
                told = True
                task.cancel()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, tell)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup stays nohup
            loop.add_signal_handler(signal.SIGHUP, tell)
        try:
            return await task
        except asyncio.CancelledError:
            return 0

    return asyncio.run(run())


def supervise(home: Path | None, work: Callable[[Home, Narrator], Coroutine[None, None, int]]) -> int:
    """Run `work` on a home; turn expected failures into a sentence and an exit status."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # asks a broker that is still starting
    place, tell = Home.find(os.environ, home), narrator()
    try:
        return until_signalled(lambda: work(place, tell))
    except AlreadyRunningError:
        found = running(place) or {}
        console = found.get("addresses", {}).get("console", "")
        tell.say(f"Already running in {place.root} (process {found.get('pid', '?')}). {console}".rstrip())
        tell.say("`kurslotse status` says how it is, `kurslotse down` stops it.")
        return 0
    except (StartError, JarError, InstallationError, AddressError, MigrationError) as error:
        tell.say(str(error))
        return 1


def up_servers(home: Path | None) -> int:
    """Run nothing but the servers until a signal ends them."""

    async def work(place: Home, tell: Narrator) -> int:
        async with supervised(place, tell, os.environ) as supervisor:
            found = await start_servers(supervisor)
            supervisor.publish(mode="servers", ready=True)
            if sys.stdout.isatty():  # elsewhere it is kept, and it holds passwords
                tell.say(f"export KURSLOTSE_DATABASE_URL={found.database_url}")
                tell.say(f"export KURSLOTSE_KAFKA={found.kafka}")
            else:
                tell.say(f"Both run; {place.run} holds their addresses and passwords.")
            await supervisor.until_lost()
        return 0

    return supervise(home, work)


def status(home: Path | None, *, as_json: bool) -> int:
    """Print what runs; return 1 if nothing does."""
    place = Home.find(os.environ, home)
    facts = running(place)
    of = {"home": str(place.root), "installation": described(identity_of(place))}
    said = of | (_ask(facts) if facts else {"running": False})
    sys.stdout.write(report.as_json(said) if as_json else report.as_text(said))
    return 0 if said["running"] else 1


def _ask(facts: dict[str, Any]) -> dict[str, Any]:
    control = facts.get("control")
    if control is None:  # servers only, or still starting
        return {"running": True, **facts}
    try:
        answer = httpx.get(
            f"{control['url']}/status",
            headers={"Authorization": f"Bearer {control['token']}"},
            timeout=_ASK_SECONDS,
        )
        answer.raise_for_status()
    except httpx.HTTPError as error:
        return {"running": True, "unreachable": type(error).__name__, "pid": facts["pid"]}
    found: dict[str, Any] = answer.json()
    return found


def down(home: Path | None) -> int:
    """Stop the supervisor of a home; then whatever a killed one has left behind."""
    place, tell = Home.find(os.environ, home), narrator()
    facts = running(place)

    async def stop() -> int:
        ended = 0
        if facts:
            ended += await end(Identity(int(facts["pid"]), float(facts["started"])), _STOP_SECONDS)
        return ended + await sweep_recorded(read_json(place.children))

    tell.say("Stopped." if asyncio.run(stop()) else f"Nothing runs in {place.root}.")
    return 0
