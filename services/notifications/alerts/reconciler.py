"""Brings people's alerts in line with their enrolments, risks and consents whenever one of these changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

import asyncpg

from schemas.codes import ENROLLED, ConsentPurpose
from schemas.days import local_day
from services.notifications import gate
from services.notifications.alerts import reminder_store, store
from services.notifications.alerts.domain import (
    AlertCause,
    AlertState,
    CauseKind,
    ExistingAlert,
    KeepAlert,
    PassOn,
    RaiseAlert,
    RefreshAlert,
    WithdrawAlert,
    WithdrawalReason,
    decide,
)
from services.notifications.alerts.withdrawal import withdraw
from services.notifications.consents import store as consents
from services.notifications.delivery import store as deliveries
from services.notifications.delivery.holding import store as holding
from services.notifications.delivery.holding.domain import escalation_hours, repeat_hours
from services.notifications.offices import handlers as offices
from services.notifications.offices import store as offices_store
from services.notifications.offices.domain import PersonFacts, RankedOffice, after_office_hours, deciding
from services.notifications.people import handlers as people
from services.notifications.people.domain import Purpose
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

    def candidates(self, cause: AlertCause, chain: Sequence[str]) -> list[RankedOffice]:
        """Rank the offices that may be told of a cause; those in the alert's `chain` keep their order."""
        ranked = offices.candidates(
            self.facts.get(cause.participant, PersonFacts()),
            self.directory,
            self.consents.get((cause.participant, cause.purpose), []),
            local_day(self.now),
            relations=self.relations.get(cause.participant, frozenset()),
            load=self.load,
        )
        order = {slug: place for place, slug in enumerate(chain)}
        return sorted(ranked, key=lambda office: order.get(office.office, len(order)))


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
                await self._reconcile(conn, participants, now)
            return len(participants)

        queue = WorkQueue(self.pool, "consider", _BATCH, store.reconsider_generations)
        return await queue.work(reconcile)

    async def _reconcile(self, conn: Connection, participants: Sequence[UUID], now: datetime) -> None:
        await people.wrap_missing(conn, self.secrets, participants)
        await self.rounds.look_at(conn, participants, now)
        causes = [_cause(row) for row in await store.causes(conn, participants)]
        if not causes:
            return
        records = {row["matter"]: row for row in await store.existing(conn, [cause.id for cause in causes])}
        routing = await self._routing(conn, causes, records, now)
        for cause in causes:
            await self._settle(conn, cause, records.get(cause.id), routing)

    async def _routing(
        self,
        conn: Connection,
        causes: Sequence[AlertCause],
        records: Mapping[UUID, asyncpg.Record],
        now: datetime,
    ) -> _Routing:
        """Read what is needed to choose an office, for the people only for whom one has to be chosen."""
        participants = sorted({c.participant for c in causes if _needs_office(c, records.get(c.id))})
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
            await offices_store.directory(conn),
            await offices.facts_of(conn, self.secrets, asked, now) if asked else {},
            allowed,
            relations,
            await store.load(conn),
        )

    async def _settle(
        self, conn: Connection, cause: AlertCause, record: asyncpg.Record | None, routing: _Routing
    ) -> None:
        existing = None if record is None else _existing(record)
        if record is not None and record["state"] == AlertState.DECLINED:
            await people.end_disclosures(conn, [record["alert_id"]], routing.now)
        chain = [] if record is None else record["chain"]
        match decide(cause, existing, routing.candidates(cause, chain)):
            case KeepAlert():
                pass
            case RefreshAlert():
                if record is None:
                    raise AssertionError("only an alert on record is refreshed")
                await store.refresh(conn, record["alert_id"], cause.reason)
            case RaiseAlert(ranked):
                row = _alert_row(cause, ranked, asked=())
                opened = await store.open_alert(conn, row, routing.now)
                await self._announce(conn, row, opened, routing, AlertState.NEW)
            case PassOn(ranked):
                asked = existing.declined if existing is not None else frozenset()
                row = _alert_row(cause, ranked, asked=sorted(asked))
                passed = await store.pass_on(conn, row)
                await self._announce(conn, row, passed, routing, AlertState.DECLINED)
            case WithdrawAlert(reason):
                if record is None:
                    raise AssertionError("only an alert on record is withdrawn")
                await withdraw(conn, record, reason, routing.now)
            case never:
                assert_never(never)

    async def _announce(
        self,
        conn: Connection,
        row: store.AlertRow,
        done: asyncpg.Record | None,
        routing: _Routing,
        from_state: AlertState,
    ) -> None:
        """Log the step, open the disclosure, and add the e-mail and the escalations of an opened alert."""
        if done is None:
            return
        now, alert = routing.now, done["alert_id"]
        await store.add_step(
            conn,
            alert,
            done["version"],
            organisation=row.organisation,
            office=row.office,
            from_state=from_state,
            to_state=AlertState.NEW,
            reason=str(row.routing["decided_by"]),
            now=now,
        )
        until = local_day(now) + timedelta(days=self.policy.disclosure.alert_days)
        disclosed = people.Disclosure(
            row.participant, row.organisation, row.office, Purpose(row.purpose), alert, until
        )
        await people.disclose(conn, self.secrets, [disclosed], now)
        await deliveries.add(
            conn,
            alert,
            row.organisation,
            row.office,
            recipient=f"office:{row.office}",
            step=f"notice-{done['opening']}",
            now=now,
        )
        await self._watch(conn, row, done, routing)

    async def _watch(
        self, conn: Connection, row: store.AlertRow, done: asyncpg.Record, routing: _Routing
    ) -> None:
        """Store when an opened alert escalates and is repeated if nobody answers, in the office's hours."""
        now, hours = routing.now, routing.directory[row.office].hours
        known = await holding.levels(conn, row.office)
        chosen = (await holding.tellings(conn, [row.office])).get(row.office)
        telling = chosen or holding.usual(self.policy.telling)
        await store.add_escalations(
            conn,
            done["alert_id"],
            done["opening"],
            office=row.office,
            organisation=row.organisation,
            due=[
                after_office_hours(now, after, hours)
                for after in escalation_hours(self.policy.escalation.office_hours, known)
            ],
        )
        await reminder_store.add(
            conn,
            done["alert_id"],
            done["opening"],
            office=row.office,
            organisation=row.organisation,
            due=[after_office_hours(now, after, hours) for after in repeat_hours(telling)],
        )


def _needs_office(cause: AlertCause, record: asyncpg.Record | None) -> bool:
    """Return whether a new office may have to be chosen."""
    reopened = {AlertState.WITHDRAWN, AlertState.DECLINED}
    return cause.over is None and (record is None or record["state"] in reopened)


def _cause(row: asyncpg.Record) -> AlertCause:
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
    )


def _existing(record: asyncpg.Record) -> ExistingAlert:
    state = AlertState(record["state"])
    asked = frozenset(record["routing"].get("asked", ()))
    declined = asked | {record["office"]} if state is AlertState.DECLINED else asked
    return ExistingAlert(state, declined)


def _alert_row(cause: AlertCause, ranked: Sequence[RankedOffice], *, asked: Sequence[str]) -> store.AlertRow:
    first, rest = ranked[0], ranked[1:]
    return store.AlertRow(
        cause.kind,
        cause.id,
        cause.purpose,
        cause.participant,
        cause.course,
        first.organisation,
        first.office,
        [office.office for office in rest],
        {
            "decided_by": "passed_on" if asked else deciding(ranked),
            "ranking": offices.as_stored(ranked),
            "asked": list(asked),
        },
        cause.reason,
    )
