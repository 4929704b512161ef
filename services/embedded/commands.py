"""What a person types to run Kurslotse on one machine."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated

import typer

from services.embedded.children import ChildError
from services.embedded.home import AlreadyRunningError, Home, read_json
from services.embedded.jars import JarError
from services.embedded.progress import Narrator, narrator
from services.embedded.supervisor import start_servers, supervised

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of this installation (KURSLOTSE_HOME, ./.kurslotse).")
]


def until_signalled(work: Callable[[], Coroutine[None, None, int]]) -> int:
    """Run `work` until it ends or SIGINT, SIGTERM or SIGHUP cancels it."""

    async def run() -> int:
        task = asyncio.ensure_future(work())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            return await task
        return 0

    return asyncio.run(run())


async def serve_only(home: Home, tell: Narrator) -> int:
    """Run nothing but the pair of servers until somebody wants the end."""
    async with supervised(home, tell, os.environ) as supervisor:
        servers = await start_servers(supervisor)
        supervisor.publish(mode="servers", ready=True)
        tell.say(f"export KURSLOTSE_DATABASE_URL={servers.database_url}")
        tell.say(f"export KURSLOTSE_KAFKA={servers.kafka}")
        await supervisor.stop.wait()
    return 0


def up(
    home: HomeOption = None,
    servers_only: Annotated[
        bool, typer.Option("--servers-only", help="Only PostgreSQL and Apache Kafka.")
    ] = False,
) -> None:
    """Start everything on this machine and keep it running until Ctrl-C."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    place, tell = Home.find(os.environ, home), narrator()
    try:
        code = until_signalled(lambda: serve_only(place, tell))
    except AlreadyRunningError:
        found = read_json(place.run)
        tell.say(f"Already running in {place.root} (process {found.get('pid')}).")
        code = 0
    except (ChildError, JarError) as error:
        tell.say(str(error))
        code = 1
    sys.exit(code)
