"""Asks every service for its status and combines the answers."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil

from services.embedded.machine.children import Child

_ASK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class OpsDoor:
    """The address of a service's ops port, and the token that opens it."""

    url: str
    token: str = field(repr=False)


async def ask(client: httpx.AsyncClient, ops: OpsDoor, door: str = "status") -> dict[str, Any]:
    """Return what a service says at its ops door; who does not answer is said to be unreachable."""
    try:
        answer = await client.get(
            f"{ops.url}/{door}", headers={"Authorization": f"Bearer {ops.token}"}, timeout=_ASK_SECONDS
        )
        answer.raise_for_status()
        found = answer.json()
    except httpx.HTTPStatusError as error:
        return {"unreachable": f"{error.response.status_code} {error.response.text[:200]}"}
    except (httpx.HTTPError, ValueError) as error:
        return {"unreachable": type(error).__name__}
    return found if isinstance(found, dict) else {"unreachable": "no object"}


async def ask_all(
    client: httpx.AsyncClient, doors: Mapping[str, OpsDoor], door: str = "status"
) -> dict[str, dict[str, Any]]:
    """Ask all services at once."""
    answers = await asyncio.gather(*(ask(client, ops, door) for ops in doors.values()))
    return dict(zip(doors, answers, strict=True))


def busy(services: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """List what is still under way; an empty list means quiet. Parked events do not count."""
    why = []
    for name, said in services.items():
        if "unreachable" in said:
            why.append(f"{name} does not answer: {said['unreachable']}")
            continue
        why += [f"{name} has {lag} unread of {what}" for what, lag in said.get("lag", {}).items() if lag]
        why += [f"{name} has {said[what]} {what}" for what in ("outbox", "due") if said.get(what)]
    return why


def _counted(services: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    return [(name, said.get("events")) for name, said in services.items()]


async def quiet(client: httpx.AsyncClient, doors: Mapping[str, OpsDoor]) -> dict[str, Any]:
    """Return whether nothing is under way: twice in a row, for work can move on between two questions."""
    before = await ask_all(client, doors, "under-way")
    why = busy(before)
    if not why:
        after = await ask_all(client, doors, "under-way")
        why = busy(after)
        if not why and _counted(before) != _counted(after):
            why = ["events were read between two looks"]
    return {"quiet": not why, "why": why}


def processes(children: Iterable[Child]) -> list[dict[str, Any]]:
    """Describe the child processes."""
    described = []
    for child in children:
        one: dict[str, Any] = {
            "name": child.program.name,
            "pid": child.pid,
            "state": child.state,
            "restarts": child.restarts,
            "log": str(child.program.log),
        }
        if child.pid:
            one |= _measured(child.pid)
        described.append(one)
    return described


def _measured(pid: int) -> dict[str, Any]:
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        return {
            "rss_bytes": sum(_memory(member) for member in family),
            "cpu_seconds": round(sum(sum(member.cpu_times()[:2]) for member in family), 1),
        }
    except psutil.Error:
        return {}


def _memory(process: psutil.Process) -> int:
    """Count a page that several processes share once, where the system tells."""
    full = process.memory_full_info()
    return int(getattr(full, "pss", full.rss))


def merged(services: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Add the services' answers up: events by type, lag by consumer, invariants with who checked them."""
    events: Counter[str] = Counter()
    lag: dict[str, int] = {}
    invariants = []
    for name, said in services.items():
        events.update(said.get("events") or {})
        lag |= said.get("lag") or {}
        invariants += [{"service": name, **one} for one in said.get("invariants") or ()]
    return {"events": dict(sorted(events.items())), "lag": lag, "invariants": invariants}
