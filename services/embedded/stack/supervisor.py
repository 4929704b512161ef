"""Supervises an installation: starts its processes in order, keeps them running, stops them in order."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from services.embedded.machine.children import Child, Program, StartError
from services.embedded.machine.home import Home, read_json, write_json
from services.embedded.machine.installation import open_installation
from services.embedded.machine.processes import Identity, sweep_recorded
from services.embedded.machine.progress import Narrator
from services.embedded.servers.pair import Servers, prepare_servers


class Supervisor:
    """The child processes of one home, and a record of them that survives a kill -9."""

    def __init__(self, home: Home, narrator: Narrator, env: Mapping[str, str]) -> None:
        self.home = home
        self.narrator = narrator
        self.env = env
        self.children: dict[str, Child] = {}
        self._facts: dict[str, Any] = {}
        self._lost: list[str] = []
        self._lost_one = asyncio.Event()

    async def recover(self) -> int:
        """End what an earlier supervisor that was killed has left running."""
        left = await sweep_recorded(read_json(self.home.children))
        if left:
            self.narrator.say(f"Ended {left} processes that an earlier run had left behind.")
        self.home.run.unlink(missing_ok=True)
        self._record()
        return left

    def _record(self) -> None:
        running = {
            name: {
                "pid": child.identity.pid,
                "started": child.identity.started,
                "signal": int(child.program.stop_signal),
            }
            for name, child in self.children.items()
            if child.identity
        }
        write_json(self.home.children, running)

    def publish(self, **facts: Any) -> None:  # noqa: ANN401 -- JSON of many shapes
        """Tell others on this machine what runs and how to reach it."""
        self._facts |= facts
        me = Identity.of(os.getpid())
        about = {"pid": os.getpid(), "started": me.started if me else time.time()}
        write_json(self.home.run, about | self._facts)

    def start(self, programs: Sequence[Program]) -> list[Child]:
        """Start programs without waiting for them."""
        begun = []
        for program in programs:
            child = Child(program, self._record, self._lose)
            self.children[program.name] = child
            child.start()
            begun.append(child)
        return begun

    def _lose(self, child: Child) -> None:
        self._lost.append(child.program.name)
        self._lost_one.set()

    def check(self) -> None:
        """Raise StartError if a child is watched no more although nobody has stopped it."""
        if self._lost:
            raise StartError(
                f"{', '.join(self._lost)} cannot be watched any more, so everything is stopped. The messages "
                "above say why; then start it again."
            )

    async def until_lost(self) -> None:
        """Wait until a child is watched no more although nobody has stopped it, and raise StartError."""
        await self._lost_one.wait()
        self.check()

    async def start_and_wait(self, title: str, programs: Sequence[Program]) -> list[Child]:
        """Start programs together and wait until all of them answer."""
        with self.narrator.step(title, len(programs)) as step:
            begun = self.start(programs)
            waiting = {asyncio.create_task(child.until_ready()) for child in begun}
            try:
                while waiting:
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        task.result()
                    step.advance(len(done))
            finally:
                for task in waiting:
                    task.cancel()
        return begun

    async def stop_children(self, names: Sequence[str]) -> None:
        """Stop some children together."""
        await asyncio.gather(*(self.children[name].stop() for name in names if name in self.children))

    async def stop_all(self) -> None:
        """Stop everything: first who uses the servers, then the servers."""
        servers = [name for name in ("kafka", "postgres") if name in self.children]
        others = [name for name in reversed(self.children) if name not in servers]
        try:
            await self.stop_children(others)
        finally:
            await self.stop_children(servers)
            self.home.run.unlink(missing_ok=True)
            self._record()


@asynccontextmanager
async def supervised(home: Home, narrator: Narrator, env: Mapping[str, str]) -> AsyncIterator[Supervisor]:
    """Hold the home while the block runs; whatever ends the block ends the children too."""
    home.make()
    with home.held():
        supervisor = Supervisor(home, narrator, env)
        await supervisor.recover()
        try:
            yield supervisor
        finally:
            narrator.say("Stopping ...")
            await asyncio.shield(asyncio.ensure_future(supervisor.stop_all()))
            narrator.say("Everything has stopped.")


async def start_servers(supervisor: Supervisor) -> Servers:
    """Bring up the pair of servers and publish their addresses."""
    servers = await prepare_servers(
        supervisor.home, open_installation(supervisor.home), supervisor.narrator, supervisor.env
    )
    if servers.programs:
        await supervisor.start_and_wait("Starting PostgreSQL and Apache Kafka", servers.programs)
    supervisor.publish(database_url=servers.database_url, kafka=servers.kafka, own_servers=servers.own)
    return servers
