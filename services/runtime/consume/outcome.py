"""Collects what verdicts entail - findings, quarantine, parking, states, counts - and writes it set-based."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import assert_never
from uuid import UUID

import asyncpg

from schemas.codes import FindingKind
from schemas.envelope import Problem
from services.runtime.bookkeeping import findings, inbox, parking, quarantine
from services.runtime.bookkeeping.findings import Desk
from services.runtime.bookkeeping.inbox import Seen
from services.runtime.bookkeeping.parking import ToPark, Waiting
from services.runtime.events.records import Readable, Unreadable, warnings_of
from services.runtime.events.subscription import (
    Applied,
    Incoming,
    Parked,
    Place,
    Rejected,
    Subscription,
    Verdict,
)
from services.runtime.send import outbox

BY_DATABASE = "refused_by_database"
_ID_REUSED = Problem("id_reused", field="ce_id")
_UNREADABLE = "-"  # type under which unreadable records are counted


class Settlement:
    """The consequences of one transaction for one subscription."""

    def __init__(self, subscription: Subscription, desk: Desk, now: datetime, *, watermarks: bool) -> None:
        self.subscription, self._desk, self._now = subscription, desk, now
        self._says_how_far = watermarks
        # of each partition: refused, accepted, or neither, in order; what the breaker counts
        self.outcomes: dict[tuple[str, int], list[bool | None]] = {}
        self.unlocks: set[str] = set()
        self.counts: Counter[tuple[str, str]] = Counter()
        self._findings: list[outbox.Outgoing] = []
        self._refused: list[quarantine.Refused] = []
        self._to_park: list[ToPark] = []
        self._states: list[tuple[UUID, str]] = []
        self._watermarks: dict[tuple[str, str, int], tuple[Place, int]] = {}

    def unreadable(self, record: Unreadable) -> None:
        """Settle a record that is no event."""
        self._judged_up_to(record.publisher, record.place, applied=False)
        if record.publisher is not None and not self.subscription.judge:
            self._count(record.place, _UNREADABLE, "skipped")
            return
        self._count(record.place, _UNREADABLE, "refused")
        self._refused.append(
            quarantine.Refused(
                record.place, record.publisher, None, record.event_id, record.event_type, record.problems[0]
            )
        )
        self._find(
            FindingKind.REJECTED,
            record.problems,
            record.place,
            record.publisher,
            (record.event_id, record.event_type),
        )

    def seen_before(self, event: Readable, seen: Seen) -> None:
        """Settle an event whose id is not new."""
        self._judged_up_to(event.incoming.publisher, event.incoming.place, applied=False)
        if seen is Seen.DUPLICATE:
            self._count(event.incoming.place, event.incoming.event.type, "duplicate")
        elif event.incoming.publisher is not None and not self.subscription.judge:
            self._count(event.incoming.place, event.incoming.event.type, "skipped")
        else:
            self._refuse(event.incoming, _ID_REUSED, identity=None)

    def decided(self, event: Readable, verdict: Verdict, keep: bytes | None = None) -> None:
        """Settle a new event; `keep` is what of it may be stored if it is parked."""
        incoming = event.incoming
        self._judged_up_to(incoming.publisher, incoming.place, applied=isinstance(verdict, Applied))
        if self.subscription.judge:
            self._find_about(FindingKind.WARNING, warnings_of(event), incoming)
        match verdict:
            case Applied():
                self.applied(incoming, verdict)
            case Rejected():
                self.refused(incoming, verdict.problem)
            case Parked():
                self._count(incoming.place, incoming.event.type, "parked")
                self._states.append((incoming.cause, "parked"))
                data = next((data for data in (verdict.keep, keep) if data is not None), event.raw)
                self._to_park.append(ToPark(event, verdict.waits_for, verdict.problem, data))
                self._find_about(FindingKind.PARKED, [verdict.problem], incoming)
            case _:
                assert_never(verdict)

    def applied(self, incoming: Incoming, verdict: Applied, *, was: str | None = None) -> None:
        """Settle an event that had its effect, perhaps after waiting (`was` its state until now)."""
        self._count(incoming.place, incoming.event.type, "applied")
        if was is not None:
            self._states.append((incoming.cause, "applied"))
        self.unlocks.update(verdict.unlocks)
        if self.subscription.judge:
            self._find_about(FindingKind.WARNING, verdict.warnings, incoming, origin="handler/")

    def refused(self, incoming: Incoming, problem: Problem) -> None:
        """Settle an event that never has an effect."""
        silent = incoming.publisher is not None and not self.subscription.judge
        if silent and problem.code != BY_DATABASE:
            self._count(incoming.place, incoming.event.type, "skipped")
            self._states.append((incoming.cause, "skipped"))
            return
        self._states.append((incoming.cause, "refused"))
        self._refuse(incoming, problem, identity=incoming.cause)

    def refused_later(self, row: Waiting, record: Unreadable) -> None:
        """Settle a parked event that today's reader does not accept any more."""
        self._count(row.place, record.event_type or _UNREADABLE, "refused")
        self._states.append((row.identity, "refused"))
        names = (record.event_id, record.event_type)
        problem = record.problems[0]
        self._refused.append(quarantine.Refused(row.place, record.publisher, row.identity, *names, problem))
        self._find(FindingKind.REJECTED, record.problems, row.place, record.publisher, names)

    async def write(self, conn: asyncpg.Connection) -> None:
        """Write everything."""
        reader, cluster = self.subscription.name, self._desk.cluster
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
        if not (self.subscription.judge and self.subscription.findings and self._says_how_far):
            return []
        return findings.accepted_up_to(
            self._desk,
            {(slug, place): applied for (slug, _, _), (place, applied) in self._watermarks.items()},
            self._now,
        )

    def _judged_up_to(self, publisher: str | None, place: Place, *, applied: bool) -> None:
        if publisher is not None:
            key = (publisher, place.topic, place.partition)
            before = self._watermarks.get(key, (place, 0))[1]
            self._watermarks[key] = (place, before + applied)

    def _count(self, place: Place, type_: str, outcome: str) -> None:
        self.counts[type_, outcome] += 1
        accepted = outcome in {"applied", "parked"}
        says = True if outcome == "refused" else False if accepted else None
        self.outcomes.setdefault((place.topic, place.partition), []).append(says)

    def _refuse(self, incoming: Incoming, problem: Problem, *, identity: UUID | None) -> None:
        event = incoming.event
        self._count(incoming.place, event.type, "refused")
        self._refused.append(
            quarantine.Refused(incoming.place, incoming.publisher, identity, event.id, event.type, problem)
        )
        self._find_about(FindingKind.REJECTED, [problem], incoming)

    def _find_about(
        self, kind: FindingKind, problems: Sequence[Problem], incoming: Incoming, *, origin: str = ""
    ) -> None:
        if problems:
            names = (incoming.event.id, incoming.event.type)
            self._find(kind, problems, incoming.place, incoming.publisher, names, origin=origin)

    def _find(
        self,
        kind: FindingKind,
        problems: Sequence[Problem],
        place: Place,
        publisher: str | None,
        names: tuple[str | None, str | None],
        *,
        origin: str = "",
    ) -> None:
        if publisher is None or not self.subscription.judge or self.subscription.findings is None:
            return
        self._findings += findings.about_record(
            self._desk,
            kind,
            problems,
            place,
            publisher=publisher,
            event_id=names[0],
            event_type=names[1],
            now=self._now,
            origin=origin,
        )
