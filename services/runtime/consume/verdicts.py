"""From events to settled verdicts in one transaction: permission, order, handler, what gets unlocked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

import asyncpg

from schemas.envelope import Problem
from services.runtime.bookkeeping import parking
from services.runtime.bookkeeping.findings import Desk
from services.runtime.bookkeeping.parking import Waiting
from services.runtime.consume.handler_calls import Question, decide, subject_of
from services.runtime.consume.outcome import Settlement
from services.runtime.events import publishers as registry
from services.runtime.events.records import Readable, Reader, Unreadable
from services.runtime.events.subscription import Applied, Parked, Rejected, Subscription, Verdict

_BY_RUNTIME = frozenset({"waits_behind", "publisher_unknown"})


class _LookAgainError(Exception):
    """Something would park, but who unlocks it may just have committed: lock, then look again."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What judging needs to know of the service."""

    subscriptions: Mapping[str, Subscription]
    reader: Reader
    cluster: str
    source: str
    parked_limit: int

    def settlement(self, subscription: Subscription, now: datetime, *, watermarks: bool) -> Settlement:
        """Start to collect consequences; `watermarks` if records are judged in their order."""
        occasion = datetime.now(UTC).isoformat()
        desk = Desk(subscription.findings or "", self.source, self.cluster, occasion)
        return Settlement(subscription, desk, now, watermarks=watermarks)


async def judge(
    conn: asyncpg.Connection, bench: Bench, question: Question, events: Sequence[Readable], book: Settlement
) -> bool:
    """Decide new events and note the consequences; say whether the parking lock is held."""
    locked = False
    try:
        async with conn.transaction():
            verdicts = await _consider(conn, question, events)
            if any(isinstance(verdict, Parked) for verdict in verdicts):
                raise _LookAgainError  # noqa: TRY301 - to leave the savepoint
    except _LookAgainError:
        await parking.lock_for_parking(conn)
        locked = True
        verdicts = await _consider(conn, question, events)
    verdicts = await _within_room(conn, bench, question, events, verdicts)
    kept = await _kept(conn, question, events, verdicts)
    for number, (event, verdict) in enumerate(zip(events, verdicts, strict=True)):
        book.decided(event, verdict, kept.get(number))
    return locked


async def unlock(
    conn: asyncpg.Connection, bench: Bench, keys: set[str], now: datetime, *, locked: bool, careful: bool
) -> list[Settlement]:
    """Apply, in order, what waited for keys that have become known, and what that unlocks in turn."""
    books: list[Settlement] = []
    if keys and not locked:
        await parking.lock_for_unlocking(conn)
    while keys:
        waiting = await parking.waiting_for(conn, keys)
        keys = set()
        for name, rows in groupby(waiting, key=lambda row: row.reader):
            question = Question(bench.subscriptions[name], now, careful)
            book, moved = await try_again(conn, bench, question, list(rows))
            books.append(book)
            keys |= book.unlocks
            if moved and not locked:
                # They wait for something new, which may have been unlocked while we did not look.
                await parking.lock_for_parking(conn)
                locked = True
                keys |= moved
    return books


async def try_again(
    conn: asyncpg.Connection, bench: Bench, question: Question, rows: Sequence[Waiting], *, last: bool = False
) -> tuple[Settlement, set[str]]:
    """Decide parked events once more; `last` refuses what would still wait.

    Returns the written consequences and the keys that some events wait for instead.
    """
    book = bench.settlement(question.subscription, question.now, watermarks=False)
    readable: list[tuple[Waiting, Readable]] = []
    released: list[int] = []
    for row in rows:
        reading = bench.reader.read_attributes(row.place, row.attributes, row.data)
        if isinstance(reading, Unreadable):  # a stricter reader than the one that parked it
            released.append(row.id)
            book.refused_later(row, reading)
        else:
            readable.append((row, reading))
    verdicts = await _consider(conn, question, [reading for _, reading in readable], held=False)
    elsewhere: list[tuple[int, str]] = []
    for (row, reading), verdict in zip(readable, verdicts, strict=True):
        match verdict:
            case Applied():
                released.append(row.id)
                book.applied(reading.incoming, verdict, was="parked")
            case Rejected():
                released.append(row.id)
                book.refused(reading.incoming, verdict.problem)
            case Parked() if last:
                released.append(row.id)
                book.refused(reading.incoming, _waited_too_long(row.problem))
            case Parked():
                if verdict.waits_for != row.waits_for:
                    elsewhere.append((row.id, verdict.waits_for))
    await parking.release(conn, released)
    await parking.wait_for_other(conn, elsewhere)
    await book.write(conn)
    return book, {key for _, key in elsewhere}


def _waited_too_long(problem: Problem) -> Problem:
    return Problem(problem.code, problem.field, {**problem.params, "waited": "too_long"})


async def _consider(
    conn: asyncpg.Connection, question: Question, events: Sequence[Readable], *, held: bool = True
) -> list[Verdict]:
    """Return a verdict for each event: first whether it may be sent at all, then in order, by the handler."""
    slugs = {event.incoming.publisher for event in events if event.incoming.publisher is not None}
    known = await registry.permissions(conn, slugs) if slugs else {}
    verdicts: dict[int, Verdict] = {}
    allowed: list[int] = []
    for number, event in enumerate(events):
        objection = registry.objection(event.incoming, known)
        if objection is None:
            allowed.append(number)
        else:
            verdicts[number] = objection
    incoming = [events[number].incoming for number in allowed]
    subjects = {}
    if held and incoming and await parking.any_parked(conn, question.subscription.name):
        subjects = await parking.held_subjects(
            conn, question.subscription.name, (subject_of(event) for event in incoming)
        )
    verdicts |= zip(allowed, await decide(conn, question, incoming, subjects), strict=True)
    return [verdicts[number] for number in range(len(events))]


async def _within_room(
    conn: asyncpg.Connection,
    bench: Bench,
    question: Question,
    events: Sequence[Readable],
    verdicts: Sequence[Verdict],
) -> list[Verdict]:
    """Refuse what would park beyond a publisher's room."""
    room: dict[str, int] = {}
    result: list[Verdict] = []
    for event, verdict in zip(events, verdicts, strict=True):
        if not isinstance(verdict, Parked):
            result.append(verdict)
            continue
        topic = event.incoming.place.topic
        if topic not in room:
            room[topic] = await parking.room_left(conn, question.subscription.name, topic, bench.parked_limit)
        room[topic] -= 1
        full = Rejected(Problem("parking_full", params={"limit": bench.parked_limit}))
        result.append(verdict if room[topic] >= 0 else full)
    return result


async def _kept(
    conn: asyncpg.Connection, question: Question, events: Sequence[Readable], verdicts: Sequence[Verdict]
) -> dict[int, bytes]:
    """Ask what may be stored of the events that the runtime parks without having asked the handler."""
    keep = question.subscription.keep
    numbers = [
        number
        for number, verdict in enumerate(verdicts)
        if isinstance(verdict, Parked) and verdict.problem.code in _BY_RUNTIME
    ]
    if keep is None or not numbers:
        return {}
    data = await keep(conn, [events[number].incoming for number in numbers])
    return {number: kept for number, kept in zip(numbers, data, strict=True) if kept is not None}
