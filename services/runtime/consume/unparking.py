"""Decides parked events again when what they wait for has become known, in their order."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import asyncpg

from schemas.envelope import Problem
from services.runtime.base.failures import name_of
from services.runtime.bookkeeping import parking
from services.runtime.bookkeeping.parking import ParkedEvent
from services.runtime.consume.context import ConsumerContext
from services.runtime.consume.handler_calls import HandlerCall
from services.runtime.consume.outcome import BatchOutcome
from services.runtime.consume.verdicts import verdicts_on
from services.runtime.events.records import Readable, Unreadable
from services.runtime.events.subscription import Applied, Parked, Rejected


async def apply_unlocked(
    conn: asyncpg.Connection,
    context: ConsumerContext,
    call: HandlerCall,
    keys: set[str],
    *,
    parking_locked: bool,
) -> None:
    """Decide what waits for keys that have become known, and what that makes known in turn.

    Parked events of all subscriptions may wait for a key; `call` says when and how theirs are called.
    """
    if keys and not parking_locked:
        await parking.lock_for_unlocking(conn)
    while keys:
        waiting = await parking.waiting_for(conn, keys)
        keys = set()
        for name, rows in groupby(waiting, key=lambda row: row.reader):
            theirs = replace(call, subscription=context.subscriptions[name])
            outcome, moved = await retry_parked(conn, context, theirs, list(rows))
            keys |= outcome.unlocked
            if moved and not parking_locked:
                # They wait for another key now, which may have been made known since it was looked for.
                await parking.lock_for_parking(conn)
                parking_locked = True
                keys |= moved


async def retry_parked(
    conn: asyncpg.Connection,
    context: ConsumerContext,
    call: HandlerCall,
    rows: Sequence[ParkedEvent],
    *,
    last: bool = False,
) -> tuple[BatchOutcome, set[str]]:
    """Decide parked events once more and write what comes of it; `last` rejects what would still wait.

    Returns the outcome, and the keys that some of the events wait for instead.
    """
    outcome = context.new_outcome(call.subscription, call.now, in_order=False)
    readable: list[tuple[ParkedEvent, Readable]] = []
    done: list[int] = []
    for row in rows:
        reading = _read(context, row)
        if isinstance(reading, Unreadable):  # today's reader is stricter than the one that parked it
            done.append(row.id)
            outcome.add_unreadable_parked(row, reading)
        else:
            readable.append((row, reading))
    verdicts = await verdicts_on(conn, call, [reading for _, reading in readable], behind_parked=False)
    moved: list[tuple[int, str]] = []
    for (row, reading), verdict in zip(readable, verdicts, strict=True):
        match verdict:
            case Applied():
                done.append(row.id)
                outcome.add_applied(reading.incoming, verdict, was_parked=True)
            case Rejected():
                done.append(row.id)
                outcome.add_rejected(reading.incoming, verdict.problem)
            case Parked() if last:
                done.append(row.id)
                outcome.add_rejected(reading.incoming, _waited_too_long(row.problem))
            case Parked():
                if verdict.waits_for != row.waits_for:
                    moved.append((row.id, verdict.waits_for))
    await parking.remove(conn, done)
    await parking.change_awaited_keys(conn, moved)
    await outcome.write(conn)
    return outcome, {key for _, key in moved}


def _read(context: ConsumerContext, row: ParkedEvent) -> Readable | Unreadable:
    """Parse a parked event; one on which the parser fails is refused, for parsing again would not help."""
    try:
        return context.reader.read_attributes(row.position, row.attributes, row.data)
    except Exception as error:  # noqa: BLE001 - a fault of ours that must not keep the others waiting
        return context.reader.set_aside(row.position, times=1, error=name_of(error))


def _waited_too_long(problem: Problem) -> Problem:
    return Problem(problem.code, problem.field, {**problem.params, "waited": "too_long"})
