"""Brings the risks of people in line with how they stand, whenever that changed and once a day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from schemas.codes import ConsentPurpose
from schemas.days import local_day
from services.notifications.consents import store as consents
from services.notifications.risk import standing_store, store
from services.notifications.risk.parameters import RiskRuleBook
from services.notifications.risk.standing import Key, Standing, assess
from services.runtime.data.db import Connection, Pool, transaction

_UNDER = (ConsentPurpose.DROPOUT_SUPPORT, ConsentPurpose.AFTER_COURSE)


@dataclass(frozen=True, slots=True)
class Rounds:
    """Judges how people stand by the rules in force."""

    rules: RiskRuleBook

    async def look_at(self, conn: Connection, participants: Sequence[UUID], now: datetime) -> None:
        """Raise, keep and clear the risks of these people; of each only what they consent to.

        The caller has called `gate.rely_on_consent` and reconciles their alerts in the same transaction.
        """
        today = local_day(now)
        allowed: dict[UUID, set[str]] = {}
        for consent in await consents.valid(conn, participants, list(_UNDER), today):
            allowed.setdefault(consent.participant, set()).add(consent.purpose)
        if not allowed:
            return
        people = sorted(allowed)
        known = await standing_store.open_risks(conn, people)
        changes = store.RiskChanges()
        for person, standing in (await standing_store.standings(conn, people, known)).items():
            self._compare(changes, person, standing, known.get(person, {}), allowed[person], today)
        await store.write(conn, changes, now)

    def _compare(  # noqa: PLR0917
        self,
        changes: store.RiskChanges,
        person: UUID,
        standing: Standing,
        known: Mapping[Key, store.RiskRow],
        purposes: set[str],
        today: date,
    ) -> None:
        found = assess(standing, today, self.rules.standing_on(today))
        for key, finding in found.items():
            if store.purpose_of(finding.matter) not in purposes:
                continue
            row = known.get(key)
            if row is None:
                changes.raised.append((person, key[1], finding, today))
            else:
                changes.kept.append((row.id, finding, today))
        changes.ended += [(row.id, "cleared") for key, row in known.items() if key not in found]


@dataclass(frozen=True, slots=True)
class DailyRound:
    """Queues people once a day: without any event deadlines come nearer, and offices have closed days."""

    pool: Pool

    async def begin(self, now: datetime) -> int:
        """Queue them, unless that was done today; return how many rounds began."""
        async with transaction(self.pool) as conn:
            return int(await standing_store.begin_round(conn, local_day(now)))
