"""Decides new events: permission of the publisher, parked subjects, the handler, room for parked events."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from schemas.envelope import Problem
from services.runtime.bookkeeping import parking
from services.runtime.consume.context import ConsumerContext
from services.runtime.consume.handler_calls import HandlerCall, call_handler
from services.runtime.data.savepoints import savepoint
from services.runtime.events import publishers
from services.runtime.events.records import Readable
from services.runtime.events.subscription import Parked, Rejected, Verdict

_PARKED_BY_RUNTIME = frozenset({"waits_behind", "publisher_unknown"})


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict for each event, and for each the data to keep of it (None: all of it).

    `parking_locked` says whether the transaction holds the lock for parking.
    """

    verdicts: Sequence[Verdict]
    kept: Sequence[bytes | None]
    parking_locked: bool


async def decide(
    conn: asyncpg.Connection, context: ConsumerContext, call: HandlerCall, events: Sequence[Readable]
) -> Decision:
    """Decide events that are seen for the first time.

    An event that would park may wait for something that another transaction is making known just now. So
    the lock for parking is taken and all is decided again on what has been committed by then.
    """
    async with savepoint(conn) as first:
        verdicts = await verdicts_on(conn, call, events)
        if any(isinstance(verdict, Parked) for verdict in verdicts):
            first.undo()
    if first.undone:
        await parking.lock_for_parking(conn)
        verdicts = await verdicts_on(conn, call, events)
        verdicts = await _within_room(conn, context, call, events, verdicts)
    return Decision(verdicts, await _kept(conn, call, events, verdicts), first.undone)


async def verdicts_on(
    conn: asyncpg.Connection, call: HandlerCall, events: Sequence[Readable], *, behind_parked: bool = True
) -> list[Verdict]:
    """Return a verdict for each event: by the publisher's permission first, then by the handler.

    `behind_parked`: events of a subject that has parked events park behind these.
    """
    slugs = {event.incoming.publisher for event in events if event.incoming.publisher is not None}
    known = await publishers.permissions(conn, slugs) if slugs else {}
    verdicts: dict[int, Verdict] = {}
    allowed: list[int] = []
    for number, event in enumerate(events):
        objection = publishers.objection(event.incoming, known)
        if objection is None:
            allowed.append(number)
        else:
            verdicts[number] = objection
    incoming = [events[number].incoming for number in allowed]
    held = {}
    if behind_parked and incoming and await parking.any_parked(conn, call.subscription.name):
        subjects = (event.subject_in_topic for event in incoming)
        held = await parking.held_subjects(conn, call.subscription.name, subjects)
    verdicts |= zip(allowed, await call_handler(conn, call, incoming, held), strict=True)
    return [verdicts[number] for number in range(len(events))]


async def _within_room(
    conn: asyncpg.Connection,
    context: ConsumerContext,
    call: HandlerCall,
    events: Sequence[Readable],
    verdicts: Sequence[Verdict],
) -> list[Verdict]:
    """Reject what would park beyond the limit of its topic."""
    room: dict[str, int] = {}
    result: list[Verdict] = []
    full = Rejected(Problem("parking_full", params={"limit": context.parked_limit}))
    for event, verdict in zip(events, verdicts, strict=True):
        if not isinstance(verdict, Parked):
            result.append(verdict)
            continue
        topic = event.incoming.position.topic
        if topic not in room:
            room[topic] = await parking.room_left(conn, call.subscription.name, topic, context.parked_limit)
        room[topic] -= 1
        result.append(verdict if room[topic] >= 0 else full)
    return result


async def _kept(
    conn: asyncpg.Connection, call: HandlerCall, events: Sequence[Readable], verdicts: Sequence[Verdict]
) -> list[bytes | None]:
    """Return the data to keep of each event: the handler's word, or the subscription's where it had none."""
    kept = [verdict.keep if isinstance(verdict, Parked) else None for verdict in verdicts]
    unasked = [
        number
        for number, verdict in enumerate(verdicts)
        if isinstance(verdict, Parked) and verdict.problem.code in _PARKED_BY_RUNTIME
    ]
    if call.subscription.keep is not None and unasked:
        reduced = await call.subscription.keep(conn, [events[number].incoming for number in unasked])
        for number, data in zip(unasked, reduced, strict=True):
            kept[number] = data
    return kept
