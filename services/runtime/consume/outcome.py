"""Collects the consequences of verdicts (findings, quarantine, parking, counts) and writes them in sets."""

from collections import Counter
from collections.abc import Sequence
from typing import assert_never
from uuid import UUID

import asyncpg

from schemas.codes import FindingKind
from schemas.envelope import Problem
from services.runtime.bookkeeping import inbox, parking, quarantine
from services.runtime.bookkeeping.breaker import Fate
from services.runtime.bookkeeping.findings import FindingsWriter
from services.runtime.bookkeeping.inbox import InboxStatus
from services.runtime.bookkeeping.parking import EventToPark, ParkedEvent
from services.runtime.events.records import Readable, Unreadable
from services.runtime.events.subscription import (
    Applied,
    Incoming,
    Parked,
    RecordPosition,
    Rejected,
    Subscription,
    Verdict,
)
from services.runtime.send import outbox

_SET_ASIDE = "refused_after_crashes"
_NOT_THE_PUBLISHERS = frozenset({"refused_by_database", _SET_ASIDE, "record_undecodable"})
_ID_REUSED = Problem("id_reused", field="ce_id")
_UNREADABLE = "-"  # type under which unreadable records are counted
_FATES = {"refused": Fate.REFUSED, "applied": Fate.FINE, "parked": Fate.FINE}


class BatchOutcome:
    """The consequences of one transaction for one subscription.

    `fates` holds for each (topic, partition) what became of which offset; the circuit breaker counts it.
    `unlocked` holds the keys that have become known. `counts` counts records by (event type, outcome).
    """

    def __init__(self, subscription: Subscription, findings: FindingsWriter, *, in_order: bool) -> None:
        self.subscription, self._writer = subscription, findings
        self._raises_findings = subscription.judge and subscription.findings is not None
        self._in_order = in_order
        self.fates: dict[tuple[str, int], list[tuple[int, Fate]]] = {}
        self.unlocked: set[str] = set()
        self.counts: Counter[tuple[str, str]] = Counter()
        self._findings: list[outbox.Outgoing] = []
        self._refused: list[quarantine.Refused] = []
        self._to_park: list[EventToPark] = []
        self._states: list[tuple[UUID, str]] = []
        self._watermarks: dict[tuple[str, str, int], tuple[RecordPosition, int]] = {}

    def add_unreadable(self, record: Unreadable) -> None:
        """Add a record that is no event."""
        self._decided_up_to(record.publisher, record.position, applied=False)
        if self._reads_silently(record.publisher) and record.problems[0].code not in _NOT_THE_PUBLISHERS:
            self._count(record.position, _UNREADABLE, "skipped")
            return
        self._count(record.position, _UNREADABLE, "refused", crashed=record.crashed)
        self._refuse_unreadable(record, record.position, None)

    def add_repeated(self, event: Readable, status: InboxStatus) -> None:
        """Add an event whose id is not new."""
        incoming = event.incoming
        self._decided_up_to(incoming.publisher, incoming.position, applied=False)
        if status is InboxStatus.DUPLICATE:
            self._count(incoming.position, incoming.event.type, "duplicate")
        elif self._reads_silently(incoming.publisher):
            self._count(incoming.position, incoming.event.type, "skipped")
        else:
            self._refuse(incoming, _ID_REUSED, identity=None)

    def add_verdict(self, event: Readable, verdict: Verdict, keep: bytes | None) -> None:
        """Add a new event; `keep` is the data to store if it is parked (None: all of it)."""
        incoming = event.incoming
        self._decided_up_to(incoming.publisher, incoming.position, applied=isinstance(verdict, Applied))
        if self.subscription.judge:
            self._find_about(FindingKind.WARNING, event.warnings, incoming)
        match verdict:
            case Applied():
                self.add_applied(incoming, verdict)
            case Rejected():
                self.add_rejected(incoming, verdict.problem)
            case Parked():
                self._count(incoming.position, incoming.event.type, "parked")
                self._states.append((incoming.cause, "parked"))
                data = event.raw if keep is None else keep
                self._to_park.append(EventToPark(event, verdict.waits_for, verdict.problem, data))
                self._find_about(FindingKind.PARKED, [verdict.problem], incoming)
            case _:
                assert_never(verdict)

    def add_applied(self, incoming: Incoming, verdict: Applied, *, was_parked: bool = False) -> None:
        """Add an event that had its effect."""
        self._count(incoming.position, incoming.event.type, "applied")
        if was_parked:
            self._states.append((incoming.cause, "applied"))
        self.unlocked.update(verdict.unlocks)
        if self.subscription.judge:
            self._find_about(FindingKind.WARNING, verdict.warnings, incoming, origin="handler/")

    def add_rejected(self, incoming: Incoming, problem: Problem) -> None:
        """Add an event that never has an effect."""
        if self._reads_silently(incoming.publisher) and problem.code not in _NOT_THE_PUBLISHERS:
            self._count(incoming.position, incoming.event.type, "skipped")
            self._states.append((incoming.cause, "skipped"))
            return
        self._states.append((incoming.cause, "refused"))
        self._refuse(incoming, problem, identity=incoming.cause)

    def add_unreadable_parked(self, row: ParkedEvent, record: Unreadable) -> None:
        """Add a parked event that today's reader does not accept any more."""
        self._count(row.position, record.event_type or _UNREADABLE, "refused")
        self._states.append((row.identity, "refused"))
        self._refuse_unreadable(record, row.position, row.identity)

    async def write(self, conn: asyncpg.Connection) -> None:
        """Write everything in the caller's transaction."""
        reader, cluster = self.subscription.name, self._writer.cluster
        await inbox.set_states(conn, reader, self._states)
        await quarantine.refuse(conn, reader, cluster, self._refused)
        await parking.park(conn, reader, cluster, self._to_park)
        await outbox.put(conn, self._findings + self._accepted())
        await self._write_counts(conn)

    async def _write_counts(self, conn: asyncpg.Connection) -> None:
        keys = sorted(self.counts)
        if keys:
            await conn.execute(
                "INSERT INTO runtime.event_count AS c (reader, type, outcome, n)"
                " SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[])"
                " ON CONFLICT (reader, type, outcome) DO UPDATE SET n = c.n + excluded.n",
                self.subscription.name,
                [type_ for type_, _ in keys],
                [outcome for _, outcome in keys],
                [self.counts[key] for key in keys],
            )

    def _accepted(self) -> list[outbox.Outgoing]:
        if not (self._raises_findings and self._in_order):
            return []
        return self._writer.accepted_up_to(
            {(slug, position): applied for (slug, _, _), (position, applied) in self._watermarks.items()}
        )

    def _reads_silently(self, publisher: str | None) -> bool:
        """Return whether somebody else reports what is wrong with this publisher's records."""
        return publisher is not None and not self.subscription.judge

    def _decided_up_to(self, publisher: str | None, position: RecordPosition, *, applied: bool) -> None:
        if publisher is not None:
            key = (publisher, position.topic, position.partition)
            before = self._watermarks.get(key, (position, 0))[1]
            self._watermarks[key] = (position, before + applied)

    def _count(self, position: RecordPosition, type_: str, outcome: str, *, crashed: bool = False) -> None:
        self.counts[type_, outcome] += 1
        fate = Fate.CRASHED if crashed else _FATES.get(outcome, Fate.NEITHER)
        self.fates.setdefault((position.topic, position.partition), []).append((position.offset, fate))

    def _refuse(self, incoming: Incoming, problem: Problem, *, identity: UUID | None) -> None:
        event = incoming.event
        self._count(incoming.position, event.type, "refused", crashed=problem.code == _SET_ASIDE)
        self._refused.append(
            quarantine.Refused(incoming.position, incoming.publisher, identity, event.id, event.type, problem)
        )
        self._find_about(FindingKind.REJECTED, [problem], incoming)

    def _refuse_unreadable(self, record: Unreadable, position: RecordPosition, identity: UUID | None) -> None:
        names = (record.event_id, record.event_type)
        self._refused.append(
            quarantine.Refused(position, record.publisher, identity, *names, record.problems[0])
        )
        self._find(FindingKind.REJECTED, record.problems, position, record.publisher, names)

    def _find_about(
        self, kind: FindingKind, problems: Sequence[Problem], incoming: Incoming, *, origin: str = ""
    ) -> None:
        names = (incoming.event.id, incoming.event.type)
        self._find(kind, problems, incoming.position, incoming.publisher, names, origin=origin)

    def _find(
        self,
        kind: FindingKind,
        problems: Sequence[Problem],
        position: RecordPosition,
        publisher: str | None,
        names: tuple[str | None, str | None],
        *,
        origin: str = "",
    ) -> None:
        if publisher is None or not self._raises_findings:
            return
        self._findings += self._writer.about_record(
            kind,
            problems,
            position,
            publisher=publisher,
            event_id=names[0],
            event_type=names[1],
            origin=origin,
        )
