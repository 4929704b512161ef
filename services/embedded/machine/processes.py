"""Ends processes with their parent: the kernel signals them, and the next start ends what is left."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psutil

_TOLERANCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Identity:
    """A process id with its start time: the number alone may belong to another process by now."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """Describe a living process."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    def alive(self) -> bool:
        """Return whether this very process still runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _TOLERANCE_SECONDS
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


def session_members(leader: Identity) -> list[Identity]:
    """Find the processes of the session that `leader` opened, itself included."""
    members = []
    for pid in psutil.pids():
        with contextlib.suppress(OSError):
            if os.getsid(pid) == leader.pid:
                found = Identity.of(pid)
                if found and found.started >= leader.started - _TOLERANCE_SECONDS and found.alive():
                    members.append(found)
    return members


def signal_all(targets: Iterable[Identity], number: signal.Signals) -> None:
    """Send a signal to the processes that still run; a reused process id is not one of them."""
    for target in targets:
        if target.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(target.pid, number)


async def until_gone(targets: Iterable[Identity], seconds: float) -> list[Identity]:
    """Wait for processes that are not our children to end; return those that did not."""
    deadline = time.monotonic() + seconds
    left = [target for target in targets if target.alive()]
    while left and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
        left = [target for target in left if target.alive()]
    return left


async def sweep(leader: Identity, polite: signal.Signals, seconds: float) -> int:
    """End what a dead supervisor left behind: politely first, then for good; return how many there were."""
    members = session_members(leader)
    signal_all([member for member in members if member.pid == leader.pid] or members, polite)
    left = await until_gone(members, seconds)
    signal_all(left, signal.SIGKILL)
    await until_gone(left, seconds)
    return len(members)


async def sweep_recorded(children: Mapping[str, Mapping[str, Any]], seconds: float = 5.0) -> int:
    """End the children that a supervisor recorded and did not live to stop; return how many there were."""
    ended = await asyncio.gather(
        *(
            sweep(Identity(int(one["pid"]), float(one["started"])), signal.Signals(one["signal"]), seconds)
            for one in children.values()
        )
    )
    return sum(ended)


async def end(target: Identity, seconds: float) -> int:
    """End one process and no other: politely first, then for good; return 1 if it was there."""
    if not target.alive():
        return 0
    signal_all([target], signal.SIGTERM)
    signal_all(await until_gone([target], seconds), signal.SIGKILL)
    return 1
