"""Checks stored runs without the engine: reads all that is stored of one and checks it in processes."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from services.allocation.steering.explain import store as explanation_store
from services.allocation.steering.explain.reasons import explain
from services.allocation.steering.explain.resolve import values_again
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.eligibility import eligibility_of
from services.checker import reasons as check_reasons
from services.checker import remedies as check_remedies
from services.checker import run as check_run


@dataclass(frozen=True, slots=True)
class Stored:
    """All that is stored of a run."""

    run: UUID
    snapshot: bytes
    result: bytes
    certificate: bytes | None
    remedies: bytes | None
    """As they were found, JSON; None: they were never looked for."""
    reasons_shown: Sequence[dict[str, Any]]
    """Those that still stand beside people and come from this run."""
    remedies_shown: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Verified:
    """Findings of an independent check of a run, and how much it has checked."""

    run: UUID
    findings: tuple[str, ...]
    certificates: int = 0
    reasons: int = 0
    remedies: int = 0
    made_by: str | None = None
    """The version it was made by, if that is another one than today's: its rules may have meant otherwise."""


async def content(conn: asyncpg.Connection, name: bytes) -> bytes:
    """Return what is stored under a name.

    Raises:
        LookupError: nothing.
        ValueError: other bytes than those it stands for.
    """
    return snapshot.unpack(await explanation_store.content(conn, name), name)


async def stored(conn: asyncpg.Connection, run: UUID) -> Stored:
    """Read a run, all of it as of one moment.

    Raises:
        LookupError: there is no such run.
        ValueError: what is stored does not match its name.
    """
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        names = await explanation_store.contents_of(conn, run)
        return Stored(
            run,
            await content(conn, names.snapshot),
            await content(conn, names.result),
            None if names.certificate is None else await content(conn, names.certificate),
            None if names.remedies is None else await content(conn, names.remedies),
            await explanation_store.reasons_of(conn, run),
            await explanation_store.remedies_of_run(conn, run),
        )


def check(run: Stored, *, resolve: bool = False) -> Verified:
    """Check a stored run: result, certificate, everybody's main reason, and the remedies that rest on it.

    Reasons are told again from what is stored, and have to be those that stand beside the people whom the
    run told last. With `resolve` the engine solves again for the started courses, to compare every goal.

    Raises:
        ValueError: something is of another form.
    """
    seen, answer = snapshot.decode(run.snapshot), matching.decode(run.result)
    certificates = int(run.certificate is not None)
    made_by = None if answer.engine == matching.ENGINE else answer.engine
    read = check_run.Run(run.snapshot, run.result)
    found = check_run.of_run(read, run.certificate)
    try:
        told = [
            {"person": str(one.person), "code": one.main.code, "params": dict(one.main.params)}
            for one in explain(seen, eligibility_of(seen), answer)
        ]
    except (ValueError, LookupError):  # a forged result need not be one that can be explained
        found.append("reason: none can be told from this result")
        return Verified(run.run, tuple(found), certificates, made_by=made_by)
    if run.certificate is not None:
        found += check_reasons.of_run(read, run.certificate, told)
    by_person = {one["person"]: one for one in told}
    for row in run.reasons_shown:
        if by_person.get(row["person"]) != row:
            found.append(f"reason: {row['person']} is shown {row['code']}, which the run does not say")
    remedies = run.remedies_shown if run.remedies is None else orjson.loads(run.remedies)
    if remedies:
        found += check_remedies.of_run(read, remedies)
    if run.remedies is not None:
        found += _shown(run.remedies_shown, remedies)
    if resolve and (again := values_again(seen, answer)) != tuple(tier.value for tier in answer.tiers):
        found.append(f"resolve: solved again the goals have {again}")
    return Verified(run.run, tuple(found), certificates, len(told), len(remedies), made_by)


def _shown(rows: Sequence[dict[str, Any]], remedies: Sequence[dict[str, Any]]) -> list[str]:
    """Name the people who are shown another remedy than was found for them."""
    by_person = {one["person"]: one for one in remedies}
    return [
        f"remedy: {row['person']} is shown {row['code']}, which was not found"
        for row in rows
        if not row.items() <= by_person.get(row["person"], {}).items()
    ]


async def verify_each(
    conn: asyncpg.Connection, runs: Iterable[UUID], jobs: int, *, resolve: bool = False
) -> AsyncIterator[Verified]:
    """Check runs in so many processes, yield what was found in their order; a run that is gone is left out.

    Damage to what is stored is a finding.
    """
    loop = asyncio.get_running_loop()
    ahead = deque[Awaitable[Verified]]()
    with _pool(jobs) as pool:
        for run in runs:
            try:
                read = await stored(conn, run)
            except LookupError:
                continue
            except ValueError as error:
                ahead.append(_found(run, f"stored: {error}"))
                continue
            ahead.append(loop.run_in_executor(pool, partial(_checked, read, resolve=resolve)))
            if len(ahead) > 2 * jobs:
                yield await ahead.popleft()
        while ahead:
            yield await ahead.popleft()


def _pool(jobs: int) -> Executor:
    spawn = multiprocessing.get_context("spawn")
    return ThreadPoolExecutor(1) if jobs == 1 else ProcessPoolExecutor(jobs, spawn)


async def _found(run: UUID, finding: str) -> Verified:
    return Verified(run, (finding,))


def _checked(read: Stored, *, resolve: bool) -> Verified:
    try:
        return check(read, resolve=resolve)
    except (ValueError, LookupError, TypeError) as error:  # a forged part need not have the form of one
        return Verified(read.run, (f"stored: {type(error).__name__} {error}",))


async def verify(conn: asyncpg.Connection, run: UUID, *, resolve: bool = False) -> Verified:
    """Read a run and check it; see `stored` and `check`."""
    return check(await stored(conn, run), resolve=resolve)
