"""Keeps, reads, discloses and erases what is known about a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from schemas.days import local_day
from services.notifications.people import crypto, store
from services.notifications.people.domain import VISIBLE, Contact, Purpose, merge, visible
from services.notifications.people.keys import PersonSecrets
from services.runtime.bookkeeping import erased
from services.runtime.data.db import Connection


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: an organisation, the person signed in or a process, and for which purpose."""

    organisation: str
    actor: str
    purpose: Purpose


class ForeignPersonError(Exception):
    """The participant id belongs to a record of another organisation."""


class ErasedPersonError(Exception):
    """The participant id belongs to somebody who was erased; whoever comes back gets another reference."""


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """A person's contact data as the registering office gives them."""

    participant: UUID
    organisation: str
    office: str
    reference: str
    contact: Contact


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Another organisation's right to read a person for one purpose, based on a placement or alert."""

    participant: UUID
    organisation: str
    office: str
    purpose: Purpose
    basis: UUID
    until: date


async def keep(conn: Connection, secrets: PersonSecrets, person: PersonRecord, now: datetime) -> None:
    """Store contact data, or add to what is known; the same again changes nothing.

    Runs for the worker and for the web role of the registering organisation.

    Raises:
        ForeignPersonError: the person belongs to another organisation.
        ErasedPersonError: the person was erased.
    """
    await erased.lock_for_writing(conn)
    if await erased.among(conn, secrets.identity_key, [person.participant]):
        raise ErasedPersonError
    known = await _update(conn, secrets, person, now) or await _insert(conn, secrets, person, now)
    # Neither updated nor inserted: another transaction inserted the same person in between.
    if not known and not await _update(conn, secrets, person, now):
        raise ForeignPersonError
    await store.request_reconciliation(conn, [person.participant])


async def _insert(conn: Connection, secrets: PersonSecrets, person: PersonRecord, now: datetime) -> bool:
    secret = await secrets.ensure(person.participant)  # before the person: a crash leaves nobody without it
    data_key = crypto.new_data_key()
    added = await store.add_person(
        conn,
        person.participant,
        organisation=person.organisation,
        office=person.office,
        reference=person.reference,
        languages=person.contact.languages,
        sealed=crypto.seal(person.contact, data_key, person.participant),
        likeness=_likeness(secrets, person.contact, person.organisation),
        now=now,
    )
    if added:
        wrapped = crypto.wrap(data_key, secret, person.participant, person.organisation)
        await store.add_keys(conn, [(person.participant, person.organisation, wrapped)])
    return added


async def _update(conn: Connection, secrets: PersonSecrets, person: PersonRecord, now: datetime) -> bool:
    row = await store.own_key(conn, person.participant, person.organisation)
    if row is None:
        return False
    secret = (await secrets.of([person.participant])).get(person.participant)
    if secret is None:  # destroyed, or lost with a backup: what was sealed is gone, what is told now is kept
        return await _seal_anew(conn, secrets, person, now)
    data_key = crypto.unwrap(row["wrapped"], secret, person.participant, person.organisation)
    known = crypto.unseal(row["sealed"], data_key, person.participant)
    contact = merge(known, person.contact)
    if contact != known:
        sealed = crypto.seal(contact, data_key, person.participant)
        await store.replace_person(
            conn,
            person.participant,
            languages=contact.languages,
            sealed=sealed,
            likeness=_likeness(secrets, contact, person.organisation),
            now=now,
        )
    return True


async def _seal_anew(conn: Connection, secrets: PersonSecrets, person: PersonRecord, now: datetime) -> bool:
    """Seal what is told now under a new secret; what was sealed under the lost one is given up."""
    secret, data_key = await secrets.ensure(person.participant), crypto.new_data_key()
    await store.replace_person(
        conn,
        person.participant,
        languages=person.contact.languages,
        sealed=crypto.seal(person.contact, data_key, person.participant),
        likeness=_likeness(secrets, person.contact, person.organisation),
        now=now,
    )
    wrapped = crypto.wrap(data_key, secret, person.participant, person.organisation)
    await store.replace_key(conn, person.participant, person.organisation, wrapped)
    return True


def _likeness(secrets: PersonSecrets, contact: Contact, organisation: str) -> bytes | None:
    return crypto.likeness_of(contact, secrets.identity_key.likeness_key(organisation))


async def alike(
    conn: Connection,
    secrets: PersonSecrets,
    contact: Contact,
    other_than: UUID,
    *,
    organisation: str,
    office: str,
) -> dict[UUID, str]:
    """Return the office's own records that may be the same person, id -> reference; reads no name.

    Records of other offices of the organisation count as unknown: that somebody is registered elsewhere
    is no news for a desk to break.
    """
    likeness = _likeness(secrets, contact, organisation)
    if likeness is None:
        return {}
    rows = await store.alike(conn, organisation, office, likeness, other_than)
    return {row["participant_id"]: row["reference"] for row in rows}


async def read(
    conn: Connection, secrets: PersonSecrets, reader: Reader, participants: Sequence[UUID], now: datetime
) -> dict[UUID, Contact]:
    """Return what the reader may see of these people; no other function returns a name.

    People whom the reader may not see are missing from the answer. Every look is logged in the same
    transaction.
    """
    rows = await store.readable(conn, participants, reader.organisation, reader.purpose, local_day(now))
    if rows:
        await store.log_looks(
            conn,
            [row["participant_id"] for row in rows],
            organisation=reader.organisation,
            actor=reader.actor,
            purpose=reader.purpose,
            fields=sorted(VISIBLE[reader.purpose]),
            now=now,
        )
    found = {}
    known = await secrets.of([row["participant_id"] for row in rows])
    for row in rows:
        participant = row["participant_id"]
        if participant not in known:
            continue
        try:
            data_key = crypto.unwrap(row["wrapped"], known[participant], participant, reader.organisation)
        except crypto.SealError:  # sealed anew since, because the old secret was lost
            continue
        found[participant] = visible(crypto.unseal(row["sealed"], data_key, participant), reader.purpose)
    return found


async def disclose(
    conn: Connection, secrets: PersonSecrets, disclosures: Sequence[Disclosure], now: datetime
) -> None:
    """Open disclosures, and wrap the data keys for the readers (later, if there are no contact data yet)."""
    if not disclosures:
        return
    unique = {(d.participant, d.organisation, d.office, d.purpose, d.basis): d for d in disclosures}
    ordered = [unique[key] for key in sorted(unique)]
    await store.open_disclosures(
        conn,
        [(d.participant, d.organisation, d.office, d.purpose, d.basis, d.until) for d in ordered],
        now,
    )
    await wrap_missing(conn, secrets, [d.participant for d in ordered])


async def wrap_missing(conn: Connection, secrets: PersonSecrets, participants: Sequence[UUID]) -> None:
    """Wrap the data keys of these people for organisations that may read them and have no key yet."""
    rows = []
    missing = await store.missing_keys(conn, participants)
    known = await secrets.of({row["participant_id"] for row in missing})
    for row in missing:
        person = row["participant_id"]
        if person in known:
            data_key = crypto.unwrap(row["wrapped"], known[person], person, row["registering"])
            wrapped = crypto.wrap(data_key, known[person], person, row["organisation"])
            rows.append((person, row["organisation"], wrapped))
    if rows:
        await store.add_keys(conn, rows)


async def end_disclosures(conn: Connection, bases: Sequence[UUID], now: datetime) -> None:
    """End the disclosures based on these placements or alerts, and delete keys no longer needed."""
    concerned = await store.end_by_basis(conn, bases, now) if bases else []
    if concerned:
        await store.destroy_keys_without_disclosure(conn, concerned)


async def end_expired_disclosures(conn: Connection, now: datetime) -> int:
    """End the disclosures whose last day has passed; return how many people they concern."""
    concerned = await store.end_by_date(conn, local_day(now), now)
    if concerned:
        await store.destroy_keys_without_disclosure(conn, concerned)
    return len(concerned)


async def erase_orphans(conn: Connection, secrets: PersonSecrets, after_days: int, now: datetime) -> int:
    """Erase contact data that no registration followed in so many days; return how many people."""
    lost = await store.orphans(conn, now - timedelta(days=after_days))
    if not lost:
        return 0
    await secrets.destroy(lost)
    return await store.erase(conn, lost, now)


async def sweep_secrets(conn: Connection, secrets: PersonSecrets, days: int) -> int:
    """Destroy secrets of people who are not here and in no backup any more; return how many."""
    return await secrets.sweep(await store.everybody(conn), days)
