"""Processes one batch of records in one transaction, from locking the offsets to moving them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
from aiokafka import TopicPartition

from services.runtime.base import failpoints
from services.runtime.bookkeeping import breaker, inbox, offsets
from services.runtime.bookkeeping.breaker import Fate
from services.runtime.bookkeeping.inbox import InboxStatus
from services.runtime.bookkeeping.offsets import ContiguousRecords, Gap, Group, Stored
from services.runtime.consume.context import ConsumerContext
from services.runtime.consume.handler_calls import HandlerCall
from services.runtime.consume.outcome import BatchOutcome
from services.runtime.consume.unparking import apply_unlocked
from services.runtime.consume.verdicts import decide
from services.runtime.events.records import Readable, Reading
from services.runtime.events.subscription import Subscription


@dataclass(frozen=True, slots=True)
class PolledRecord:
    """A record of a poll: its offset, and the event it holds or why it holds none."""

    offset: int
    reading: Reading


@dataclass(frozen=True, slots=True)
class Batch:
    """One poll of a subscription, parsed already: the next poll is parsed while this one is written.

    `confirmed_gaps` were seen twice and may be passed. `now` is the business time. `alone`: it is one record,
    and the next one is counted before it is read.
    """

    subscription: Subscription
    group: Group
    records: Mapping[TopicPartition, Sequence[PolledRecord]]
    confirmed_gaps: Mapping[TopicPartition, Gap]
    now: datetime
    isolate_poison: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What was committed, and what is to be done about partitions now.

    `next_offsets` are the offsets moved to, `gaps` are to be read again, `unprepared` partitions have no
    stored offset yet, `paused` ones are not read any more. `counts` counts records by outcome.
    """

    next_offsets: Mapping[TopicPartition, int]
    gaps: Mapping[TopicPartition, Gap]
    unprepared: set[TopicPartition]
    paused: set[TopicPartition]
    counts: Mapping[str, int] = field(default_factory=dict)


class TooManyCrashesError(Exception):
    """More records in a row would be set aside than may be; `cuts` says where partitions have to end."""

    def __init__(self, cuts: Mapping[TopicPartition, int]) -> None:
        super().__init__("too many records in a row make their handler fail")
        self.cuts = cuts


async def process_batch(conn: asyncpg.Connection, context: ConsumerContext, batch: Batch) -> BatchResult:
    """Do everything that happens to a batch, all of it or nothing.

    Raises:
        TooManyCrashesError: the batch has to be cut; its partition is paused there.
    """
    call = HandlerCall(batch.subscription, batch.now, batch.isolate_poison, context.crash_tries)
    await failpoints.failpoint("before_transaction")
    async with conn.transaction():
        # Fence: whoever else still holds these partitions waits for this row lock and then finds them moved.
        stored = await offsets.lock(conn, batch.group, sorted(batch.records))

        # Gaps: take only what follows the stored offset, without a record missing in between.
        contiguous = offsets.contiguous_records(batch.records, stored, batch.confirmed_gaps)

        # Inbox: events that were there before, and records that are no event, are done with here.
        outcome = context.new_outcome(batch.subscription, batch.now, in_order=True)
        new = await _new_events(conn, context, contiguous.records, outcome)

        # Decide: may the publisher send it, does it have to park, and what does the handler say.
        decision = await decide(conn, context, call, new)
        for event, verdict, keep in zip(new, decision.verdicts, decision.kept, strict=True):
            outcome.add_verdict(event, verdict, keep)

        # Write: findings, quarantine, parked events, inbox states, counts.
        await outcome.write(conn)

        # Unpark: decide what waited for something that this batch has made known.
        await apply_unlocked(conn, context, call, outcome.unlocked, parking_locked=decision.parking_locked)

        # Offset: it moves in the transaction of the effects, never before or after them.
        moved = _moved_offsets(contiguous, stored, outcome, context.crash_limit)
        paused = await _pause_after_refusals(conn, batch.group, moved, context)
        await offsets.move(conn, batch.group, moved, begun=not batch.alone)
        await failpoints.failpoint("before_commit")
    await failpoints.failpoint("after_commit")
    return BatchResult(
        contiguous.next_offsets, contiguous.gaps, contiguous.unprepared, paused, _counts(contiguous, outcome)
    )


async def _new_events(
    conn: asyncpg.Connection,
    context: ConsumerContext,
    records: Sequence[PolledRecord],
    outcome: BatchOutcome,
) -> list[Readable]:
    """Return the events seen for the first time, which are in the inbox now; add the rest to the outcome."""
    events = [record.reading for record in records if isinstance(record.reading, Readable)]
    name, key = outcome.subscription.name, context.identity_key
    statuses = iter(await inbox.remember(conn, name, events, key) if events else [])
    new: list[Readable] = []
    for record in records:
        if not isinstance(record.reading, Readable):
            outcome.add_unreadable(record.reading)
        elif (status := next(statuses)) is InboxStatus.NEW:
            new.append(record.reading)
        else:
            outcome.add_repeated(record.reading, status)
    if records:
        await failpoints.failpoint("after_inbox")
    return new


def _moved_offsets(
    contiguous: ContiguousRecords[PolledRecord],
    stored: Mapping[TopicPartition, Stored],
    outcome: BatchOutcome,
    crash_limit: int,
) -> dict[TopicPartition, Stored]:
    moved, cuts = {}, {}
    for partition, offset in contiguous.next_offsets.items():
        before = stored[partition]
        fates = sorted(outcome.fates.get((partition.topic, partition.partition), []))
        cut = breaker.first_beyond(before.crashed_in_row, fates, crash_limit)
        if cut is not None:
            cuts[partition] = cut
        moved[partition] = Stored(
            offset,
            breaker.refused_in_row(before.refused_in_row, [fate for _, fate in fates]),
            breaker.crashed_in_row(before.crashed_in_row, [fate for _, fate in fates]),
        )
    if cuts:
        raise TooManyCrashesError(cuts)
    return moved


async def _pause_after_refusals(
    conn: asyncpg.Connection, group: Group, moved: Mapping[TopicPartition, Stored], context: ConsumerContext
) -> set[TopicPartition]:
    """Pause partitions where too many records were refused, or set aside, in a row; return them."""
    tripped = {
        partition: stored
        for partition, stored in moved.items()
        if stored.refused_in_row >= context.breaker_limit or stored.crashed_in_row >= context.crash_limit
    }
    for partition, stored in tripped.items():
        detail = {
            "refused_in_row": stored.refused_in_row,
            "crashed_in_row": stored.crashed_in_row,
            "next_offset": stored.next_offset,
        }
        await breaker.pause(conn, group.name, partition, "refused_in_row", detail)
    return set(tripped)


def _counts(contiguous: ContiguousRecords[PolledRecord], outcome: BatchOutcome) -> dict[str, int]:
    crashed = sum(fate is Fate.CRASHED for fates in outcome.fates.values() for _, fate in fates)
    counts = {"redelivered": contiguous.redelivered, "crashed": crashed}
    for (_, name), n in outcome.counts.items():
        counts[name] = counts.get(name, 0) + n
    return counts
