"""Applies what is said about consents: stores them, or ends them with all that rested on them.

A ConsentCollected of a school counts as if the office that registered the person had granted it, if the
person sits in that course. None of them waits: what ends a consent counts at once. What holds follows from
everything that was said, in whatever order it is read (`consents.log`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from schemas.codes import ConsentPurpose
from schemas.days import local_day
from schemas.support import ConsentCollected, ConsentGranted, ConsentRevoked
from services.notifications import revocation
from services.notifications.consents import log, store
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

    Nobody has signed on a day that is still to come: such a grant is refused. One that an older or newer
    word of the person leaves without effect is accepted without a warning, which would tell of that word.
    The caller has called `gate.end_consent` if an event corrects another; such batches go one by one, because
    whether a grant had been read before its correction is said about both.
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
    counting = [event for event in events if event.cause in registrars]
    gone = await log.retracted(conn, [event.cause for event in counting])
    warnings = await _add(conn, counting, registrars, now, months)
    warnings |= dict.fromkeys(gone, (Problem("event_superseded"),))
    concerned = {consent for event in counting for consent in _consents(event)}
    await _hold(conn, concerned)
    for event in counting:
        if (corrected := meant(event)) is not None:  # replaced, even if its correction was taken back too
            known = await _take_back(conn, event, corrected, now)
            await _settle(conn, secrets, dict.fromkeys(concerned | set(known), local_day(now)), now)
            warnings[event.cause] += () if known else (publishers.never_read(event),)
    return [
        Applied(warnings[event.cause])
        if event.cause in registrars
        else Rejected(_AHEAD if event.cause in ahead else _NOT_SEATED)
        for event in events
    ]


async def _hold(conn: Connection, concerned: Collection[Consent]) -> set[Consent]:
    """Store what holds of these consents by their log, have it reconciled, and return it."""
    holding = await log.standing(conn, concerned)
    await store.put(conn, sorted(holding, key=lambda one: one.consent))
    await people.request_reconciliation(conn, [one.consent.participant for one in holding])
    return {one.consent for one in holding}


async def _settle(
    conn: Connection, secrets: PersonSecrets, concerned: Mapping[Consent, date], now: datetime
) -> None:
    """Store what holds of these consents, end the others on the given day. The gate is taken alone."""
    gone = concerned.keys() - await _hold(conn, concerned)
    ended = [one for one in await store.open_of(conn, [one.participant for one in gone]) if one in gone]
    if ended:
        await revocation.end(conn, secrets, ended, [concerned[one] for one in ended], now)


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


async def _add(
    conn: Connection, events: Sequence[Incoming], registrars: Mapping[UUID, str], now: datetime, months: int
) -> dict[UUID, tuple[Problem, ...]]:
    """Add grants to the log; return the warnings about each event."""
    offices = {registrars[event.cause] for event in events}
    organisations = await publishers.organisations(conn, offices)
    authorities = await publishers.authorities(conn, offices)
    grants: list[log.Granted] = []
    for event in events:
        data, office = _granted(event), registrars[event.cause]
        until = valid_until(data.given_on, _asked(data), months)
        grants += [
            log.Granted(
                consent,
                office,
                organisations.get(office, office),
                authorities.get(office, True),
                data.given_on,
                until,
                data.form,
                event.cause,
            )
            for consent in _consents(event)
        ]
    await log.add_grants(conn, grants, now)
    granted = {event.cause: _granted(event) for event in events}
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


def _consents(event: Incoming) -> list[Consent]:
    data = _granted(event)
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


async def _take_back(conn: Connection, event: Incoming, grant_: UUID, now: datetime) -> list[Consent]:
    """Keep a grant from counting, also if it is read later; return what it named, if it was read."""
    known = await log.granted_by(conn, grant_)
    today = local_day(now)
    await log.add(conn, [log.Step(grant_, one, "retracted", today) for one in known or _consents(event)], now)
    return known


async def revoke(
    conn: Connection, events: Sequence[Incoming], now: datetime, *, secrets: PersonSecrets
) -> list[Verdict]:
    """End the consents that people took back. The caller has called `gate.end_consent`.

    Revoking a consent that does not exist is accepted: afterwards nothing is allowed, as the person wants.
    """
    unread = await publishers.not_read_before(conn, events)
    today = local_day(now)
    verdicts: list[Verdict] = []
    said: list[tuple[UUID, Revocation]] = []
    concerned: dict[Consent, date] = {}
    for event in events:
        match event.event.data:
            case ConsentRevoked() if event.event.retracts is not None:
                # Retracting a revocation does not restore consent.
                verdicts.append(Rejected(Problem("revocation_not_retractable", field="ce_retracts")))
            case ConsentRevoked(office=office, purposes=purposes, revoked_on=day):
                one = Revocation(UUID(event.subject), office, frozenset(purposes), day)
                said += [(event.cause, under) for under in await _under_all_ids(conn, one)]
                verdicts.append(Applied((publishers.never_read(event),) if event.cause in unread else ()))
            case ConsentGranted() | ConsentCollected():
                found, warnings = await _retract(conn, event, now)
                concerned |= dict.fromkeys(found, today)
                verdicts.append(Applied(warnings))
            case _:
                raise TypeError(event.event.type)
    await log.add(conn, [step for cause, one in said for step in _steps(cause, one, today)], now)
    revocations = [one for _, one in said]
    known = await store.open_of(conn, [one.participant for one in revocations])
    for consent in ended_by(revocations, known):
        concerned[consent] = max(one.revoked_on for one in revocations if one.ends(consent))
    await _settle(conn, secrets, concerned, now)
    return verdicts


def _steps(cause: UUID, said: Revocation, today: date) -> list[log.Step]:
    """Return the steps of a revocation; one that is dated ahead is of today, no later grant falls by it."""
    return [
        log.Step(
            cause,
            Consent(said.participant, said.office or log.EVERY, purpose),
            "revoked",
            min(said.revoked_on, today),
        )
        for purpose in sorted(said.purposes or {log.EVERY})
    ]


async def _retract(
    conn: Connection, event: Incoming, now: datetime
) -> tuple[list[Consent], tuple[Problem, ...]]:
    """Take a grant back; return the consents that it had named, and what is to be said about that."""
    retracted = meant(event)
    if retracted is None:
        raise ValueError("a grant that is not retracted revokes nothing")
    held = await store.rests_on(conn, retracted)
    known = await _take_back(conn, event, retracted, now)
    if not known:
        return [], (publishers.never_read(event),)
    if held or isinstance(event.event.data, ConsentCollected):
        return known, ()  # what became of it meanwhile is not the school's to know
    return known, (Problem("event_superseded", field="ce_retracts"),)


async def _under_all_ids(conn: Connection, said: Revocation) -> list[Revocation]:
    """Repeat a revocation for the person's other ids: a merged person revokes under all of them."""
    others = await store.other_ids(conn, [said.participant])
    ids = (said.participant, *others.get(said.participant, ()))
    return [replace(said, participant=id_) for id_ in ids]
