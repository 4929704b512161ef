"""Part 1: how fast attendance is read, next to a bare loop that runs the same SQL."""

import asyncio
import pstats
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import asyncpg
import orjson

from tests.benchmarks.classes import (
    CLASS,
    LONGEST_DAYS,
    class_days,
    courses_of,
    drop_topics,
    know_courses,
    know_publishers,
    make_topics,
    produce,
    providers,
)
from tests.benchmarks.stage import Stage, cpu_seconds, free_port, process, say
from tests.serving import Servers

PROVIDERS, COURSES_EACH = 6, 10
OURS = ["-m", "services.cli", "run", "notifications", "--roles", "consume"]
BARE = ["-m", "tests.benchmarks.bare"]
_LOOK_EVERY = 0.02
_PATIENCE = 600.0
_ENOUGH = 3_000  # events in which every statement has been sent
_NOT_OF_A_BATCH = ("SAVEPOINT", "RELEASE", "ROLLBACK TO", "INSERT INTO runtime.stored_offset")


@dataclass(frozen=True, slots=True)
class Run:
    """One run, measured from the first committed batch to the last."""

    events: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        return self.events / self.seconds


@dataclass(frozen=True, slots=True)
class Reading:
    """The topics as filled, to be read again and again."""

    stage: Stage
    events: int

    async def run(self, command: list[str], until: int | None = None) -> Run:
        """Have a process read everything, or at least so many events, into a fresh database."""
        async with self.stage.database() as database:
            watch = await asyncpg.connect(database.admin)
            env = self.stage.environment(database, ops=free_port())
            try:
                async with process(command, env) as started:
                    run = await self._measure(watch, started, min(until or self.events, self.events))
                if until is None:
                    await self._check(watch)
                return run
            finally:
                await watch.close()

    async def _measure(
        self, watch: asyncpg.Connection, started: asyncio.subprocess.Process, until: int
    ) -> Run:
        group = f"{self.stage.prefix}kurslotse.notifications.support"
        begun: tuple[int, float, float] | None = None
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and started.returncode is None:
            done = await watch.fetchval(
                "SELECT coalesce(sum(next_offset), 0)::bigint FROM runtime.stored_offset"
                " WHERE consumer_group = $1",
                group,
            )
            now = time.monotonic()
            if done and begun is None:
                begun = (done, now, cpu_seconds(started.pid))
            if begun is not None and done >= until:
                return Run(done - begun[0], now - begun[1], cpu_seconds(started.pid) - begun[2])
            await asyncio.sleep(_LOOK_EVERY)
        raise RuntimeError("not everything was read")

    async def _check(self, watch: asyncpg.Connection) -> None:
        """See that the work was done, and durably."""
        row = await watch.fetchrow(
            "SELECT (SELECT count(*) FROM course_day) AS days, (SELECT count(*) FROM attendance) AS marks,"
            " (SELECT count(*) FROM runtime.inbox) AS seen, current_setting('synchronous_commit') AS durable"
        )
        if row is None or tuple(row) != (self.events, self.events * CLASS, self.events, "on"):
            raise RuntimeError(f"not what was to be written: {row}")


async def attendance(servers: Servers, *, events: int, pairs: int, profile: bool) -> None:
    """Measure and print."""
    stage, slugs = Stage(servers), providers(PROVIDERS)
    courses = courses_of(slugs, COURSES_EACH)
    today = datetime.now(UTC).date()

    async def fill(conn: asyncpg.Connection) -> None:
        await know_publishers(conn, slugs)
        await know_courses(conn, courses, today)

    say(f"Attendance path: {events:,} events of {CLASS} entries, {len(courses)} courses, {PROVIDERS} topics")
    try:
        await stage.prepare(fill)
        await make_topics(servers, stage.prefix, slugs)
        await produce(
            servers, class_days(stage.prefix, courses, today - timedelta(days=LONGEST_DAYS), events)
        )
        reading = Reading(stage, events)
        with tempfile.TemporaryDirectory() as folder:
            await _compare_statements(reading, Path(folder))
            if profile:
                await _profile(reading, Path(folder))
        if pairs:
            await _alternate(reading, pairs)
    finally:
        await stage.close()
        await asyncio.to_thread(drop_topics, servers, stage.prefix)


async def _alternate(reading: Reading, pairs: int) -> None:
    ours: list[Run] = []
    bare: list[Run] = []
    for _ in range(pairs):
        for name, command, runs in (("kurslotse", OURS, ours), ("bare loop", BARE, bare)):
            runs.append(run := await reading.run(command))
            say(
                f"  {name}  {run.rate:7,.0f} events/s  {run.rate * CLASS:9,.0f} entries/s"
                f"  {run.seconds:5.1f} s, process' own CPU {run.cpu:5.1f} s"
                f" ({1e6 * run.cpu / run.events:4.0f} us an event)"
            )
    for name, runs in (("kurslotse", ours), ("bare loop", bare)):
        rate = median(run.rate for run in runs)
        say(f"  {name}  median {rate:,.0f} events/s = {rate * CLASS:,.0f} attendance entries/s")
    ratios = [a.rate / b.rate for a, b in zip(ours, bare, strict=True)]
    say(
        f"  ratio kurslotse : bare loop, {pairs} pairs:"
        f" min {min(ratios):.2f}  median {median(ratios):.2f}  max {max(ratios):.2f}"
    )
    cpu = [(b.cpu / b.events) / (a.cpu / a.events) for a, b in zip(ours, bare, strict=True)]
    say(f"  the same by the processes' own CPU: median {median(cpu):.2f}")


async def _compare_statements(reading: Reading, folder: Path) -> None:
    """Let both be watched by asyncpg's query logger: what they send must be the same."""
    sent = {}
    for name, command in (("ours", OURS), ("bare", BARE)):
        file = folder / name
        await reading.run(["-m", "tests.benchmarks.observed", "statements", str(file), *command[1:]], _ENOUGH)
        sent[name] = {
            statement
            for statement, n in orjson.loads(file.read_bytes()).items()
            if n > 1 and not statement.startswith(_NOT_OF_A_BATCH)
        }
    if sent["ours"] == sent["bare"]:
        say(f"  statements of a batch, as asyncpg's query logger saw them: the same {len(sent['ours'])}")
        return
    for name, other in (("ours", "bare"), ("bare", "ours")):
        for statement in sorted(sent[name] - sent[other]):
            say(f"  ONLY {name}: {statement}")


async def _profile(reading: Reading, folder: Path) -> None:
    file = folder / "profile"
    await reading.run(["-m", "tests.benchmarks.observed", "profile", str(file), *OURS[1:]])
    stats = pstats.Stats(str(file))
    stats.sort_stats("tottime").print_stats(35)
    stats.sort_stats("cumulative").print_stats(60)
