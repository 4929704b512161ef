"""Checks what holds after every fault: one fate for each event, effects once and in order."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import orjson

from schemas.envelope import Event
from schemas.identity import event_uuid
from services.runtime.consume.consumers import Consumers
from tests.stand import SLUG, Stand
from tests.waiting import wait_until


class BrokenError(AssertionError):
    """An invariant does not hold; the message names it."""


async def check(stand: Stand, said: Sequence[Event]) -> None:
    """Raise if an event is lost, has two fates or two effects, or effects are out of order."""
    await one_fate(stand, said)
    await effects_once_and_in_order(stand)


async def one_fate(stand: Stand, said: Sequence[Event]) -> None:
    """I1: each event is in the inbox xor parked xor quarantine, once."""
    accepted = {event_uuid(SLUG, "in", event.id) for event in said}
    rows = await stand.fetch("SELECT identity, state FROM runtime.inbox WHERE reader = 'in'")
    lost = accepted - {row["identity"] for row in rows}
    if lost:
        raise BrokenError(f"I1: {len(lost)} of {len(accepted)} accepted events are lost")
    applied = {row["identity"] for row in rows if row["state"] == "applied"}
    effective = {cause for cause, _, _ in await stand.effects()}
    if applied != effective:
        raise BrokenError(f"I1: {len(applied ^ effective)} events are applied without effect, or the reverse")
    if await stand.value("SELECT violations FROM status.one_fate"):
        raise BrokenError("I1: an event has not exactly one fate")


async def effects_once_and_in_order(stand: Stand) -> None:
    """I6 and once: effects and results of one subject follow its causes, none twice."""
    effects = await stand.fetch("SELECT cause, subject, place FROM effect ORDER BY position")
    twice = [cause for cause, n in Counter(row["cause"] for row in effects).items() if n > 1]
    if twice:
        raise BrokenError(f"I1: {len(twice)} events had their effect twice")
    opened: dict[str, list[int]] = {}
    for row in effects:
        opened.setdefault(row["subject"], []).append(row["place"])
    for subject, places in opened.items():
        # The announcement opens its course, wherever it stands; all others keep their order.
        if places[1:] != sorted(places[1:]):
            raise BrokenError(f"I6: effects on {subject} are out of order")
    results = await stand.fetch(
        "SELECT headers FROM runtime.outbox WHERE aggregatetype LIKE '%placements' ORDER BY position"
    )
    causes = [row["headers"]["ce_causationid"] for row in results]
    if causes != [str(row["cause"]) for row in effects]:
        raise BrokenError("I6: results do not follow their causes")


async def state_hash(stand: Stand) -> str:
    """Hash everything that rests on the input."""
    tables = [
        "SELECT id FROM course ORDER BY id",
        "SELECT cause::text, subject, n FROM effect ORDER BY position",
        "SELECT identity::text, reader, state FROM runtime.inbox ORDER BY 1, 2",
        "SELECT identity::text, waits_for FROM runtime.parked ORDER BY 1",
        'SELECT topic, "offset", code FROM runtime.quarantine ORDER BY 1, 2',
        "SELECT id::text FROM runtime.outbox WHERE aggregatetype LIKE '%placements' ORDER BY position",
    ]
    content = [[tuple(row) for row in await stand.fetch(query)] for query in tables]
    return hashlib.sha256(orjson.dumps(content)).hexdigest()


async def redelivery_changes_nothing(stand: Stand, end: int) -> None:
    """I7: everything still in the topics, once more from the beginning, leaves the state as it is."""
    before = await state_hash(stand)
    assert stand.pool is not None
    async with stand.pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT set_config('kurslotse.offset_reset', 'by an operator', true)")
        await conn.execute("UPDATE runtime.stored_offset SET next_offset = 0")
    async with stand.consuming():
        await stand.read_up_to(end)
    if await state_hash(stand) != before:
        raise BrokenError("I7: redelivery changed the state")


async def settled(consumers: Consumers, deadline: float = 20.0) -> None:
    """Wait until nothing is left to read, whatever became of it."""

    async def quiet() -> bool:
        lag = await consumers.lag()
        return bool(lag) and not any(lag.values())

    await wait_until(quiet, deadline, "no lag")
