"""Applies what is said about consents: stores them, or ends them with all that rested on them.

A ConsentCollected of a school counts as if the office that registered the person had granted it, if the
person sits in that course. None of them waits: what ends a consent counts at once. A grant that is read
after its own correction or retraction has no effect (`consent_step` holds that it was taken back).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from schemas.codes import ConsentPurpose
from schemas.days import local_day
from schemas.support import ConsentCollected, ConsentGranted, ConsentRevoked
from services.notifications import revocation
from services.notifications.consents import store
from services.notifications.consents.domain import Consent, Revocation, ended_by, valid_until
from services.notifications.events import store as publishers
from services.notifications.events.store import meant
from services.notifications.participation.seats_store import registering_offices
from services.notifications.people import store as people
from services.notifications.people.keys import PersonSecrets
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Applied, Incoming, Problem, Rejected, Verdict

Grant = ConsentGranted | ConsentCollected
_NOT_SEATED = Problem("participant_not_in_course", field="participant")
_AHEAD = Problem("given_in_future", field="given_on")
_ONE_DAY = timedelta(days=1)
"""A publisher's clock may be past midnight while ours is not."""


def ends_some(event: Incoming) -> bool:
    """Return whether an event may end consents: a correction of a grant ends what it leaves out."""
    data = event.event.data
    return isinstance(data, ConsentRevoked) or (isinstance(data, Grant) and meant(event) is not None)


async def grant(
    conn: Connection, events: Sequence[Incoming], now: datetime, *, months: int, secrets: PersonSecrets
) -> list[Verdict]:
    """Store what people allowed, for `months` at most, and have their alerts reconciled.

    Nobody has signed on a day that is still to come: such a grant is refused.
    The caller has called `gate.end_consent` if an event corrects another; such batches go one by one,
    because a correction ends what the grants before it have stored.
    """
    if len(events) > 1 and any(map(ends_some, events)):
        return [
            verdict
            for event in events
            for verdict in await grant(conn, [event], now, months=months, secrets=secrets)
        ]
    latest = local_day(now) + _ONE_DAY
    ahead = {event.cause for event in events if _granted(event).given_on > latest}
    registrars = await _registrars(conn, [event for event in events if event.cause not in ahead])
    taken_back = await store.taken_back(conn, [event.cause for event in events])
    counting = [event for event in events if event.cause in registrars and event.cause not in taken_back]
    warnings = await _grant(conn, counting, registrars, now, months)
    for event in events:
        if event.cause not in registrars:
            continue
        said = warnings.setdefault(event.cause, (Problem("event_superseded"),))
        if (corrected := meant(event)) is not None:  # replaced, even if its correction was taken back too
            warnings[event.cause] = said + await _replace(conn, secrets, event, corrected, now)
    return [
        Applied(warnings[event.cause])
        if event.cause in registrars
        else Rejected(_AHEAD if event.cause in ahead else _NOT_SEATED)
        for event in events
    ]


async def _registrars(conn: Connection, events: Sequence[Incoming]) -> dict[UUID, str]:
    """Return which office stands for each grant, by its cause; a school's about nobody seated has none."""
    collected = [event for event in events if isinstance(event.event.data, ConsentCollected)]
    seats = {event.cause: _seat(event) for event in collected}
    known = await registering_offices(conn, list(seats.values())) if seats else {}
    found = {event.cause: event.publisher or "" for event in events if event.cause not in seats}
    return found | {cause: known[seat] for cause, seat in seats.items() if seat in known}


def _seat(event: Incoming) -> tuple[UUID, UUID]:
    """Return course and person of what a school has collected: nobody speaks of somebody else's course."""
    data = event.event.data
    if not isinstance(data, ConsentCollected):
        raise TypeError(event.event.type)
    return data.course_id(event.publisher or ""), UUID(event.subject)


async def _grant(
    conn: Connection, events: Sequence[Incoming], registrars: Mapping[UUID, str], now: datetime, months: int
) -> dict[UUID, tuple[Problem, ...]]:
    """Store grants; return the warnings about each event."""
    offices = {registrars[event.cause] for event in events}
    organisations = await publishers.organisations(conn, offices)
    authorities = await publishers.authorities(conn, offices)
    grants: dict[Consent, store.GrantRow] = {}
    steps: list[store.ConsentStep] = []
    granted: dict[UUID, Grant] = {}
    for event in events:
        data = granted[event.cause] = _granted(event)
        office = registrars[event.cause]
        until = valid_until(data.given_on, _asked(data), months)
        for consent in _consents(event, data):
            grants[consent] = store.GrantRow(
                consent,
                office,
                organisations.get(office, office),
                authorities.get(office, True),
                data.given_on,
                until,
                data.form,
                event.cause,
            )
            steps.append(store.ConsentStep(event.cause, consent, "granted", data.given_on))
    await store.put(conn, [grants[consent] for consent in sorted(grants)])
    await store.log(conn, steps, now)
    await people.request_reconciliation(conn, [consent.participant for consent in grants])
    unknown = await store.unknown_offices(conn, [data.office for data in granted.values()])
    return {cause: _warnings(data, unknown, months) for cause, data in granted.items()}


def _granted(event: Incoming) -> Grant:
    data = event.event.data
    if not isinstance(data, Grant):
        raise TypeError(event.event.type)
    return data


def _asked(data: Grant) -> date | None:
    """Return the last day that was asked for."""
    return data.valid_until if isinstance(data, ConsentGranted) else None


def _consents(event: Incoming, data: Grant) -> list[Consent]:
    return [Consent(UUID(event.subject), data.office, purpose) for purpose in data.purposes]


def _warnings(data: Grant, unknown_offices: set[str], months: int) -> tuple[Problem, ...]:
    warnings = []
    if data.office in unknown_offices:
        warnings.append(Problem("office_unknown", field="office"))
    asked = _asked(data)
    if asked is not None and asked < data.given_on:
        warnings.append(Problem("ends_before_it_begins", field="valid_until"))
    elif asked is not None and asked != valid_until(data.given_on, asked, months):
        warnings.append(Problem("consent_shortened", field="valid_until", params={"months": months}))
    if any(purpose not in set(ConsentPurpose) for purpose in data.purposes):
        warnings.append(Problem("purpose_unknown", field="purposes"))
    return tuple(warnings)


async def _replace(
    conn: Connection, secrets: PersonSecrets, event: Incoming, corrected: UUID, now: datetime
) -> tuple[Problem, ...]:
    """End what a corrected grant had allowed and its correction does not."""
    known = await store.was_granted(conn, corrected)
    rest = await store.resting_on(conn, corrected)
    today = local_day(now)
    await store.log(conn, _taken_back(corrected, _consents(event, _granted(event)), today), now)
    if rest:
        await revocation.end(conn, secrets, rest, [today] * len(rest), now)
        await store.log(conn, [store.ConsentStep(event.cause, one, "revoked", today) for one in rest], now)
    return () if known else (publishers.never_read(event),)


def _taken_back(grant_: UUID, consents: Collection[Consent], day: date) -> list[store.ConsentStep]:
    """Return the steps that keep a grant from counting if it is read later than what took it back."""
    return [store.ConsentStep(grant_, consent, "revoked", day) for consent in consents]


async def revoke(
    conn: Connection, events: Sequence[Incoming], now: datetime, *, secrets: PersonSecrets
) -> list[Verdict]:
    """End the consents that people took back. The caller has called `gate.end_consent`.

    Revoking a consent that does not exist is accepted: afterwards nothing is allowed, as the person wants.
    """
    unread = await publishers.not_read_before(conn, events)
    verdicts: list[Verdict] = []
    revocations: list[tuple[Incoming, Revocation]] = []
    for event in events:
        match event.event.data:
            case ConsentRevoked() if event.event.retracts is not None:
                # Retracting a revocation does not restore consent.
                verdicts.append(Rejected(Problem("revocation_not_retractable", field="ce_retracts")))
            case ConsentRevoked(office=office, purposes=purposes, revoked_on=day):
                said = Revocation(UUID(event.subject), office, frozenset(purposes), day)
                revocations += await _under_all_ids(conn, event, said)
                verdicts.append(Applied((publishers.never_read(event),) if event.cause in unread else ()))
            case ConsentGranted() | ConsentCollected() as data:
                found, warnings = await _retracted(conn, event, data, now)
                revocations += [(event, one) for one in found]
                verdicts.append(Applied(warnings))
            case _:
                raise TypeError(event.event.type)
    known = await store.open_of(conn, [one.participant for _, one in revocations])
    ended = ended_by([one for _, one in revocations], known)
    if ended:
        days = [max(one.revoked_on for _, one in revocations if one.ends(consent)) for consent in ended]
        await revocation.end(conn, secrets, ended, days, now)
        steps = [
            store.ConsentStep(event.cause, consent, "revoked", one.revoked_on)
            for event, one in revocations
            for consent in ended
            if one.ends(consent)
        ]
        await store.log(conn, steps, now)
    return verdicts


async def _retracted(
    conn: Connection, event: Incoming, data: Grant, now: datetime
) -> tuple[list[Revocation], tuple[Problem, ...]]:
    """Return the revocations, of today, of what a retracted grant had allowed and nothing later allows."""
    retracted, today = meant(event), local_day(now)
    if retracted is None:
        raise ValueError("a grant that is not retracted revokes nothing")
    known = await store.was_granted(conn, retracted)
    rest = await store.resting_on(conn, retracted)
    await store.log(conn, _taken_back(retracted, _consents(event, data), today), now)
    found = [Revocation(one.participant, one.office, frozenset({one.purpose}), today) for one in rest]
    if not known:
        return found, (publishers.never_read(event),)
    if rest or isinstance(data, ConsentCollected):  # what became of it meanwhile is not the school's to know
        return found, ()
    return found, (Problem("event_superseded", field="ce_retracts"),)


async def _under_all_ids(
    conn: Connection, event: Incoming, said: Revocation
) -> list[tuple[Incoming, Revocation]]:
    """Repeat a revocation for the person's other ids: a merged person revokes under all of them."""
    others = await store.other_ids(conn, [said.participant])
    ids = (said.participant, *others.get(said.participant, ()))
    return [(event, replace(said, participant=id_)) for id_ in ids]
