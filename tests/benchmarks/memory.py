"""Part 3: what the processes of an installation hold in memory at rest."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psutil

from services.embedded.servers.launch import launched
from tests.benchmarks.stage import say

SERVICES = ("gateway", "allocation", "notifications")
_MIB = 2**20
_QUIET_SHARE = 0.1  # of one core, all of them together
_LOOK_EVERY = 2.0
_LOOKS = 30


def memory() -> None:
    """Start an installation with the demo's people and nobody playing; print what each process holds."""
    say("Memory at rest (kurslotse up --demo, all roles), MiB")
    with tempfile.TemporaryDirectory() as folder, launched(Path(folder), "up", "--demo") as facts:
        supervisor = psutil.Process(int(facts["pid"]))
        asyncio.run(_rest(supervisor))
        for name, processes in _groups(supervisor).items():
            held = [process.memory_full_info() for process in processes]
            shown = f"{len(processes)} process{'es' if len(processes) > 1 else ''}"
            say(
                f"  {name:14} RSS {sum(info.rss for info in held) / _MIB:6.0f}"
                f"   PSS {sum(info.pss for info in held) / _MIB:6.0f}   {shown}"
            )


async def _rest(supervisor: psutil.Process) -> None:
    """Wait until hardly anything is done any more."""
    before = _cpu(supervisor)
    for _ in range(_LOOKS):
        await asyncio.sleep(_LOOK_EVERY)
        now = _cpu(supervisor)
        if now - before < _QUIET_SHARE * _LOOK_EVERY:
            return
        before = now


def _cpu(supervisor: psutil.Process) -> float:
    total = 0.0
    for process in (supervisor, *supervisor.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _groups(supervisor: psutil.Process) -> dict[str, list[psutil.Process]]:
    """Put each process under the name of the child of the supervisor that it belongs to."""
    groups: dict[str, list[psutil.Process]] = {name: [] for name in SERVICES}
    for child in supervisor.children():
        groups.setdefault(_name(child.cmdline()), []).extend([child, *child.children(recursive=True)])
    return {name: found for name, found in (groups | {"supervisor": [supervisor]}).items() if found}


def _name(command: Sequence[str]) -> str:
    text = " ".join(command)
    for word, name in (("kafka.Kafka", "Apache Kafka"), ("postgres", "PostgreSQL")):
        if word in text:
            return name
    return next((name for name in SERVICES if f"run {name}" in text), "others")
