"""Brings people's alerts in line with their enrolments, risks and consents whenever one of these changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, assert_never
from uuid import UUID

import asyncpg

from schemas.codes import ENROLLED, ConsentPurpose
from schemas.days import local_day
from services.notifications import gate
from services.notifications.alerts import store
from services.notifications.alerts.announcing import Announcer, Opened
from services.notifications.alerts.domain import (
    UNANSWERED,
    AlertCause,
    AlertState,
    Away,
    CauseKind,
    ExistingAlert,
    KeepAlert,
    NobodyElse,
    PassOn,
    RaiseAlert,
    RefreshAlert,
    Reroute,
    Severity,
    WithdrawAlert,
    WithdrawalReason,
    decide,
)
from services.notifications.alerts.withdrawal import withdraw
from services.notifications.consents import store as consents
from services.notifications.delivery import store as deliveries
from services.notifications.offices import handlers as offices
from services.notifications.offices import store as offices_store
from services.notifications.offices.domain import PersonFacts, RankedOffice, phase_of
from services.notifications.offices.ranking import HANDED_OVER, deciding, handed_to
from services.notifications.offices.target_groups import group_of
from services.notifications.people import handlers as people
from services.notifications.people.keys import PersonSecrets
from services.notifications.risk.rounds import Rounds
from services.notifications.settings import Policy
from services.runtime.bookkeeping.work import Taking, WorkQueue
from services.runtime.data.db import Connection, Pool

_BATCH = 200
_RISK_OVER = {
    "cleared": WithdrawalReason.RETURNED,
    "withdrawn": WithdrawalReason.CORRECTED,
    "inhibited": WithdrawalReason.COURSE_CANCELLED,
}


@dataclass(frozen=True, slots=True)
class _Routing:
    """What decides which office is responsible for these people, read in one transaction."""

    now: datetime
    directory: Mapping[str, offices_store.DirectoryEntry]
    facts: Mapping[UUID, PersonFacts]
    consents: Mapping[tuple[UUID, str], list[str]]
    relations: Mapping[UUID, frozenset[str]]
    load: Mapping[str, int]
    types: Mapping[UUID | None, str | None]
    """Type of each course that a cause is about; what somebody waits for has none."""

    def candidates(self, cause: AlertCause, chosen: str | None) -> list[RankedOffice]:
        """Rank the offices that may be told of a cause; the one to which it was handed over comes first."""
        today = local_day(self.now)
        ranked = offices.candidates(
            self.facts.get(cause.participant, PersonFacts()),
            self.directory,
            self.allowed(cause),
            today,
            relations=self.relations.get(cause.participant, frozenset()),
            load=self.load,
            phase=cause.phase,
            group=group_of(self.types.get(cause.course), today) or "",
        )
        return ranked if chosen is None else handed_to(ranked, chosen)

    def allowed(self, cause: AlertCause) -> list[str]:
        """Return the offices that may be told of a cause."""
        return self.consents.get((cause.participant, cause.purpose), [])

    def row(
        self, cause: AlertCause, ranked: Sequence[RankedOffice], *, asked: Sequence[str] = (), why: str = ""
    ) -> store.AlertRow:
        """Return the alert as the first of these offices gets it, and why; the offices `asked` declined."""
        first, rest = ranked[0], ranked[1:]
        closed = offices.unreachable(
            self.directory, [slug for slug in self.allowed(cause) if slug not in asked]
        )
        told = offices.as_stored(ranked, closed, handed_over=why == HANDED_OVER)
        decided = why or deciding(ranked, closed)
        return store.AlertRow(
            cause.kind,
            cause.id,
            cause.purpose,
            cause.participant,
            cause.course,
            first.organisation,
            first.office,
            [office.office for office in rest],
            {"decided_by": decided, "phase": cause.phase, "asked": list(asked), **told},
            cause.reason,
            cause.severity,
        )


@dataclass(frozen=True, slots=True)
class AlertReconciler:
    """Takes people out of the queue `reconsider` and updates their alerts, all in one transaction."""

    pool: Pool
    secrets: PersonSecrets
    policy: Policy
    rounds: Rounds

    async def drain(self, now: datetime) -> int:
        """Reconcile the alerts of the next people; return how many they were."""

        async def reconcile(conn: Connection, taking: Taking) -> int:
            await gate.rely_on_consent(conn)
            participants = await store.take_reconsider(conn, taking)
            taking.taken += map(str, participants)
            if participants:
                # A merged person is looked at under each id: a consent may rest on any of them.
                others = await consents.other_ids(conn, participants)
                everybody = {*participants, *(one for known in others.values() for one in known)}
                await self._reconcile(conn, sorted(everybody), now)
            return len(participants)

        queue = WorkQueue(self.pool, "consider", _BATCH, store.reconsider_generations)
        return await queue.work(reconcile)

    async def _reconcile(self, conn: Connection, participants: Sequence[UUID], now: datetime) -> None:
        await people.wrap_missing(conn, self.secrets, participants)
        await self.rounds.look_at(conn, participants, now)
        causes = [_cause(row, local_day(now)) for row in await store.causes(conn, participants)]
        if not causes:
            return
        records = {row["matter"]: row for row in await store.existing(conn, [cause.id for cause in causes])}
        routing = await self._routing(conn, causes, records, now)
        settled = [await self._settle(conn, cause, records.get(cause.id), routing) for cause in causes]
        opened = [one for one in settled if one is not None]
        await Announcer(self.secrets, self.policy).announce(conn, opened, routing.directory, now)

    async def _routing(
        self,
        conn: Connection,
        causes: Sequence[AlertCause],
        records: Mapping[UUID, asyncpg.Record],
        now: datetime,
    ) -> _Routing:
        """Read what is needed to choose an office, for the people only for whom one has to be chosen."""
        directory = await offices_store.directory(conn)
        concerned = [c for c in causes if _needs_office(c, records.get(c.id), directory, now)]
        participants = sorted({cause.participant for cause in concerned})
        allowed: dict[tuple[UUID, str], list[str]] = {}
        for consent in await consents.valid(conn, participants, list(ConsentPurpose), local_day(now)):
            allowed.setdefault((consent.participant, consent.purpose), []).append(consent.office)
        relations: dict[UUID, frozenset[str]] = {}
        for row in await store.relations(conn, participants):
            known = relations.get(row["participant_id"], frozenset())
            relations[row["participant_id"]] = known | {row["office"]}
        # Facts are read (and the look at the birth date logged) only where somebody may be told.
        asked = sorted({participant for participant, _ in allowed})
        return _Routing(
            now,
            directory,
            await offices.facts_of(conn, self.secrets, asked, now) if asked else {},
            allowed,
            relations,
            await store.load(conn),
            await offices_store.course_types(conn, {c.course for c in concerned if c.course is not None}),
        )

    async def _settle(
        self, conn: Connection, cause: AlertCause, record: asyncpg.Record | None, routing: _Routing
    ) -> Opened | None:
        """Bring the alert about a cause in line; return it if an office got it that is to be told."""
        existing = None if record is None else _existing(record, routing.directory, routing.now)
        if record is not None and record["state"] == AlertState.DECLINED:
            await people.end_disclosures(conn, [record["alert_id"]], routing.now)
        match decide(cause, existing, routing.candidates(cause, _chosen(record))):
            case KeepAlert():
                return None
            case NobodyElse():
                await _tell_lead(conn, record, routing.now)
                return None
            case RaiseAlert(ranked):
                row = routing.row(cause, ranked)
                done = await store.open_alert(conn, row, routing.now)
                return None if done is None else Opened(row, done, AlertState.NEW)
            case RefreshAlert() | PassOn() | Reroute() | WithdrawAlert() as decided:
                if record is None:
                    raise AssertionError("only an alert on record changes")
                return await self._change(conn, cause, record, decided, routing)
            case never:
                assert_never(never)

    async def _change(
        self,
        conn: Connection,
        cause: AlertCause,
        record: asyncpg.Record,
        decided: RefreshAlert | PassOn | Reroute | WithdrawAlert,
        routing: _Routing,
    ) -> Opened | None:
        alert, existing = record["alert_id"], _existing(record, routing.directory, routing.now)
        match decided:
            case RefreshAlert():
                await store.refresh(conn, alert, cause.reason, cause.severity)
                return None
            case PassOn(ranked):
                why = HANDED_OVER if _chosen(record) == ranked[0].office else "passed_on"
                row = routing.row(cause, ranked, asked=sorted(existing.declined), why=why)
                passed = await store.pass_on(conn, row, reopen=False)
                return None if passed is None else Opened(row, passed, AlertState.DECLINED)
            case Reroute(ranked):
                await self._leave(conn, alert, routing.now)
                row = routing.row(cause, ranked, asked=sorted(existing.declined), why="office_closed")
                passed = await store.pass_on(conn, row, reopen=True)
                return None if passed is None else Opened(row, passed, existing.state)
            case WithdrawAlert(reason):
                await withdraw(conn, record, reason, routing.now)
                return None
            case never:
                assert_never(never)

    @staticmethod
    async def _leave(conn: Connection, alert: UUID, now: datetime) -> None:
        """End what an office could do with an alert that leaves it unanswered."""
        await people.end_disclosures(conn, [alert], now)
        await deliveries.cancel_unsent(conn, alert)
        await store.drop_escalations(conn, alert, "moved_on", now)


async def _tell_lead(conn: Connection, record: asyncpg.Record | None, now: datetime) -> None:
    """Tell the lead of the office that declined an alert last, once."""
    if record is None:
        raise AssertionError("only an alert on record was declined")
    await deliveries.add_mail(
        conn,
        record["alert_id"],
        record["organisation"],
        record["office"],
        recipient=f"lead:{record['office']}",
        step=f"declined-{record['opening']}",
        now=now,
    )


def _chosen(record: asyncpg.Record | None) -> str | None:
    """Return the office to which an alert is being handed over."""
    if record is None or record["state"] != AlertState.DECLINED:
        return None
    chosen: str | None = record["routing"].get("handed_to")
    return chosen


def _needs_office(
    cause: AlertCause,
    record: asyncpg.Record | None,
    directory: Mapping[str, offices_store.DirectoryEntry],
    now: datetime,
) -> bool:
    """Return whether a new office may have to be chosen."""
    if cause.over is not None:
        return False
    if record is None or record["state"] in {AlertState.WITHDRAWN, AlertState.DECLINED}:
        return True
    return record["state"] in UNANSWERED and _away(record, directory, now) is not None


def _away(
    record: asyncpg.Record, directory: Mapping[str, offices_store.DirectoryEntry], now: datetime
) -> Away | None:
    """Return why the office that has an alert cannot look at it; what it put off beyond today it need not."""
    entry = directory.get(record["office"])
    if entry is None or not entry.office.active:
        return Away.INACTIVE
    today, put_off = local_day(now), record["snoozed_until"]
    if put_off is not None and local_day(put_off) > today:
        return None
    return Away.TODAY if entry.hours.closed_for(today) else None


def _cause(row: asyncpg.Record, today: date) -> AlertCause:
    over: WithdrawalReason | None
    if row["kind"] == CauseKind.RISK:
        over = _RISK_OVER.get(row["state"])
    elif row["state"] in ENROLLED:
        over = None
    elif row["state"] == "course_cancelled":
        over = WithdrawalReason.COURSE_CANCELLED
    else:
        over = WithdrawalReason.ENROLMENT_OVER
    params: dict[str, Any] = dict(row["params"] or {})
    if row["title"] is not None:
        params["course"] = row["title"]
    for name in ("starts_on", "reported_until"):
        if row[name] is not None:
            params[name] = row[name].isoformat()
    return AlertCause(
        row["matter"],
        CauseKind(row["kind"]),
        row["purpose"],
        row["participant_id"],
        row["course_id"],
        {"code": row["rule"], "params": params},
        over,
        phase_of(row["starts_on"], row["ends_on"], today),
        Severity(row["severity"] or Severity.MEDIUM),  # risks that were kept before they had one
    )


def _existing(
    record: asyncpg.Record, directory: Mapping[str, offices_store.DirectoryEntry], now: datetime
) -> ExistingAlert:
    state = AlertState(record["state"])
    asked = frozenset(record["routing"].get("asked", ()))
    declined = asked | {record["office"]} if state is AlertState.DECLINED else asked
    return ExistingAlert(state, declined, record["office"], _away(record, directory, now))
