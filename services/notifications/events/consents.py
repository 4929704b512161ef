"""Applies ConsentGranted and ConsentRevoked: stores consents, or ends them with all that rested on them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from schemas.codes import ConsentPurpose
from schemas.days import local_day
from schemas.support import ConsentGranted, ConsentRevoked
from services.notifications import revocation
from services.notifications.consents import store
from services.notifications.consents.domain import Consent, Revocation, ended_by, valid_until
from services.notifications.events import store as publishers
from services.notifications.people import store as people
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Applied, Incoming, Problem, Rejected, Verdict


async def grant(conn: Connection, events: Sequence[Incoming], now: datetime, *, months: int) -> list[Verdict]:
    """Store what people allowed, for `months` at most, and have their alerts reconciled."""
    offices = {event.publisher or "" for event in events}
    organisations = await publishers.organisations(conn, offices)
    authorities = await publishers.authorities(conn, offices)
    grants: dict[Consent, store.GrantRow] = {}
    steps: list[store.ConsentStep] = []
    granted: list[ConsentGranted] = []
    for event in events:
        data = event.event.data
        if not isinstance(data, ConsentGranted):
            raise TypeError(event.event.type)
        granted.append(data)
        office = event.publisher or ""
        until = valid_until(data.given_on, data.valid_until, months)
        for purpose in data.purposes:
            consent = Consent(UUID(event.subject), data.office, purpose)
            grants[consent] = store.GrantRow(
                consent,
                office,
                organisations.get(office, office),
                authorities.get(office, True),
                data.given_on,
                until,
                data.form,
            )
            steps.append(store.ConsentStep(event.cause, consent, "granted", data.given_on))
    await store.put(conn, [grants[consent] for consent in sorted(grants)])
    await store.log(conn, steps, now)
    await people.request_reconciliation(conn, [consent.participant for consent in grants])
    unknown = await store.unknown_offices(conn, [data.office for data in granted])
    return [Applied(_warnings(data, unknown, months)) for data in granted]


def _warnings(data: ConsentGranted, unknown_offices: set[str], months: int) -> tuple[Problem, ...]:
    warnings = []
    if data.office in unknown_offices:
        warnings.append(Problem("office_unknown", field="office"))
    if data.valid_until is not None and data.valid_until < data.given_on:
        warnings.append(Problem("ends_before_it_begins", field="valid_until"))
    elif data.valid_until is not None and data.valid_until != valid_until(
        data.given_on, data.valid_until, months
    ):
        warnings.append(Problem("consent_shortened", field="valid_until", params={"months": months}))
    if any(purpose not in set(ConsentPurpose) for purpose in data.purposes):
        warnings.append(Problem("purpose_unknown", field="purposes"))
    return tuple(warnings)


async def revoke(conn: Connection, events: Sequence[Incoming], now: datetime) -> list[Verdict]:
    """End the consents that people took back. The caller has called `gate.end_consent`.

    Revoking a consent that does not exist is accepted: afterwards nothing is allowed, as the person wants.
    """
    verdicts: list[Verdict] = []
    revocations: list[tuple[Incoming, Revocation]] = []
    for event in events:
        read = _revocation(event, now)
        if read is None:
            verdicts.append(Rejected(Problem("revocation_not_retractable", field="ce_retracts")))
        else:
            verdicts.append(Applied())
            revocations.append((event, read))
    revocations = await _under_all_ids(conn, revocations)
    known = await store.open_of(conn, [r.participant for _, r in revocations])
    ended = ended_by([r for _, r in revocations], known)
    if ended:
        days = [max(r.revoked_on for _, r in revocations if r.ends(consent)) for consent in ended]
        await revocation.end(conn, ended, days, now)
        steps = [
            store.ConsentStep(event.cause, consent, "revoked", r.revoked_on)
            for event, r in revocations
            for consent in ended
            if r.ends(consent)
        ]
        await store.log(conn, steps, now)
    return verdicts


async def _under_all_ids(
    conn: Connection, revocations: Sequence[tuple[Incoming, Revocation]]
) -> list[tuple[Incoming, Revocation]]:
    """Repeat each revocation for the person's other ids: a merged person revokes under all of them."""
    others = await store.other_ids(conn, [revocation.participant for _, revocation in revocations])
    return [
        (event, replace(revocation, participant=id_))
        for event, revocation in revocations
        for id_ in (revocation.participant, *others.get(revocation.participant, ()))
    ]


def _revocation(event: Incoming, now: datetime) -> Revocation | None:
    """Return the revocation, or None for a retracted one: retracting it does not restore consent.

    A retracted grant is a revocation of today.
    """
    match event.event.data:
        case ConsentRevoked(office=office, purposes=purposes, revoked_on=day):
            if event.event.retracts is not None:
                return None
            return Revocation(UUID(event.subject), office, frozenset(purposes), day)
        case ConsentGranted(office=office, purposes=purposes):
            return Revocation(UUID(event.subject), office, frozenset(purposes), local_day(now))
        case _:
            raise TypeError(event.event.type)
