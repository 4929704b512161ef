"""Checks against the simulator's ledger that every accepted event had its effect exactly once."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from schemas.identity import event_uuid
from schemas.topics import EVENT_TYPES, Family
from services.allocation.steering.explain.store import all_runs
from services.allocation.steering.runs.audit import verify
from services.runtime.data.db import connect
from services.simulator.doors.ledger import read_lines
from services.simulator.world.records import moment

JUDGE = {Family.IN: "allocation", Family.SUPPORT: "notifications"}


@dataclass
class Verdict:
    """What was checked and what was found wrong, one sentence each."""

    checked: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def expect(self, name: str, found: Iterable[str], checked: int) -> None:
        """Note what was checked; everything in `found` is wrong."""
        self.checked[name] += checked
        self.wrong.extend(f"{name}: {sentence}" for sentence in found)


@dataclass(frozen=True, slots=True)
class Entry:
    """An accepted event of the ledger."""

    publisher: str
    id: str
    type: str
    day: date

    @property
    def family(self) -> Family:
        return EVENT_TYPES[self.type].family

    @property
    def identity(self) -> UUID:
        return event_uuid(self.publisher, self.family, self.id)


def entries(ledger: Path) -> list[Entry]:
    """Read the ledger; each id counts once however often it was answered."""
    found = {
        (row["publisher"], row["id"]): Entry(
            row["publisher"], row["id"], row["type"], date.fromisoformat(row["day"])
        )
        for row in reversed(list(read_lines(ledger)))
        if row["type"] in EVENT_TYPES
    }
    return list(found.values())


async def check_fates(verdict: Verdict, conn: asyncpg.Connection, accepted: Sequence[Entry]) -> None:
    """I1: each accepted event is in the inbox as applied xor parked xor refused, once."""
    identities = [entry.identity for entry in accepted]
    inbox = await conn.fetch(
        "SELECT identity, state FROM runtime.inbox WHERE identity = ANY($1::uuid[]) AND state <> 'skipped'",
        identities,
    )
    parked = Counter(
        row["identity"]
        for row in await conn.fetch(
            "SELECT identity FROM runtime.parked WHERE identity = ANY($1::uuid[])", identities
        )
    )
    refused = Counter(
        row["identity"]
        for row in await conn.fetch(
            """
            SELECT identity FROM runtime.quarantine WHERE identity = ANY($1::uuid[]) AND code <> 'id_reused'
            """,
            identities,
        )
    )
    states: dict[UUID, list[str]] = {}
    for row in inbox:
        states.setdefault(row["identity"], []).append(row["state"])
    wrong = []
    for entry in accepted:
        fate = states.get(entry.identity, [])
        found = (tuple(fate), bool(parked[entry.identity]), bool(refused[entry.identity]))
        if found not in {
            (("applied",), False, False),
            (("parked",), True, False),
            (("refused",), False, True),
        }:
            wrong.append(f"{entry.publisher} {entry.id} has {found}")
    verdict.expect("I1", wrong, len(accepted))


async def check_placements(verdict: Verdict, conn: asyncpg.Connection, accepted: Sequence[Entry]) -> None:
    """Each step of a placement was taken once, and none expired over an answer that had been accepted."""
    steps = await conn.fetch("SELECT placement, to_state, version, decided_at FROM placement_step")
    versions: dict[UUID, list[int]] = {}
    reached: Counter[tuple[UUID, str]] = Counter()
    expired: dict[str, datetime] = {}
    for step in steps:
        versions.setdefault(step["placement"], []).append(step["version"])
        reached[step["placement"], step["to_state"]] += 1
        if step["to_state"] == "expired":
            expired[str(step["placement"])] = step["decided_at"]
    gaps = [f"{placement} has versions {sorted(v)}" for placement, v in versions.items() if not _whole(v)]
    verdict.expect("steps without a gap", gaps, len(versions))
    once = ("reserved", "accepted", "confirmed", "declined", "expired", "refused")
    twice = [
        f"{placement} was {state} {n} times"
        for (placement, state), n in reached.items()
        if n > 1 and state in once
    ]
    verdict.expect("steps taken once", twice, len(reached))
    answers = {entry.id: entry.day for entry in accepted if entry.id.startswith(("accept-", "decline-"))}
    late = []
    for id_, day in answers.items():
        gone = expired.get(id_.partition("-")[2])
        if gone is not None and moment(day) < gone:
            late.append(f"{id_} was accepted on {day} and the reservation expired at {gone}")
    verdict.expect("I11", late, len(answers))


async def check_seats(verdict: Verdict, conn: asyncpg.Connection) -> None:
    """I2 and I3, counted from the placements themselves."""
    seats = await conn.fetch("SELECT course, number, capacity, taken, counted FROM status.seats")
    over = [f"{row}" for row in seats if row["taken"] > row["capacity"] or row["taken"] != row["counted"]]
    verdict.expect("I2", over, len(seats))
    enrolments = await conn.fetch("SELECT participant, course_kind, n FROM status.enrolments")
    verdict.expect("I3", [f"{row}" for row in enrolments if row["n"] > 1], len(enrolments))


async def check_alerts(verdict: Verdict, conn: asyncpg.Connection, mails: Path) -> None:
    """I4 and I5: one alert a matter, one delivery a recipient, each mail known, none with two ids."""
    alerts = await conn.fetch("SELECT alert_id, matter, purpose FROM alert")
    doubled = Counter((row["matter"], row["purpose"]) for row in alerts)
    verdict.expect("I4", [f"{key} has {n} alerts" for key, n in doubled.items() if n > 1], len(alerts))
    for view in ("without_alert", "without_delivery"):
        missing = await conn.fetch(f"SELECT * FROM status.{view}")
        verdict.expect("I4", [f"{view}: {dict(row)}" for row in missing], 1)
    deliveries = await conn.fetch(
        "SELECT delivery_id, alert_id, recipient, channel, step, state, carried_by FROM delivery"
    )
    keys = Counter((r["alert_id"], r["recipient"], r["channel"], r["step"]) for r in deliveries)
    verdict.expect("I4", [f"{key} has {n} deliveries" for key, n in keys.items() if n > 1], len(keys))
    taken = list(read_lines(mails))
    known = {row["delivery_id"] for row in deliveries}
    ids = {mail["message_id"] for mail in taken}
    named = {delivery_of(mail["message_id"]) for mail in taken}
    verdict.expect("I5", [f"mail {found} belongs to no delivery" for found in named - known], len(taken))
    mails_of = {row["delivery_id"]: row["carried_by"] or row["delivery_id"] for row in deliveries}
    sent = {mails_of[row["delivery_id"]] for row in deliveries if row["state"] == "sent"}
    verdict.expect("I5", [f"delivery {lost} never reached the sink" for lost in sent - named], len(sent))
    verdict.expect("I5", ["a delivery has two ids"] if len(ids) != len(named) else [], len(ids))


async def check_runs(verdict: Verdict, address: str) -> None:
    """Every steering run with its certificate, its reasons and what would help, without the engine."""
    conn = await connect(address, name="checking-runs")
    try:
        for run in await all_runs(conn):
            checked = await verify(conn, run)
            verdict.expect("runs", checked.findings, 1)
            verdict.checked["certificates"] += checked.certificates
            verdict.checked["reasons"] += checked.reasons
            verdict.checked["remedies"] += checked.remedies
    finally:
        await conn.close()


def delivery_of(message_id: str) -> UUID | None:
    """Read the delivery's id from a Message-ID."""
    try:
        return UUID(message_id.strip("<> ").partition("@")[0])
    except ValueError:
        return None


def _whole(versions: list[int]) -> bool:
    return sorted(versions) == list(range(1, len(versions) + 1))


async def check(directory: Path, addresses: dict[str, Any]) -> Verdict:
    """Check a whole simulation: `directory` is the simulator's, `addresses` service -> database address."""
    verdict = Verdict()
    accepted = entries(directory / "ledger.jsonl")
    allocation = await asyncpg.connect(addresses["allocation"])
    notifications = await asyncpg.connect(addresses["notifications"])
    try:
        for family, conn in ((Family.IN, allocation), (Family.SUPPORT, notifications)):
            await check_fates(verdict, conn, [entry for entry in accepted if entry.family is family])
        await check_placements(verdict, allocation, accepted)
        await check_seats(verdict, allocation)
        await check_alerts(verdict, notifications, directory / "mails.jsonl")
        await check_runs(verdict, addresses["allocation"])
    finally:
        await allocation.close()
        await notifications.close()
    return verdict
