"""Runs looked at again: solved once more and compared byte by byte, or checked without the engine."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from services.allocation.steering import (
    check_reasons,
    check_remedies,
    check_run,
    explained,
    matching,
    snapshot,
    store,
)
from services.allocation.steering.eligibility import eligibility_of
from services.allocation.steering.matching import ENGINE
from services.allocation.steering.reasons import explain
from services.allocation.steering.resolve import values_again
from services.allocation.steering.worker import solve


@dataclass(frozen=True, slots=True)
class Same:
    """The engine gives the same bytes again."""

    run: UUID
    sha256: str


@dataclass(frozen=True, slots=True)
class Different:
    """The engine gives other bytes.

    Where that is no wonder (another engine then, or a run cut by the clock) the stored result is checked
    without the engine instead: `findings` is empty if it holds.
    """

    run: UUID
    stored: str
    replayed: str
    why: str | None
    """The engine of then, or `clock`; None: the same engine, uncut, should have given the same."""
    findings: tuple[str, ...] = ()

    @property
    def harmless(self) -> bool:
        """Say whether the stored result holds and its difference is explained."""
        return self.why is not None and not self.findings


async def replay(conn: asyncpg.Connection, run: UUID) -> Same | Different:
    """Solve the stored snapshot of a run again.

    Raises:
        LookupError: there is no such run.
        ValueError: the stored snapshot does not match its name.
    """
    seen, result, engine = await store.run_of(conn, run)
    raw = await _stored(conn, seen)
    again = snapshot.address(solve(raw).result)
    if again == result:
        return Same(run, result.hex())
    try:
        clock = matching.decode(await _stored(conn, result)).cut == "clock"
    except ValueError as error:
        return Different(run, result.hex(), again.hex(), None, (f"result: {error}",))
    why = engine if engine != ENGINE else "clock" if clock else None
    found = () if why is None else (await verify(conn, run)).findings
    return Different(run, result.hex(), again.hex(), why, found)


@dataclass(frozen=True, slots=True)
class Verified:
    """What an independent check has found about a run, and how much it has looked at."""

    run: UUID
    findings: tuple[str, ...]
    certificates: int
    reasons: int
    remedies: int


async def _stored(conn: asyncpg.Connection, name: bytes) -> bytes:
    return snapshot.unpack(await store.content(conn, name), name)


async def verify(conn: asyncpg.Connection, run: UUID, *, resolve: bool = False) -> Verified:
    """Check a stored run: result, certificate, everybody's main reason, and the remedies that rest on it.

    Reasons are told again from what is stored, and have to be those that stand beside the people whom the
    run told last. With `resolve` the engine solves again for the started courses, to compare every goal.

    Raises:
        LookupError: there is no such run.
        ValueError: what is stored does not match its name, or is of another form.
    """
    names = await explained.contents_of(conn, run)
    raw, result = await _stored(conn, names.snapshot), await _stored(conn, names.result)
    certificate = None if names.certificate is None else await _stored(conn, names.certificate)
    seen, answer = snapshot.decode(raw), matching.decode(result)
    found = check_run.findings(raw, result, certificate)
    told = [
        {"person": str(one.person), "code": one.main.code, "params": dict(one.main.params)}
        for one in explain(seen, eligibility_of(seen), answer)
    ]
    if certificate is not None:
        found += check_reasons.findings(raw, result, certificate, told)
    by_person = {one["person"]: one for one in told}
    for row in await explained.reasons_of(conn, run):
        if by_person.get(row["person"]) != row:
            found.append(f"reason: {row['person']} is shown {row['code']}, which the run does not say")
    remedies = await explained.remedies_of_run(conn, run)
    if remedies:
        found += check_remedies.findings(raw, result, remedies)
    if resolve and (again := values_again(seen, answer)) != tuple(tier.value for tier in answer.tiers):
        found.append(f"resolve: solved again the goals have {again}")
    return Verified(run, tuple(found), int(certificate is not None), len(told), len(remedies))
