"""Starts and stops an installation: the servers, their databases and topics, then the services."""

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from schemas.codes import InstallationKind
from services.embedded.machine.children import Program
from services.embedded.machine.home import Home, read_json, write_json
from services.embedded.machine.installation import SERVICES, described, open_installation
from services.embedded.machine.ports import HOST, choose_ports
from services.embedded.servers.pair import Servers
from services.embedded.stack import environment, status
from services.embedded.stack.apply import apply_everything
from services.embedded.stack.control import control_app, control_server
from services.embedded.stack.environment import Addresses, Setting
from services.embedded.stack.rotation import rotate
from services.embedded.stack.supervisor import Supervisor, start_servers

PORTS = ("control", "smtp_sink", *(f"{name}_{door}" for name in SERVICES for door in ("http", "ops")))
DEMO_BEGINS = "2025-10-06T05:00:00+00:00"
_READY_SECONDS = 2.0


class Stack:
    """A running installation, as the control interface and the demo see it."""

    def __init__(self, supervisor: Supervisor, setting: Setting, token: str, mode: str) -> None:
        self.supervisor = supervisor
        self.setting = setting
        self.token = token
        self.mode = mode
        self.doors = {
            name: status.OpsDoor(
                setting.addresses.url(name, "ops"), setting.installation.services[name].ops_token
            )
            for name in SERVICES
        }
        self._client = httpx.AsyncClient()

    @property
    def addresses(self) -> dict[str, str]:
        """Addresses for people and programs, by name."""
        named = self.setting.addresses
        return {
            "console": named.url("allocation") + "/",
            "desk": named.url("notifications") + "/desk",
            "inbox": named.url("notifications") + "/inbox",
            "gateway": named.url("gateway"),
            "control": f"http://{HOST}:{named.ports['control']}",
            **{f"{name}_ops": ops.url for name, ops in self.doors.items()},
        }

    async def status(self) -> dict[str, Any]:
        """Return everything that `kurslotse status` shows."""
        said = await status.ask_all(self._client, self.doors)
        clock = read_json(self.setting.clock) if self.setting.clock else {}
        return {
            "running": True,
            "mode": self.mode,
            "installation": described(self.setting.installation.identity),
            "home": str(self.supervisor.home.root),
            "pid": os.getpid(),
            "now": clock.get("now"),
            "addresses": self.addresses,
            "ports": dict(self.setting.addresses.ports)
            | {
                name: port
                for name, port in read_json(self.supervisor.home.ports).items()
                if name in self.supervisor.children
            },
            "processes": status.processes(self.supervisor.children.values()),
            "services": said,
            "busy": status.busy(said),
            **status.merged(said),
        }

    async def quiet(self) -> dict[str, Any]:
        """Return whether nothing is under way."""
        return await status.quiet(self._client, self.doors)

    async def rotate(self) -> dict[str, Any]:
        """Stop the services, replace their passwords, and start them with the new ones."""
        supervisor = self.supervisor
        await supervisor.stop_children(SERVICES)
        try:
            self.setting = await rotate(self.setting, supervisor.home)
        finally:
            programs = [
                service_program(name, self.setting, supervisor.home, supervisor.env) for name in SERVICES
            ]
            await supervisor.start_and_wait("Starting the services again", programs)
        return {"rotated": True}

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()


def kind_of(*, demo: bool) -> InstallationKind:
    """Return the kind of installation that a command needs."""
    return InstallationKind.DEMO if demo else InstallationKind.REAL


def compose(home: Home, servers: Servers, env: Mapping[str, str], *, demo: bool) -> Setting:
    """Choose ports and secrets and put the setting of all services together."""
    ports = choose_ports(PORTS, home.ports)
    if demo and not home.clock.exists():
        write_json(home.clock, {"now": DEMO_BEGINS}, mode=0o644)
    return Setting(
        installation=open_installation(home),
        servers=servers,
        addresses=Addresses(ports),
        prefix=env.get("KURSLOTSE_PREFIX", ""),
        clock=home.clock if demo else None,
        demo=demo,
        smtp_sink=f"{HOST}:{ports['smtp_sink']}" if demo else None,
    )


def service_program(service: str, setting: Setting, home: Home, env: Mapping[str, str]) -> Program:
    """Describe a service's process to the supervisor."""
    ops = setting.addresses.url(service, "ops")

    async def ready() -> bool:
        async with httpx.AsyncClient(timeout=_READY_SECONDS) as client:
            with contextlib.suppress(httpx.HTTPError):
                return (await client.get(f"{ops}/health/ready")).is_success
        return False

    return Program(
        name=service,
        argv=[sys.executable, "-m", "services.cli", "run", service],
        env=environment.of_service(service, setting, env),
        log=home.log / f"{service}.log",
        ready=ready,
    )


@asynccontextmanager
async def running_stack(supervisor: Supervisor, *, demo: bool, mode: str) -> AsyncIterator[Stack]:
    """Run servers, services and the control door while the block lasts."""
    home, tell, env = supervisor.home, supervisor.narrator, supervisor.env
    servers = await start_servers(supervisor)
    setting = compose(home, servers, env, demo=demo)
    setting = await apply_everything(setting, home, kind_of(demo=demo), tell)
    stack = Stack(supervisor, setting, secrets.token_hex(24), mode)
    app = control_app(stack.token, stack.status, stack.quiet, setting.clock, stack.rotate)
    server = control_server(app, setting.addresses.ports["control"])
    serving = asyncio.create_task(server.serve(), name="control")
    try:
        supervisor.publish(
            mode=mode,
            control={"url": stack.addresses["control"], "token": stack.token},
            addresses=stack.addresses,
            prefix=setting.prefix,
            installation=described(setting.installation.identity),
        )
        programs = [service_program(name, setting, home, env) for name in SERVICES]
        await supervisor.start_and_wait("Starting gateway, allocation and notifications", programs)
        yield stack
    finally:
        server.should_exit = True
        await asyncio.wait({serving}, timeout=5)
        await stack.close()
