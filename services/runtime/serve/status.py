"""Reads what a service reports at /status and /under-way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg


@dataclass(frozen=True, slots=True)
class Invariant:
    """A condition that must always hold, and how often it was checked just now."""

    id: str
    ok: bool
    checked: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OwnStatus:
    """The service's own part; the runtime adds events, lag, outbox, parked, quarantined.

    `due` counts what its timers would do at `now`: the simulator advances the day only when it is 0.
    """

    due: int = 0
    invariants: tuple[Invariant, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """The whole answer at /status."""

    service: str
    now: datetime
    events: Mapping[str, int]
    lag: Mapping[str, int]
    outbox: int
    unsendable: int
    due: int
    parked: int
    quarantined: int
    paused: tuple[str, ...]
    failing: tuple[str, ...]
    invariants: tuple[Invariant, ...]
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The short answer at /under-way, for callers that wait until nothing is left to do."""

    service: str
    now: datetime
    events: Mapping[str, int]
    lag: Mapping[str, int]
    outbox: int
    due: int


async def under_way(
    conn: asyncpg.Connection, service: str, now: datetime, lag: Mapping[str, int], due: int
) -> UnderWay:
    """Read the counts of unsent and of processed records."""
    waiting = await conn.fetchval("SELECT waiting FROM status.outbox")
    left = await _left_alone(conn)
    return UnderWay(service, now, await _events(conn), lag, waiting, max(0, due - left))


async def _left_alone(conn: asyncpg.Connection) -> int:
    """Count the items of queues that failed and are not tried just now; nothing waits for them."""
    return int(await conn.fetchval("SELECT coalesce(sum(waiting), 0)::bigint FROM status.work_failure"))


async def status_of(
    conn: asyncpg.Connection, service: str, now: datetime, lag: Mapping[str, int], own: OwnStatus
) -> ServiceStatus:
    """Read the runtime's part through the status views and join it with the service's own."""
    (outbox,) = await conn.fetch("SELECT waiting, unsendable FROM status.outbox")
    paused = await conn.fetch("SELECT consumer_group, topic, why FROM status.paused ORDER BY 1, 2")
    failing = await conn.fetch("SELECT task, n, aside, errors FROM status.work_failure ORDER BY task")
    return ServiceStatus(
        service=service,
        now=now,
        events=await _events(conn),
        lag=lag,
        outbox=outbox["waiting"],
        unsendable=outbox["unsendable"],
        due=max(0, own.due - await _left_alone(conn)),
        parked=await conn.fetchval("SELECT coalesce(sum(n), 0)::bigint FROM status.parked"),
        quarantined=await conn.fetchval("SELECT coalesce(sum(n), 0)::bigint FROM status.quarantine"),
        paused=tuple(f"{row['consumer_group']}|{row['topic']}: {row['why']}" for row in paused),
        failing=tuple(
            f"{row['task']}: {row['n']} failed, {row['aside']} set aside: {row['errors']}" for row in failing
        ),
        invariants=(await _one_fate(conn), *own.invariants),
        figures=own.figures,
    )


async def _events(conn: asyncpg.Connection) -> dict[str, int]:
    rows = await conn.fetch(
        "SELECT type, sum(n)::bigint AS n FROM status.event_count WHERE outcome = 'applied'"
        " GROUP BY type ORDER BY type"
    )
    return {row["type"]: row["n"] for row in rows}


async def _one_fate(conn: asyncpg.Connection) -> Invariant:
    (row,) = await conn.fetch("SELECT checked, violations FROM status.one_fate")
    return Invariant(
        "I1", row["violations"] == 0, row["checked"], f"{row['violations']} events without one fate"
    )
