"""Calls a subscription's handler: keeps parked subjects in order, isolates events on which it fails."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from schemas.envelope import Problem
from services.runtime.base.failures import Meaning, meaning_of, name_of
from services.runtime.data.savepoints import savepoint
from services.runtime.events.subscription import Incoming, Parked, Rejected, Subject, Subscription, Verdict

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HandlerCall:
    """Which handler is called, at which business time.

    `isolate_poison` checks deferred constraints after each call. It is set when a batch failed only at
    its commit, which does not tell which event is to blame. An event on which the handler fails is tried
    `tries` times alone.
    """

    subscription: Subscription
    now: datetime
    isolate_poison: bool = False
    tries: int = 3


async def call_handler(
    conn: asyncpg.Connection, call: HandlerCall, events: Sequence[Incoming], held: Mapping[Subject, str]
) -> list[Verdict]:
    """Return a verdict for each event, in the same order.

    `held` maps subjects with parked events to the key that the first of these waits for. Further events of
    such a subject park behind it, unless they would make just that key known. The same holds for events
    that follow one which parks in this batch: the handler is then called again without them.
    """
    behind = _behind_parked(call, events, held) if held else {}
    while True:
        free = [number for number in range(len(events)) if number not in behind]
        async with savepoint(conn) as attempt:
            verdicts = await _verdicts(conn, call, [events[number] for number in free])
            decided = dict(zip(free, verdicts, strict=True))
            overtaking = _overtaking(call, events, decided)
            if overtaking:
                attempt.undo()
        if not overtaking:
            break
        behind |= overtaking
    return [
        decided[number] if number in decided else Parked(behind[number], Problem("waits_behind"))
        for number in range(len(events))
    ]


def _behind_parked(
    call: HandlerCall, events: Sequence[Incoming], held: Mapping[Subject, str]
) -> dict[int, str]:
    behind: dict[int, str] = {}
    for number, event in enumerate(events):
        key = held.get(event.subject_in_topic)
        if key is not None and not _may_pass(call, event, key):
            behind[number] = key
    return behind


async def _verdicts(conn: asyncpg.Connection, call: HandlerCall, events: Sequence[Incoming]) -> list[Verdict]:
    """Call the handler; where it fails on a value, halve until the event to blame stands alone."""
    if not events:
        return []
    failed: Exception | None = None
    for _ in range(call.tries if len(events) == 1 else 1):
        try:
            async with conn.transaction():
                return await _call(conn, call, events)
        except Exception as error:
            match meaning_of(error, connection_dead=conn.is_closed()):
                case Meaning.CRASH:
                    failed = error
                case Meaning.POISON:
                    failed = error
                    break
                case Meaning.TRANSIENT | Meaning.FATAL:
                    raise
    if len(events) == 1:
        return [Rejected(_problem_of(failed, call, events[0]))]
    middle = len(events) // 2
    return await _verdicts(conn, call, events[:middle]) + await _verdicts(conn, call, events[middle:])


def _problem_of(error: Exception | None, call: HandlerCall, event: Incoming) -> Problem:
    if error is None or meaning_of(error, connection_dead=False) is Meaning.POISON:
        return Problem(
            "refused_by_database", params={"sqlstate": getattr(error, "sqlstate", None) or "22000"}
        )
    position = event.position
    log.error(
        "ALARM: an event makes its handler fail and is set aside",
        exc_info=error,
        extra={
            "subscription": call.subscription.name,
            "error": name_of(error),
            "topic": position.topic,
            "partition": position.partition,
            "offset": position.offset,
        },
    )
    return Problem("refused_after_crashes", params={"times": call.tries, "error": name_of(error)})


async def _call(conn: asyncpg.Connection, call: HandlerCall, events: Sequence[Incoming]) -> list[Verdict]:
    verdicts = await call.subscription.handler(conn, events, call.now)
    if len(verdicts) != len(events):
        msg = f"handler of {call.subscription.name}: {len(verdicts)} verdicts for {len(events)} events"
        raise RuntimeError(msg)
    if call.isolate_poison:
        await conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return list(verdicts)


def _overtaking(
    call: HandlerCall, events: Sequence[Incoming], verdicts: Mapping[int, Verdict]
) -> dict[int, str]:
    """Find events decided after one of their subject parked, with the key that one waits for.

    An event that would make just that key known may overtake.
    """
    waiting: dict[Subject, str] = {}
    overtaking: dict[int, str] = {}
    if not any(isinstance(verdict, Parked) for verdict in verdicts.values()):
        return overtaking
    for number in sorted(verdicts):
        event, verdict = events[number], verdicts[number]
        subject = event.subject_in_topic
        if isinstance(verdict, Parked):
            waiting.setdefault(subject, verdict.waits_for)
        elif subject in waiting and not _may_pass(call, event, waiting[subject]):
            overtaking[number] = waiting[subject]
    return overtaking


def _may_pass(call: HandlerCall, event: Incoming, key: str) -> bool:
    """Return whether an event is decided before those of its subject that wait for this key."""
    return call.subscription.overtakes(event) or key in call.subscription.opens(event)
