"""Granting and ending consents; what rested on one ends in the same transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID, uuid5

from schemas.codes import ConsentPurpose
from schemas.days import local_day
from schemas.identity import NAMESPACE
from schemas.support import ConsentGranted, ConsentRevoked
from services.notifications.alerts import withdrawing
from services.notifications.consents import store
from services.notifications.consents.domain import Consent, Revocation, ended_by, valid_until
from services.notifications.gate import end_consent
from services.notifications.participation import facts_store
from services.notifications.participation import store as participation
from services.notifications.people import store as people
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Applied, Incoming, Problem, Rejected, Verdict

_BATCH = 100


async def grant(conn: Connection, events: Sequence[Incoming], months: int, now: datetime) -> list[Verdict]:
    """Store what people allowed; their open enrolments and risks are looked at again."""
    publishers = {event.publisher or "" for event in events}
    organisations = await facts_store.organisations(conn, publishers)
    authorities = await facts_store.authorities(conn, publishers)
    grants: dict[Consent, store.Grant] = {}
    steps: list[store.Step] = []
    said: list[ConsentGranted] = []
    for event in events:
        data = event.event.data
        if not isinstance(data, ConsentGranted):
            raise TypeError(event.event.type)
        said.append(data)
        office = event.publisher or ""
        until = valid_until(data.given_on, data.valid_until, months)
        for purpose in data.purposes:
            consent = Consent(UUID(event.subject), data.office, purpose)
            grants[consent] = store.Grant(
                consent,
                office,
                organisations.get(office, office),
                authorities.get(office, True),
                data.given_on,
                until,
                data.form,
            )
            steps.append(store.Step(event.cause, consent, "granted", data.given_on))
    await store.put(conn, [grants[consent] for consent in sorted(grants)])
    await store.log(conn, steps, now)
    await people.ask_again(conn, [consent.participant for consent in grants])
    unknown = await store.unknown_offices(conn, [data.office for data in said])
    return [Applied(_warnings(data, unknown, months)) for data in said]


def _warnings(data: ConsentGranted, unknown_offices: set[str], months: int) -> tuple[Problem, ...]:
    warnings = []
    if data.office in unknown_offices:
        warnings.append(Problem("office_unknown", field="office"))
    if data.valid_until is not None and data.valid_until != valid_until(
        data.given_on, data.valid_until, months
    ):
        warnings.append(Problem("consent_shortened", field="valid_until", params={"months": months}))
    if any(purpose not in set(ConsentPurpose) for purpose in data.purposes):
        warnings.append(Problem("purpose_unknown", field="purposes"))
    return tuple(warnings)


async def revoke(conn: Connection, events: Sequence[Incoming], now: datetime) -> list[Verdict]:
    """End what people took back, with everything that rested on it.

    The caller has closed the gate (`gate.end_consent`).
    """
    verdicts: list[Verdict] = []
    revocations: list[tuple[Incoming, Revocation]] = []
    for event in events:
        revocation = _revocation(event, now)
        if revocation is None:
            verdicts.append(Rejected(Problem("revocation_not_retractable", field="ce_retracts")))
        else:
            verdicts.append(Applied())
            revocations.append((event, revocation))
    revocations = await _under_all_ids(conn, revocations)
    known = await store.open_of(conn, [r.participant for _, r in revocations])
    ended = ended_by([r for _, r in revocations], known)
    if ended:
        days = [max(r.revoked_on for _, r in revocations if r.ends(consent)) for consent in ended]
        await _end(conn, ended, list(days), now)
        await store.log(
            conn,
            [
                store.Step(event.cause, consent, "revoked", revocation.revoked_on)
                for event, revocation in revocations
                for consent in ended
                if revocation.ends(consent)
            ],
            now,
        )
    # A revocation of nothing is no mistake: what counts is that nothing is allowed afterwards.
    return verdicts


async def _under_all_ids(
    conn: Connection, revocations: Sequence[tuple[Incoming, Revocation]]
) -> list[tuple[Incoming, Revocation]]:
    """Add the other ids of people who were merged: it is the person who takes consent back."""
    others = await store.other_ids(conn, [revocation.participant for _, revocation in revocations])
    return [
        (event, replace(revocation, participant=id_))
        for event, revocation in revocations
        for id_ in (revocation.participant, *others.get(revocation.participant, ()))
    ]


def _revocation(event: Incoming, now: datetime) -> Revocation | None:
    """Read what is taken back; a retracted revocation is none: only the person can allow it again."""
    match event.event.data:
        case ConsentRevoked(office=office, purposes=purposes, revoked_on=day):
            if event.event.retracts is not None:
                return None
            return Revocation(UUID(event.subject), office, frozenset(purposes), day)
        case ConsentGranted(office=office, purposes=purposes):
            return Revocation(UUID(event.subject), office, frozenset(purposes), local_day(now))
        case _:
            raise TypeError(event.event.type)


async def lapse(conn: Connection, now: datetime) -> int:
    """End consents whose last day has passed, like revocations."""
    await end_consent(conn)
    today = local_day(now)
    over = await store.lapsed(conn, today, _BATCH)
    if over:
        await _end(conn, over, [None] * len(over), now)
        cause = uuid5(NAMESPACE, f"consents-lapsed/{today}")
        await store.log(conn, [store.Step(cause, consent, "lapsed", today) for consent in over], now)
    return len(over)


async def end_all(conn: Connection, participants: Sequence[UUID], now: datetime) -> None:
    """End every consent of people who are to be erased. The caller has closed the gate."""
    ended = await store.open_of(conn, participants)
    if ended:
        await _end(conn, ended, [local_day(now)] * len(ended), now)


async def _end(
    conn: Connection, ended: Sequence[Consent], revoked_on: Sequence[date | None], now: datetime
) -> None:
    """End consents: alerts, disclosures, keys, and what was kept of participation under them."""
    await store.end(conn, ended, revoked_on, now)
    keys = [(consent.participant, consent.office, consent.purpose) for consent in ended]
    await withdrawing.without_consent(conn, keys, now)
    await people.end_by_consent(conn, keys, now)
    concerned = sorted({consent.participant for consent in ended})
    await people.destroy_keys_without_disclosure(conn, concerned)
    support = sorted({c.participant for c in ended if c.purpose == ConsentPurpose.DROPOUT_SUPPORT})
    if support:
        allowing = await store.still_allowing(conn, support, ConsentPurpose.DROPOUT_SUPPORT)
        await participation.erase_participation(conn, [p for p in support if p not in allowing])
    await people.ask_again(conn, concerned)
