"""Runs the demo: registers the invented Kreis and starts the simulator."""

import asyncio
import hashlib
import json
import math
import sys
import time
import webbrowser
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from services.embedded.machine.children import Program, StartError, tail
from services.embedded.machine.home import Home
from services.embedded.stack import environment
from services.embedded.stack.lifecycle import Stack
from services.simulator import world
from services.simulator.settings import OPENED
from services.simulator.world.kreis import OFFICES, PUBLISHERS

STAFF = Path(world.__file__).parent / "staff.yaml"
"""The invented people who sign in to the pages."""
TOWNS = Path(world.__file__).parent / "places.csv"
"""The directory of the invented towns."""

_LOAD_SECONDS = 60.0
_GRACE_SECONDS = 180.0  # on top of what was asked for: history first, then a last quiet


def keys_file(home: Home) -> Path:
    """Return where the played publishers' API keys are kept."""
    return home.work / "demo-keys.json"


async def register_publishers(stack: Stack) -> None:
    """Register the played publishers; each has a key in the keys file afterwards."""
    keys = keys_file(stack.supervisor.home)
    await _loaded(stack, "gateway", "publisher", PUBLISHERS, "--key-file", str(keys))


async def load_offices(stack: Stack) -> None:
    """Hand the directory of counselling offices to notifications through its own command."""
    await _loaded(stack, "notifications", "offices", OFFICES)


async def load_people(stack: Stack) -> None:
    """Take the invented people who work there into the accounts of both page services."""
    for service in ("allocation", "notifications"):
        await run_command(stack, service, "account", "--service", service, "load-demo", str(STAFF))


async def load_places(stack: Stack) -> None:
    """Load the invented towns as a Kreis loads the official ones; again, it changes nothing."""
    await run_command(stack, "gateway", "places", "load", str(TOWNS))


async def _loaded(stack: Stack, service: str, what: str, records: Any, *options: str) -> None:  # noqa: ANN401
    """Load records with a service's own command, once: the same on the same servers is not done again."""
    file = stack.supervisor.home.work / f"demo-{what}.json"
    done = file.with_suffix(".loaded")
    file.write_text(json.dumps(records), encoding="utf-8")
    servers = stack.setting.servers
    state = repr((records, servers.database_url, servers.kafka, stack.setting.prefix))
    stamp = hashlib.sha256(state.encode()).hexdigest()
    if not done.exists() or done.read_text(encoding="utf-8") != stamp:
        await run_command(stack, service, what, "load", str(file), *options)
        done.write_text(stamp, encoding="utf-8")


async def run_command(stack: Stack, service: str, *arguments: str) -> None:
    """Run a `kurslotse` command with a service's environment; raise StartError if it fails."""
    supervisor, setting = stack.supervisor, stack.setting
    name = "-".join((service, *arguments[:2]))
    program = Program(
        name=name,
        argv=[sys.executable, "-m", "services.cli", *arguments],
        env=environment.of_service(service, setting, supervisor.env)
        | {
            "KURSLOTSE_DATABASE_URL": setting.servers.database_url,
            "KURSLOTSE_KAFKA": setting.servers.kafka,
            "KURSLOTSE_HOME": str(supervisor.home.root),
        },
        log=supervisor.home.log / f"{name}.log",
        once=True,
    )
    (child,) = supervisor.start([program])
    code = await asyncio.wait_for(child.until_finished(), _LOAD_SECONDS)
    del supervisor.children[name]
    if code:
        raise StartError(f"{' '.join(arguments)} ended with {code}:\n{tail(program.log)}")


def simulator_program(stack: Stack, seconds: int | None) -> Program:
    """Describe the simulator's process; it is given public addresses only."""
    supervisor, named = stack.supervisor, stack.setting.addresses
    settings = {name: text for name, text in supervisor.env.items() if name.startswith("KURSLOTSE_SIM_")}
    env = environment.plain(supervisor.env) | settings
    env |= {
        "KURSLOTSE_GATEWAY_URL": named.url("gateway"),
        "KURSLOTSE_CONSOLE_URL": named.url("allocation"),
        "KURSLOTSE_SUPPORT_URL": named.url("notifications"),
        "KURSLOTSE_CONTROL_URL": stack.addresses["control"],
        "KURSLOTSE_CONTROL_TOKEN": stack.token,
        "KURSLOTSE_SMTP_SINK": stack.setting.smtp_sink or "",
        "KURSLOTSE_SIM_KEYS": str(keys_file(supervisor.home)),
        "KURSLOTSE_SIM_STATE": str(state_folder(supervisor.home)),
    }
    limit = [] if seconds is None else ["--seconds", str(seconds)]
    return Program(
        name="simulator",
        argv=[sys.executable, "-m", "services.simulator", *limit],
        env=env,
        log=supervisor.home.log / "simulator.log",
        stop_seconds=8.0,  # its day goes on at the next start
        once=seconds is not None,
    )


def state_folder(home: Home) -> Path:
    """Return the simulator's own folder."""
    folder = home.work / "simulator"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


async def play(stack: Stack, seconds: int | None, opened: Callable[[date], None]) -> int:
    """Run the simulator until it ends, telling how its year goes on; return the exit status.

    Without `seconds` the simulator ends only when it is told to. `opened` is called once the weeks before the
    day on which somebody begins to watch have been played.
    """
    sign = state_folder(stack.supervisor.home) / OPENED
    sign.unlink(missing_ok=True)
    (child,) = stack.supervisor.start([simulator_program(stack, seconds)])
    tell = stack.supervisor.narrator
    text = "Playing the year" if seconds is None else f"Playing for {seconds} s"
    limit = math.inf if seconds is None else seconds + _GRACE_SECONDS
    with tell.step(text, seconds) as step:
        end = asyncio.create_task(child.until_finished())
        begun = time.monotonic()
        told: date | None = None
        while not end.done() and time.monotonic() - begun < limit:
            await asyncio.wait({end}, timeout=1)
            stack.supervisor.check()
            step.note(tail(child.program.log).rpartition("\n")[2][:80])
            if told is None and sign.exists():
                told = date.fromisoformat(sign.read_text(encoding="utf-8"))
                opened(told)
            step.advance(1)
    if not end.done():
        tell.say(f"The simulator did not end by itself within {limit:.0f} s.")
        return 1
    if end.result():
        tell.say(f"The simulator ended with {end.result()}:\n{tail(child.program.log)}")
        return 1
    return 0


def open_browser(url: str, env: Mapping[str, str]) -> None:
    """Open the console in a browser where there is a display."""
    if sys.platform == "darwin" or env.get("DISPLAY") or env.get("WAYLAND_DISPLAY"):
        webbrowser.open(url)
