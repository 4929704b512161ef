"""Runs one service process: its roles as tasks, stopped together, with a hard deadline."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from services.runtime.clock import Clock
from services.runtime.consume import Subscription
from services.runtime.settings import ServiceSettings
from services.runtime.status import OwnStatus


@dataclass(frozen=True, slots=True)
class Timer:
    """Something done again and again; `run` gets the business time and returns how many things it did."""

    name: str
    interval_seconds: float
    run: Callable[[datetime], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Resources:
    """What the runtime has opened for a service before it is composed."""

    settings: ServiceSettings
    clock: Clock
    registry: CollectorRegistry
    worker: asyncpg.Pool
    web: asyncpg.Pool


async def nothing_of_its_own(_conn: asyncpg.Connection, _now: datetime) -> OwnStatus:
    """Add nothing to what the runtime knows."""
    return OwnStatus()


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """What a service consists of; built by its composition root from the opened resources.

    `status` runs on a connection of the status role, which reads only the views in schema `status`.
    `tasks` are further background tasks by name; one that ends or fails stops the process.
    """

    subscriptions: Sequence[Subscription] = ()
    timers: Sequence[Timer] = ()
    web: ASGIApp | None = None
    status: Callable[[asyncpg.Connection, datetime], Awaitable[OwnStatus]] = nothing_of_its_own
    tasks: Sequence[tuple[str, Callable[[], Awaitable[Any]]]] = ()


Compose = Callable[[Resources], Awaitable[ServiceDefinition]]


def run(settings: ServiceSettings, compose: Compose) -> int:
    """Run the service until it is told to stop; return the exit status (0 only for a clean stop)."""
    raise NotImplementedError
