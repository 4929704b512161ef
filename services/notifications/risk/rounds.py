"""Brings the risks of people in line with how they stand, whenever that changed and once a day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from schemas.codes import ConsentPurpose
from schemas.days import local_day
from services.notifications.consents import store as consents
from services.notifications.risk import standing_store, store
from services.notifications.risk.domain import Finding, joined
from services.notifications.risk.parameters import RuleSet
from services.notifications.risk.parameters_store import RiskBooks, RiskBookshelf, in_force
from services.notifications.risk.standing import Key, Standing, assess
from services.runtime.data.db import Connection, Pool, transaction

_UNDER = (ConsentPurpose.DROPOUT_SUPPORT, ConsentPurpose.AFTER_COURSE)
Allowed = dict[str, set[str]]
"""The offices that may hear of somebody, by purpose."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """Judges how people stand, by the rules in force at the offices that may hear of them."""

    books: RiskBookshelf

    async def look_at(self, conn: Connection, participants: Sequence[UUID], now: datetime) -> None:
        """Raise, keep and clear the risks of these people; of each only what they consent to.

        Whoever was registered twice has one risk about a matter, under one of their ids.
        The caller has called `gate.rely_on_consent` and reconciles their alerts in the same transaction.
        """
        today = local_day(now)
        ids = await standing_store.ids_of(conn, participants)
        allowed: dict[UUID, Allowed] = {}
        for consent in await consents.valid(conn, ids.all(participants), list(_UNDER), today):
            allowed.setdefault(consent.participant, {}).setdefault(consent.purpose, set()).add(consent.office)
        people = sorted(allowed.keys() & set(participants))
        if not people:
            return
        books = await self.books.current(conn)
        known = await standing_store.open_risks(conn, ids.all(people))
        changes = store.RiskChanges()
        for person, standing in (await standing_store.standings(conn, people, ids, known)).items():
            found = found_by(books, allowed[person], standing, known.get(person, {}), today)
            one_risk = _OneRisk(person, ids.of(person), allowed, known)
            self._compare(changes, one_risk, found, today)
        await store.write(conn, changes, now)

    @staticmethod
    def _compare(
        changes: store.RiskChanges, of: "_OneRisk", found: Mapping[Key, Finding], today: date
    ) -> None:
        known, ended = of.known.get(of.person, {}), set()
        for key, finding in found.items():
            if store.purpose_of(finding.matter) not in of.allowed[of.person]:
                continue
            row = known.get(key)
            if row is not None and of.is_kept(key):
                changes.kept.append((row.id, finding, today))
            elif row is not None:
                ended.add(key)
            elif of.is_raised(key):
                changes.raised.append((of.person, key[1], finding, today))
        changes.ended += [
            (row.id, "cleared") for key, row in known.items() if key not in found or key in ended
        ]


@dataclass(frozen=True, slots=True)
class _OneRisk:
    """Decides under which id of a person a risk stands: one that is open already, else the first allowed."""

    person: UUID
    ids: Sequence[UUID]
    allowed: Mapping[UUID, Allowed]
    known: Mapping[UUID, Mapping[Key, store.RiskRow]]

    def is_raised(self, key: Key) -> bool:
        """Return whether a new risk stands under this id."""
        return not self._open_elsewhere(key) and (key[1] is not None or self._is_first(key))

    def is_kept(self, key: Key) -> bool:
        """Return whether an open risk stays under this id."""
        return not self._open_elsewhere(key) or self._is_first(key)

    def _open_elsewhere(self, key: Key) -> bool:
        return any(key in self.known.get(one, {}) for one in self.ids if one != self.person)

    def _is_first(self, key: Key) -> bool:
        purpose = store.purpose_of(key[0])
        return next(one for one in self.ids if purpose in self.allowed.get(one, ())) == self.person


def found_by(
    books: RiskBooks, allowed: Allowed, standing: Standing, known: Mapping[Key, store.RiskRow], today: date
) -> dict[Key, Finding]:
    """Return what applies to somebody by the rules of any office that may hear of it.

    A matter that is open already is also judged by the rules that were in force since it began.
    """
    own = books.of(sorted({office for offices in allowed.values() for office in offices}))
    since = min((row.open.since for row in known.values()), default=None)
    found: dict[Key, list[Finding]] = {}
    for rules in in_force(own, today, since):
        for key, finding in assess(standing, today, rules.standing).items():
            new = key[1] not in standing.elsewhere and _raises(books, allowed, key, rules, today)
            if key in known or new:
                found.setdefault(key, []).append(finding)
    return {key: joined(of_key) for key, of_key in found.items()}


def _raises(books: RiskBooks, allowed: Allowed, key: Key, rules: RuleSet, today: date) -> bool:
    """Return whether rules hold today for an office that may hear of this matter."""
    offices = allowed.get(store.purpose_of(key[0]), ())
    return any(book.rules_on(today) is rules for book in books.of(offices))


@dataclass(frozen=True, slots=True)
class DailyRound:
    """Queues people once a day: without any event deadlines come nearer, and offices have closed days."""

    pool: Pool

    async def begin(self, now: datetime) -> int:
        """Queue them, unless that was done today; return how many rounds began."""
        async with transaction(self.pool) as conn:
            return int(await standing_store.begin_round(conn, local_day(now)))
