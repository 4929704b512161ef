"""Where the benchmarks run: a prepared database for each run, the real process, what the machine is."""

import asyncio
import os
import platform
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import httpx
import psutil

from services.runtime.data import roles
from tests.databases import Database, Templates
from tests.identity import IDENTITY_KEY_TEXT, KEK
from tests.serving import REPOSITORY, Servers

Prepare = Callable[[asyncpg.Connection], Awaitable[None]]


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def machine() -> str:
    """Describe what the figures were measured on, and how busy it was."""
    model = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} cores ({model}), {memory:.0f} GB, load {load},"
        f" Python {platform.python_version()}, {platform.system()} {platform.release()}"
    )


def _lines(path: str) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a file of the kernel
            yield from file
    except FileNotFoundError:
        return


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def quantile(values: list[float], share: float) -> float:
    """Return the nearest-rank quantile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass
class Stage:
    """Fresh databases of notifications, copied from one that was prepared once."""

    servers: Servers
    prefix: str = field(default_factory=lambda: f"bench{secrets.token_hex(3)}-")
    templates: Templates = field(init=False)
    keys: Database = field(init=False)

    def __post_init__(self) -> None:
        self.templates = Templates(self.servers)

    async def prepare(self, fill: Prepare) -> None:
        """Make the template and fill it."""
        self.keys = await self.templates.copy("keys", f"{self.prefix}k-")
        await self.templates.drop([await self.templates.copy("notifications", f"{self.prefix}0-")])
        name = roles.database_name(self.templates.prefix, "notifications")
        conn = await asyncpg.connect(roles.address_of(self.servers.database_url, name))
        try:
            async with conn.transaction():
                await fill(conn)
            await conn.execute("VACUUM ANALYZE")
        finally:
            await conn.close()

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """Copy the prepared database; nothing of earlier runs is left to be written out meanwhile."""
        database = await self.templates.copy("notifications", f"{self.prefix}{secrets.token_hex(2)}-")
        try:
            admin = await asyncpg.connect(self.servers.database_url)
            await admin.execute("CHECKPOINT")
            await admin.close()
            yield database
        finally:
            await self.templates.drop([database])

    async def close(self) -> None:
        await self.templates.drop([self.keys])
        await self.templates.drop_templates()

    def environment(self, database: Database, *, ops: int, smtp: int | None = None) -> dict[str, str]:
        """Compose what the process is told, as the supervisor does."""
        env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
            "KURSLOTSE_PREFIX": self.prefix,
            "KURSLOTSE_DEMO": "1",
            "KURSLOTSE_DB_WORKER": database.worker,
            "KURSLOTSE_DB_WEB": database.web,
            "KURSLOTSE_DB_STATUS": database.status,
            "KURSLOTSE_SERVICE_KAFKA": self.servers.kafka,
            "KURSLOTSE_HTTP": f"127.0.0.1:{free_port()}",
            "KURSLOTSE_OPS": f"127.0.0.1:{ops}",
            "KURSLOTSE_IDENTITY_KEY": IDENTITY_KEY_TEXT,
            "KURSLOTSE_WEB_SECRET": "b" * 40,
            "KURSLOTSE_GATEWAY_URL": "http://127.0.0.1:1",
            "KURSLOTSE_GATEWAY_KEY": "none",
            "KURSLOTSE_PEOPLE_KEY": "people-key",
            "KURSLOTSE_KEK": KEK,
            "KURSLOTSE_DB_KEYS": self.keys.worker,
            "KURSLOTSE_PUBLIC_URL": "https://hilfe.example",
        }
        return env if smtp is None else env | {"KURSLOTSE_SMTP": f"smtp://127.0.0.1:{smtp}"}


@asynccontextmanager
async def process(command: list[str], env: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run one of our programs until the block ends; its log is kept out of the way."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=REPOSITORY,
        env=dict(env),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield started
        if started.returncode is not None:
            raise RuntimeError(f"{' '.join(command)} ended with {started.returncode}")
    finally:
        if started.returncode is None:
            started.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(started.wait(), 30.0)
            except TimeoutError:
                started.kill()
                await started.wait()


async def ready(ops: int) -> bool:
    """Say whether a service's process answers that it is ready."""
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return (await client.get(f"http://127.0.0.1:{ops}/health/ready", timeout=5.0)).is_success
        except httpx.HTTPError:
            return False


def cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
