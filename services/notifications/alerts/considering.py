"""Looks again at people of whom something changed: who has to be told of which enrolment or risk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from schemas.days import local_day
from services.notifications import gate
from services.notifications.alerts import store
from services.notifications.alerts.domain import (
    Existing,
    Kind,
    Matter,
    Nothing,
    PassOn,
    Raise,
    Refresh,
    State,
    TakeBack,
    Why,
    alert_id,
    decide,
)
from services.notifications.alerts.withdrawing import withdraw
from services.notifications.offices import handlers as offices
from services.notifications.offices import store as offices_store
from services.notifications.offices.domain import Facts, Ranked, after_office_hours, deciding
from services.notifications.people import handlers as people
from services.notifications.people.crypto import Keyring
from services.notifications.people.domain import Purpose
from services.notifications.settings import Policy
from services.runtime.data.db import Connection, Pool, transaction

_BATCH = 200
_ENROLLED = frozenset({"confirmed", "started", "interrupted"})
_RISK_OVER = {"cleared": Why.RETURNED, "withdrawn": Why.CORRECTED, "inhibited": Why.COURSE_CANCELLED}


@dataclass(frozen=True, slots=True)
class _Picture:
    """All that decides about these people, as read in one transaction."""

    now: datetime
    directory: Mapping[str, offices_store.Entry]
    facts: Mapping[UUID, Facts]
    consents: Mapping[tuple[UUID, str], list[str]]
    relations: Mapping[UUID, frozenset[str]]
    load: Mapping[str, int]

    def candidates(self, matter: Matter) -> list[Ranked]:
        """Rank the offices that may be told of this matter."""
        return offices.candidates(
            self.facts.get(matter.participant, Facts()),
            self.directory,
            self.consents.get((matter.participant, matter.purpose), []),
            local_day(self.now),
            relations=self.relations.get(matter.participant, frozenset()),
            load=self.load,
        )


@dataclass(frozen=True, slots=True)
class Considering:
    """Takes people out of the queue and brings their alerts in line; all in one transaction."""

    pool: Pool
    keyring: Keyring
    policy: Policy

    async def drain(self, now: datetime) -> int:
        """Look at the next people; return how many they were."""
        async with transaction(self.pool) as conn:
            await gate.rely_on_consent(conn)
            participants = await store.take_reconsider(conn, _BATCH)
            if participants:
                await self._consider(conn, participants, now)
            return len(participants)

    async def _consider(self, conn: Connection, participants: Sequence[UUID], now: datetime) -> None:
        await people.wrap_missing(conn, self.keyring, participants)
        matters = [_matter(row) for row in await store.matters(conn, participants)]
        if not matters:
            return
        records = {
            row["matter"]: row for row in await store.existing(conn, [matter.id for matter in matters])
        }
        picture = await self._picture(conn, matters, records, now)
        for matter in matters:
            await self._settle(conn, matter, records.get(matter.id), picture)

    async def _picture(
        self,
        conn: Connection,
        matters: Sequence[Matter],
        records: Mapping[UUID, asyncpg.Record],
        now: datetime,
    ) -> _Picture:
        """Collect what is needed to choose an office, for those only for whom one has to be chosen."""
        participants = sorted({m.participant for m in matters if _office_wanted(m, records.get(m.id))})
        consents: dict[tuple[UUID, str], list[str]] = {}
        for row in await store.allowed_offices(conn, participants, local_day(now)):
            consents.setdefault((row["participant_id"], row["purpose"]), []).append(row["office"])
        relations: dict[UUID, frozenset[str]] = {}
        for row in await store.relations(conn, participants):
            known = relations.get(row["participant_id"], frozenset())
            relations[row["participant_id"]] = known | {row["office"]}
        # Facts are collected (and the look at the birth date logged) only where somebody may be told.
        asked = sorted({participant for participant, _ in consents})
        return _Picture(
            now,
            await offices_store.directory(conn),
            await offices.facts_of(conn, self.keyring, asked, now) if asked else {},
            consents,
            relations,
            await store.load(conn),
        )

    async def _settle(
        self, conn: Connection, matter: Matter, record: asyncpg.Record | None, picture: _Picture
    ) -> None:
        existing = None if record is None else _existing(record)
        candidates = picture.candidates(matter)
        if record is not None and record["chain"]:
            order = {slug: place for place, slug in enumerate(record["chain"])}
            candidates.sort(key=lambda ranked: order.get(ranked.office, len(order)))
        if existing is not None and existing.state is State.DECLINED and record is not None:
            await people.end_disclosures(conn, [record["alert_id"]], picture.now)
        match decide(matter, existing, candidates):
            case Nothing():
                pass
            case Refresh():
                await store.refresh(conn, alert_id(matter.id, matter.purpose), matter.reason)
            case Raise(chain):
                row = _opened(matter, chain, asked=())
                await self._announce(
                    conn, row, await store.open_alert(conn, row, picture.now), picture, "new"
                )
            case PassOn(chain):
                asked = existing.declined if existing is not None else frozenset()
                row = _opened(matter, chain, asked=sorted(asked))
                await self._announce(conn, row, await store.pass_on(conn, row), picture, "declined")
            case TakeBack(why) if record is not None:
                await withdraw(
                    conn,
                    record["alert_id"],
                    opening=record["opening"],
                    organisation=record["organisation"],
                    office=record["office"],
                    state=record["state"],
                    why=why,
                    now=picture.now,
                )
            case TakeBack():
                raise AssertionError

    async def _announce(
        self,
        conn: Connection,
        row: store.Opened,
        done: asyncpg.Record | None,
        picture: _Picture,
        from_state: str,
    ) -> None:
        """Write down the step, open the disclosure, owe the e-mail and the escalations."""
        if done is None:
            return
        now = picture.now
        await store.add_step(
            conn,
            row.alert,
            done["version"],
            organisation=row.organisation,
            office=row.office,
            from_state=from_state,
            to_state=State.NEW,
            reason=str(row.routing["decided_by"]),
            now=now,
        )
        until: date = local_day(now) + timedelta(days=self.policy.disclosure.alert_days)
        disclosed = people.Disclosed(
            row.participant, row.organisation, row.office, Purpose(row.purpose), row.alert, until
        )
        await people.disclose(conn, self.keyring, [disclosed], now)
        await store.add_delivery(
            conn,
            row.alert,
            row.organisation,
            row.office,
            recipient=f"office:{row.office}",
            step=f"notice-{done['opening']}",
            now=now,
        )
        hours = picture.directory[row.office].hours
        await store.add_escalations(
            conn,
            row.alert,
            done["opening"],
            office=row.office,
            organisation=row.organisation,
            due=[after_office_hours(now, after, hours) for after in self.policy.escalation.office_hours],
        )


def _office_wanted(matter: Matter, record: asyncpg.Record | None) -> bool:
    """Say whether somebody new may have to be asked: then facts are read, and the look at them logged."""
    return matter.over is None and (record is None or record["state"] in {State.WITHDRAWN, State.DECLINED})


def _matter(row: asyncpg.Record) -> Matter:
    over: Why | None
    if row["kind"] == Kind.RISK:
        over = _RISK_OVER.get(row["state"])
    elif row["state"] in _ENROLLED:
        over = None
    else:
        over = Why.COURSE_CANCELLED if row["state"] == "course_cancelled" else Why.ENROLMENT_OVER
    params: dict[str, Any] = dict(row["params"] or {})
    if row["title"] is not None:
        params["course"] = row["title"]
    if row["starts_on"] is not None:
        params["starts_on"] = row["starts_on"].isoformat()
    if row["reported_until"] is not None:
        params["reported_until"] = row["reported_until"].isoformat()
    return Matter(
        row["matter"],
        Kind(row["kind"]),
        row["purpose"],
        row["participant_id"],
        row["course_id"],
        {"code": row["rule"], "params": params},
        over,
    )


def _existing(record: asyncpg.Record) -> Existing:
    state = State(record["state"])
    asked = frozenset(record["routing"].get("asked", ()))
    declined = asked | {record["office"]} if state is State.DECLINED else asked
    return Existing(state, record["office"], declined, record["withdrawn_for"])


def _opened(matter: Matter, chain: Sequence[Ranked], *, asked: Sequence[str]) -> store.Opened:
    first, rest = chain[0], chain[1:]
    return store.Opened(
        alert_id(matter.id, matter.purpose),
        matter.kind,
        matter.id,
        matter.purpose,
        matter.participant,
        matter.course,
        first.organisation,
        first.office,
        [ranked.office for ranked in rest],
        {
            "decided_by": "passed_on" if asked else deciding(chain),
            "ranking": offices.as_stored(chain),
            "asked": list(asked),
        },
        matter.reason,
    )
