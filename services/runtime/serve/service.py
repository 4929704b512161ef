"""Runs one service process: its roles as tasks, stopped together, with a hard deadline."""

import asyncio
import gc
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from services.runtime.base import logs
from services.runtime.base.clock import Clock, clock_of
from services.runtime.base.failures import Meaning, meaning_of, name_of
from services.runtime.base.installation import InstallationError
from services.runtime.base.metrics import RefusalMetrics, relay_metrics, timer_metrics, work_metrics
from services.runtime.base.retry import jittered
from services.runtime.base.settings import ServiceSettings, SettingsError
from services.runtime.base.timers import Timer, run_timer
from services.runtime.bookkeeping import work
from services.runtime.consume.consumers import Consumers
from services.runtime.data.db import acquire, open_pool
from services.runtime.events.subscription import Subscription
from services.runtime.http.door import Door
from services.runtime.http.server import serve
from services.runtime.kafka.administration import parse_address
from services.runtime.kafka.cluster import check_answers, cluster_id
from services.runtime.send.relay import Relay
from services.runtime.serve.discreet import Discreet, coarse, discreetly, under_way_discreetly
from services.runtime.serve.installation import check_process
from services.runtime.serve.ops import Answers, Health, ops_app
from services.runtime.serve.status import OwnStatus, ServiceStatus, UnderWay, status_of, under_way

__all__ = ["Compose", "OwnStatus", "Resources", "ServiceDefinition", "Timer", "run"]

log = logging.getLogger(__name__)

_START_TRIES = 8
_PROBE_SECONDS = 3.0
_HARD_EXIT = 70
_DEADLINE_SLACK = 3.0
_OBJECTS_PER_COLLECTION = 50_000


@dataclass(frozen=True, slots=True)
class Resources:
    """The pools, clock and metrics that a service is composed from."""

    settings: ServiceSettings
    clock: Clock
    registry: CollectorRegistry
    worker: asyncpg.Pool
    web: asyncpg.Pool


def _spare_the_collector() -> None:
    """Keep what the start has loaded out of garbage collection, and collect less often.

    A batch makes tens of thousands of objects and hardly a cycle; looking for one took a third of the
    time that reading takes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_PER_COLLECTION, 20, 20)


async def nothing_of_its_own(_conn: asyncpg.Connection, _now: datetime) -> OwnStatus:
    """Return a status without anything of the service's own."""
    return OwnStatus()


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """The parts of a service, built by its composition root from the opened resources.

    `status` runs on a connection of the status role, which reads only the views in schema `status`;
    `due` is the same for its count of what is due alone, asked often by who waits for quiet.
    `everywhere` are timers of every process, whatever its roles (what each has to know for itself).
    `tasks` are further background tasks by name, run with the role `timers`; one that ends or fails
    stops the process. They are cancelled when the service stops. With `discreet`, metrics and status do
    not show single records.
    """

    subscriptions: Sequence[Subscription] = ()
    timers: Sequence[Timer] = ()
    everywhere: Sequence[Timer] = ()
    web: ASGIApp | None = None
    status: Callable[[asyncpg.Connection, datetime], Awaitable[OwnStatus]] = nothing_of_its_own
    due: Callable[[asyncpg.Connection, datetime], Awaitable[int]] | None = None
    tasks: Sequence[tuple[str, Callable[[], Awaitable[Any]]]] = ()
    discreet: Discreet | None = None


Compose = Callable[[Resources], Awaitable[ServiceDefinition]]


def run(settings: ServiceSettings, compose: Compose) -> int:
    """Run the service until it is told to stop; return the exit status (0 only for a clean stop)."""
    logs.set_up(settings.service)
    return asyncio.run(Process(settings, compose).main())


class Process:
    """One service process from start to stop."""

    def __init__(self, settings: ServiceSettings, compose: Compose) -> None:
        self._settings, self._compose = settings, compose
        self._stop = asyncio.Event()
        self._failure: str | None = None
        self._deadline: threading.Timer | None = None
        self._clock = clock_of(settings.clock_file)
        self._registry = CollectorRegistry()
        self._refusals = RefusalMetrics(self._registry)
        self._address = parse_address(settings.kafka)
        self._tasks: dict[asyncio.Task[Any], str] = {}
        self._consumers: Consumers | None = None
        self._definition = ServiceDefinition()

    async def main(self) -> int:
        """Start everything, wait, stop everything."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Not the loop's own handler: the deadline has to run even if the loop is blocked.
            signal.signal(number, lambda got, _frame: self._signalled(loop, got))
        pools: list[asyncpg.Pool] = []
        try:
            worker, web, status = await self._open_pools(pools)
            addresses = (self._settings.db_worker, self._settings.db_web, self._settings.db_status)
            await check_process(self._settings, list(zip(addresses, pools, strict=True)))
            resources = Resources(self._settings, self._clock, self._registry, worker, web)
            self._definition = await self._compose(resources)
            await self._start(worker, status)
            _spare_the_collector()
            log.info("started", extra={"role": ",".join(sorted(self._settings.roles))})
            await asyncio.wait(
                [*self._tasks, loop.create_task(self._stop.wait())], return_when="FIRST_COMPLETED"
            )
        except (InstallationError, SettingsError) as error:
            log.critical("%s", error)
            self._failure = str(error)
        except Exception as error:  # noqa: BLE001 - told and turned into the exit status
            self._fail(error, "start")
        finally:
            await self._wind_down(pools)
        log.info("stopped", extra={"status": "failed" if self._failure else "clean"})
        return 1 if self._failure else 0

    def _signalled(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        self._begin_deadline()
        loop.call_soon_threadsafe(self._told_to_stop, number)

    def _told_to_stop(self, number: int) -> None:
        log.info("told to stop", extra={"signal": signal.Signals(number).name})
        self._begin_stop()

    def _begin_stop(self) -> None:
        self._begin_deadline()
        self._stop.set()

    def _begin_deadline(self) -> None:
        """End the process in time, whatever hangs."""
        if self._deadline is None:
            seconds = self._settings.stop_within_seconds + _DEADLINE_SLACK
            self._deadline = threading.Timer(seconds, os._exit, [_HARD_EXIT])
            self._deadline.daemon = True
            self._deadline.start()

    def _fail(self, error: BaseException, where: str) -> None:
        if self._failure is None:
            self._failure = f"{where}: {name_of(error)}"
            log.critical("the process stops", exc_info=error, extra={"error": name_of(error), "where": where})
        self._begin_stop()

    async def _open_pools(self, pools: list[asyncpg.Pool]) -> tuple[asyncpg.Pool, asyncpg.Pool, asyncpg.Pool]:
        settings = self._settings
        for dsn, role, size in (
            (settings.db_worker, "worker", 10),
            (settings.db_web, "web", 8),
            (settings.db_status, "status", 2),
        ):
            pools.append(await self._patiently(dsn, f"{settings.service} {role}", size))
        return pools[0], pools[1], pools[2]

    async def _patiently(self, dsn: str, name: str, size: int) -> asyncpg.Pool:
        """Open a pool, waiting for a database that is just starting."""
        for attempt in range(1, _START_TRIES + 1):
            try:
                return await open_pool(dsn, name=name, max_size=size)
            except Exception as error:
                if (
                    attempt == _START_TRIES
                    or meaning_of(error, connection_dead=True) is not Meaning.TRANSIENT
                ):
                    raise
                await asyncio.sleep(jittered(attempt))
        raise AssertionError

    async def _start(self, worker: asyncpg.Pool, status: asyncpg.Pool) -> None:
        settings, definition = self._settings, self._definition
        timers: list[Timer] = [*definition.everywhere]
        if "consume" in settings.roles:
            timers += await self._start_consuming(worker)
        if "relay" in settings.roles:
            name = f"{settings.prefix}{settings.service}"
            relay = Relay(settings.db_worker, self._address, relay_metrics(self._registry), name=name)
            self._task("relay", relay.run(self._stop))
        if "timers" in settings.roles:
            timers += [*definition.timers, self._failing_items(worker)]
            for task_name, task in definition.tasks:
                self._task(task_name, self._until_stop(task))
        metrics = timer_metrics(self._registry, [timer.name for timer in timers])
        for timer in timers:
            self._task(f"timer {timer.name}", run_timer(timer, self._clock, metrics, self._stop))
        if "web" in settings.roles and definition.web is not None:
            self._task(
                "web", serve(self._door("web", definition.web), settings.http, self._stop, settings.tls)
            )
        answers = Answers(
            live=self._live,
            ready=lambda: self._ready(worker),
            status=lambda: self._status(status),
            under_way=lambda: self._under_way(status),
            asyncapi=lambda: self._consumers.asyncapi() if self._consumers is not None else None,
            registry=self._registry
            if definition.discreet is None
            else coarse(self._registry, definition.discreet),
        )
        ops = self._door("ops", ops_app(answers, settings.ops_token), "/health/")
        self._task("ops", serve(ops, settings.ops, self._stop, settings.tls))

    def _failing_items(self, worker: asyncpg.Pool) -> Timer:
        """Return the timer that shows how many items of queues fail."""
        metrics = work_metrics(self._registry)

        async def show(_now: datetime) -> int:
            async with acquire(worker) as conn:
                rows = await work.list_failing(conn)
            metrics.failing.set(len(rows))
            metrics.aside.set(sum(row["aside"] for row in rows))
            return 0

        return Timer("failing items", 15.0, show)

    async def _start_consuming(self, worker: asyncpg.Pool) -> list[Timer]:
        self._consumers = consumers = Consumers(
            self._settings,
            self._definition.subscriptions,
            cluster=await cluster_id(self._address),
            pool=worker,
            clock=self._clock,
            metrics_registry=self._registry,
            fail=lambda error: self._fail(error, "consume"),
        )
        self._task("consume", consumers.run(self._stop))
        return [
            Timer("expire parked", 30.0, lambda _now: consumers.maintenance.expire_parked()),
            Timer("replay", 2.0, lambda _now: consumers.maintenance.replay()),
            Timer("prune inbox", 600.0, lambda _now: consumers.maintenance.prune()),
        ]

    def _task(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        self._tasks[asyncio.create_task(work, name=name)] = name

    async def _until_stop(self, work: Callable[[], Awaitable[Any]]) -> None:
        """Run a service's task until the stop, then cancel it; one that ends before is a failure."""
        task = asyncio.ensure_future(work())
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
        finally:
            stopped.cancel()
            task.cancel()
            await asyncio.gather(task, stopped, return_exceptions=True)

    def _door(self, name: str, app: ASGIApp, *open_paths: str) -> Door:
        return Door(
            app,
            self._settings.proxies,
            open_paths=open_paths,
            encrypted=self._settings.tls is not None,
            refused=self._refusals.of(name),
        )

    async def _wind_down(self, pools: Sequence[asyncpg.Pool]) -> None:
        """Stop all tasks, report those that ended by themselves, close the pools."""
        early = [task for task in self._tasks if task.done()] if not self._stop.is_set() else []
        for task in early:
            error = task.exception() if not task.cancelled() else None
            self._fail(error or RuntimeError("ended"), self._tasks[task])
        self._begin_stop()
        if self._tasks:
            await self._end_tasks()
        for pool in pools:
            try:
                await asyncio.wait_for(pool.close(), 2.0)
            except TimeoutError:
                pool.terminate()

    async def _end_tasks(self) -> None:
        _, late = await asyncio.wait(self._tasks, timeout=self._settings.stop_within_seconds)
        for task in late:
            log.error("task did not stop in time", extra={"task": self._tasks[task]})
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        for name, result in zip(self._tasks.values(), results, strict=True):
            if isinstance(result, Exception):
                self._fail(result, name)

    def _live(self) -> Health:
        stalled = self._consumers.stalled() if self._consumers is not None else []
        dead = [name for task, name in self._tasks.items() if task.done()]
        parts = dict.fromkeys(stalled, "stalled") | dict.fromkeys(dead, "ended")
        return Health(not parts, parts)

    async def _ready(self, worker: asyncpg.Pool) -> Health:
        async def database() -> None:
            async with asyncio.timeout(_PROBE_SECONDS), acquire(worker) as conn:
                await conn.execute("SELECT 1")

        async def broker() -> None:
            async with asyncio.timeout(_PROBE_SECONDS):
                await check_answers(self._address)

        names = ("database", "broker")
        answers = await asyncio.gather(database(), broker(), return_exceptions=True)
        parts = {
            name: name_of(answer) if isinstance(answer, BaseException) else "answers"
            for name, answer in zip(names, answers, strict=True)
        }
        return Health(not any(isinstance(answer, BaseException) for answer in answers), parts)

    async def _status(self, pool: asyncpg.Pool) -> ServiceStatus:
        now = self._clock.now()
        lag = await self._consumers.lag() if self._consumers is not None else {}
        async with acquire(pool) as conn:
            own = await self._definition.status(conn, now)
            said = await status_of(conn, self._settings.service, now, lag, own)
        return said if self._definition.discreet is None else discreetly(said)

    async def _under_way(self, pool: asyncpg.Pool) -> UnderWay:
        now, definition = self._clock.now(), self._definition
        lag = await self._consumers.lag() if self._consumers is not None else {}
        async with acquire(pool) as conn:
            if definition.due is not None:
                due = await definition.due(conn, now)
            else:
                due = (await definition.status(conn, now)).due
            said = await under_way(conn, self._settings.service, now, lag, due)
        return said if definition.discreet is None else under_way_discreetly(said)
