"""Keeping, reading, disclosing and erasing what is known about a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from schemas.days import local_day
from services.notifications.people import crypto, store
from services.notifications.people.crypto import Keyring
from services.notifications.people.domain import VISIBLE, Contact, Purpose, merge, visible
from services.runtime.data.db import Connection


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks: an organisation, the person signed in (or a process), and the purpose."""

    organisation: str
    actor: str
    purpose: Purpose


class ForeignPersonError(Exception):
    """The participant id belongs to a record of another organisation."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A person whose contact data are to be kept, as the registering office says them."""

    participant: UUID
    organisation: str
    office: str
    reference: str
    contact: Contact


@dataclass(frozen=True, slots=True)
class Disclosed:
    """Somebody else who may read a person, for one purpose, resting on a placement or an alert."""

    participant: UUID
    organisation: str
    office: str
    purpose: Purpose
    basis: UUID
    until: date


async def keep(conn: Connection, keyring: Keyring, person: Kept, now: datetime) -> None:
    """Store contact data, or add to what is known; the same twice changes nothing.

    Runs for the worker and for the web role of the registering organisation.
    """
    known = await _update(conn, keyring, person, now) or await _insert(conn, keyring, person, now)
    # Neither: somebody else inserted the same person in between.
    if not known and not await _update(conn, keyring, person, now):
        raise ForeignPersonError
    await store.ask_again(conn, [person.participant])


async def _insert(conn: Connection, keyring: Keyring, person: Kept, now: datetime) -> bool:
    data_key = crypto.new_data_key()
    added = await store.add_person(
        conn,
        person.participant,
        organisation=person.organisation,
        office=person.office,
        reference=person.reference,
        languages=person.contact.languages,
        sealed=crypto.seal(person.contact, data_key, person.participant),
        likeness=keyring.likeness(person.contact, person.organisation),
        now=now,
    )
    if added:
        wrapped = keyring.wrap(data_key, person.participant, person.organisation)
        await store.add_keys(conn, [(person.participant, person.organisation, wrapped)])
    return added


async def _update(conn: Connection, keyring: Keyring, person: Kept, now: datetime) -> bool:
    row = await store.own_key(conn, person.participant, person.organisation)
    if row is None:
        return False
    data_key = keyring.unwrap(row["wrapped"], person.participant, person.organisation)
    known = crypto.unseal(row["sealed"], data_key, person.participant)
    contact = merge(known, person.contact)
    if contact != known:
        sealed = crypto.seal(contact, data_key, person.participant)
        await store.replace_person(
            conn,
            person.participant,
            languages=contact.languages,
            sealed=sealed,
            likeness=keyring.likeness(contact, person.organisation),
            now=now,
        )
    return True


async def alike(
    conn: Connection, keyring: Keyring, organisation: str, contact: Contact, other_than: UUID
) -> dict[UUID, str]:
    """Return own records that may be the same person, with their references; nobody's name is read."""
    likeness = keyring.likeness(contact, organisation)
    if likeness is None:
        return {}
    rows = await store.alike(conn, organisation, likeness, other_than)
    return {row["participant_id"]: row["reference"] for row in rows}


async def read(
    conn: Connection, keyring: Keyring, reader: Reader, participants: Sequence[UUID], now: datetime
) -> dict[UUID, Contact]:
    """Return what the reader may see of these people: the only way to a name.

    People whom the purpose does not open are missing from the answer; every look is logged in the
    same transaction.
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
    for row in rows:
        participant = row["participant_id"]
        data_key = keyring.unwrap(row["wrapped"], participant, reader.organisation)
        found[participant] = visible(crypto.unseal(row["sealed"], data_key, participant), reader.purpose)
    return found


async def disclose(conn: Connection, keyring: Keyring, disclosed: Sequence[Disclosed], now: datetime) -> None:
    """Let others read people, and wrap the data keys for them; without contact data yet, when they come."""
    if not disclosed:
        return
    unique = {(d.participant, d.organisation, d.office, d.purpose, d.basis): d for d in disclosed}
    ordered = [unique[key] for key in sorted(unique)]
    await store.open_disclosures(
        conn,
        [(d.participant, d.organisation, d.office, d.purpose, d.basis, d.until) for d in ordered],
        now,
    )
    await wrap_missing(conn, keyring, [d.participant for d in ordered])


async def wrap_missing(conn: Connection, keyring: Keyring, participants: Sequence[UUID]) -> None:
    """Wrap the data keys of these people for whoever may read them and has no key yet."""
    rows = []
    for row in await store.missing_keys(conn, participants):
        data_key = keyring.unwrap(row["wrapped"], row["participant_id"], row["registering"])
        wrapped = keyring.wrap(data_key, row["participant_id"], row["organisation"])
        rows.append((row["participant_id"], row["organisation"], wrapped))
    if rows:
        await store.add_keys(conn, rows)


async def end_disclosures(conn: Connection, bases: Sequence[UUID], now: datetime) -> None:
    """End what rested on these placements or alerts, and destroy keys that nobody may use any more."""
    concerned = await store.end_by_basis(conn, bases, now) if bases else []
    if concerned:
        await store.destroy_keys_without_disclosure(conn, concerned)


async def end_over(conn: Connection, now: datetime) -> int:
    """End the disclosures whose last day has passed."""
    concerned = await store.end_by_date(conn, local_day(now), now)
    if concerned:
        await store.destroy_keys_without_disclosure(conn, concerned)
    return len(concerned)


async def erase_orphans(conn: Connection, after_days: int, now: datetime) -> int:
    """Erase contact data that no registration followed."""
    lost = await store.orphans(conn, now - timedelta(days=after_days))
    return await store.erase(conn, lost, now) if lost else 0


async def erase(conn: Connection, participants: Sequence[UUID], now: datetime) -> int:
    """Erase people: without their keys nothing that is sealed anywhere can be read again."""
    return await store.erase(conn, participants, now)
