"""Asks a handler for verdicts: keeps the order of parked subjects and finds the record that is to blame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from schemas.envelope import Problem
from services.runtime.base.failures import Meaning, meaning_of
from services.runtime.events.subscription import Incoming, Parked, Rejected, Subscription, Verdict

Subject = tuple[str, str]  # topic and subject: no order between topics is ever relied upon


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a handler, and how."""

    subscription: Subscription
    now: datetime
    careful: bool = False  # check deferred constraints too: something failed only at the commit


class _OvertakenError(Exception):
    """Some events were decided although an earlier one of their subject has to wait: to be rolled back."""

    def __init__(self, late: dict[int, str]) -> None:
        super().__init__("overtaken")
        self.late = late


async def decide(
    conn: asyncpg.Connection, question: Question, events: Sequence[Incoming], held: Mapping[Subject, str]
) -> list[Verdict]:
    """Return a verdict for each event.

    `held` names subjects with parked events and what they wait for: events of these park behind, unless
    they open just that. The same holds for events that come after one that parks here.
    """
    behind: dict[int, str] = {}
    for number, event in enumerate(events if held else ()):
        waits_for = held.get(subject_of(event))
        if waits_for is not None and waits_for not in question.subscription.opens(event):
            behind[number] = waits_for
    splitting = False
    while True:
        free = [number for number in range(len(events)) if number not in behind]
        try:
            async with conn.transaction():
                chosen = [events[number] for number in free]
                verdicts = await (_split if splitting else _ask)(conn, question, chosen)
                late = _overtaken(question, events, dict(zip(free, verdicts, strict=True)))
                if late:
                    raise _OvertakenError(late)  # noqa: TRY301 - to leave the savepoint
        except _OvertakenError as overtaken:
            behind |= overtaken.late
        except Exception as error:
            if splitting or meaning_of(error, connection_dead=conn.is_closed()) is not Meaning.CULPRIT:
                raise
            splitting = True
        else:
            decided: dict[int, Verdict] = dict(zip(free, verdicts, strict=True))
            return [
                decided[number] if number in decided else Parked(behind[number], Problem("waits_behind"))
                for number in range(len(events))
            ]


def subject_of(event: Incoming) -> Subject:
    """Return what an event is about, within its topic."""
    return event.place.topic, event.subject


async def _ask(conn: asyncpg.Connection, question: Question, events: Sequence[Incoming]) -> Sequence[Verdict]:
    if not events:
        return []
    verdicts = await question.subscription.handler(conn, events, question.now)
    if len(verdicts) != len(events):
        msg = f"handler of {question.subscription.name}: {len(verdicts)} verdicts for {len(events)} events"
        raise RuntimeError(msg)
    if question.careful:
        await conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return verdicts


async def _split(conn: asyncpg.Connection, question: Question, events: Sequence[Incoming]) -> list[Verdict]:
    """Ask half by half until the event that the database refuses stands alone."""
    try:
        async with conn.transaction():
            return list(await _ask(conn, question, events))
    except Exception as error:
        if meaning_of(error, connection_dead=conn.is_closed()) is not Meaning.CULPRIT:
            raise
        if len(events) == 1:
            sqlstate = getattr(error, "sqlstate", None) or "22000"
            return [Rejected(Problem("refused_by_database", params={"sqlstate": sqlstate}))]
    middle = len(events) // 2
    return await _split(conn, question, events[:middle]) + await _split(conn, question, events[middle:])


def _overtaken(
    question: Question, events: Sequence[Incoming], verdicts: Mapping[int, Verdict]
) -> dict[int, str]:
    """Find events decided after one of their subject parked, unless they open what that waits for."""
    waiting: dict[Subject, str] = {}
    late: dict[int, str] = {}
    if not any(isinstance(verdict, Parked) for verdict in verdicts.values()):
        return late
    for number in sorted(verdicts):
        event, verdict = events[number], verdicts[number]
        subject = subject_of(event)
        if isinstance(verdict, Parked):
            waiting.setdefault(subject, verdict.waits_for)
        elif subject in waiting and waiting[subject] not in question.subscription.opens(event):
            late[number] = waiting[subject]
    return late
