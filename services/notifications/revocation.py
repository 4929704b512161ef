"""Ends consents together with everything that rested on them: alerts, disclosures, keys, participation."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4, uuid5

from schemas.codes import ConsentPurpose
from schemas.days import local_day
from schemas.identity import NAMESPACE
from services.notifications.alerts import withdrawal
from services.notifications.consents import evidence, log, store
from services.notifications.consents.domain import Consent
from services.notifications.consents.evidence import Evidence
from services.notifications.gate import end_consent
from services.notifications.participation import results_store as results
from services.notifications.participation import stand_ins
from services.notifications.participation import store as participation
from services.notifications.people import store as people
from services.notifications.people.keys import PersonSecrets
from services.runtime.bookkeeping import erased
from services.runtime.data.db import Connection

_BATCH = 100


async def end(
    conn: Connection,
    secrets: PersonSecrets,
    ended: Sequence[Consent],
    revoked_on: Sequence[date | None],
    now: datetime,
) -> None:
    """End consents in the caller's transaction, which has called `gate.end_consent`.

    `revoked_on` holds one day for each consent, or None for a consent that lapsed.
    """
    await store.end(conn, ended, revoked_on, now)
    keys = [(consent.participant, consent.office, consent.purpose) for consent in ended]
    await withdrawal.withdraw_without_consent(conn, keys, now)
    await people.end_by_consent(conn, keys, now)
    concerned = sorted({consent.participant for consent in ended})
    await people.destroy_keys_without_disclosure(conn, concerned)
    support = sorted({c.participant for c in ended if c.purpose == ConsentPurpose.DROPOUT_SUPPORT})
    if support:
        allowing = await store.still_open(conn, support, ConsentPurpose.DROPOUT_SUPPORT)
        gone = [person for person in support if person not in allowing]
        held_under = {person: stand_ins.hashed(secrets.stand_in(person)) for person in gone}
        await participation.erase_participation(conn, gone, held_under)
        await results.erase(conn, gone, sections=True, finals=False)
    await _end_afterwards(conn, ended)
    await people.request_reconciliation(conn, concerned)


async def _end_afterwards(conn: Connection, ended: Sequence[Consent]) -> None:
    """Erase what rested on a consent for afterwards, and examinations that rest on none any more."""
    under = {
        purpose: await store.still_open(conn, sorted({one.participant for one in ended}), purpose)
        for purpose in (ConsentPurpose.DROPOUT_SUPPORT, ConsentPurpose.AFTER_COURSE)
    }
    over = sorted(
        {one.participant for one in ended if one.purpose == ConsentPurpose.AFTER_COURSE}
        - under[ConsentPurpose.AFTER_COURSE]
    )
    await participation.erase_risks_afterwards(conn, over)
    nothing_left = {one.participant for one in ended} - set().union(*under.values())
    await results.erase(conn, sorted(nothing_left), sections=False, finals=True)


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody takes back by telling the counselling office that they had allowed to know."""

    participant: UUID
    organisation: str
    office: str
    purposes: AbstractSet[str]
    said_on: date
    how: str
    """A word of `evidence.HOW`."""
    entered_by: str


async def end_told(conn: Connection, secrets: PersonSecrets, told: Told, now: datetime) -> int:
    """End what was taken back, under all ids of the person; return how many consents for this office ended.

    Runs in a transaction of its own, for the worker. What other offices may know stays as it is.
    """
    await erased.lock_for_writing(conn)
    await end_consent(conn)
    others = await store.other_ids(conn, [told.participant])
    ids = [told.participant, *others.get(told.participant, ())]
    known = await store.open_of(conn, ids)
    ended = [one for one in known if one.office == told.office and one.purpose in told.purposes]
    if ended:
        cause = uuid4()
        await end(conn, secrets, ended, [told.said_on] * len(ended), now)
        every = [Consent(id_, told.office, purpose) for id_ in ids for purpose in sorted(told.purposes)]
        await log.add(conn, [log.Step(cause, one, "revoked", told.said_on) for one in every], now)
        proof = Evidence(
            cause, told.participant, told.organisation, told.office, "", "", "", told.entered_by, told.how
        )
        await evidence.add(conn, [proof], now)
    return len(ended)


async def end_lapsed(conn: Connection, secrets: PersonSecrets, now: datetime) -> int:
    """End some of the consents whose last day has passed; return how many."""
    await end_consent(conn)
    today = local_day(now)
    lapsed = await store.lapsed(conn, today, _BATCH)
    if lapsed:
        await end(conn, secrets, lapsed, [None] * len(lapsed), now)
        cause = uuid5(NAMESPACE, f"consents-lapsed/{today}")
        await log.add(conn, [log.Step(cause, consent, "lapsed", today) for consent in lapsed], now)
    return len(lapsed)


async def end_all(
    conn: Connection, secrets: PersonSecrets, participants: Sequence[UUID], now: datetime
) -> None:
    """End every consent of people who are to be erased. The caller has called `gate.end_consent`."""
    ended = await store.open_of(conn, participants)
    if ended:
        await end(conn, secrets, ended, [local_day(now)] * len(ended), now)
