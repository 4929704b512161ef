"""Adds, renews and switches the webhooks of an office, as its own organisation decides."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from services.notifications.delivery.webhooks import store
from services.notifications.delivery.webhooks.domain import (
    MOST_ENDPOINTS,
    OVERLAP,
    Target,
    UrlFault,
    target_of,
)
from services.notifications.delivery.webhooks.guard import ForbiddenAddressError, Guard, UnknownNameError
from services.notifications.delivery.webhooks.secrets import SecretSeal, new_secret, shown
from services.runtime.data.db import Connection


class NotKept(StrEnum):
    """Why a webhook was not stored, besides what is wrong with its address."""

    TOO_MANY = "too_many"
    TWICE = "twice"
    UNKNOWN_NAME = "unknown_name"
    NONE = "none"
    """There is no such webhook."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The webhook is stored; its secret is shown this once."""

    endpoint: UUID
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose webhook it is."""

    office: str
    organisation: str


async def fault_of(url: str, guard: Guard) -> UrlFault | NotKept | None:
    """Return what is wrong with an address; asks for its name's addresses, so no transaction may be open."""
    target = target_of(url)
    if not isinstance(target, Target):
        return target
    try:
        await guard.addresses(target.host, target.port)
    except ForbiddenAddressError:
        return UrlFault.FORBIDDEN
    except UnknownNameError:
        return NotKept.UNKNOWN_NAME
    return None


async def add(conn: Connection, owner: Owner, url: str, seal: SecretSeal, now: datetime) -> Kept | NotKept:
    """Store a webhook whose address has no fault, in a transaction of the web role."""
    known = await store.listed(conn, owner.office)
    if len(known) >= MOST_ENDPOINTS:
        return NotKept.TOO_MANY
    if any(row["url"] == url for row in known):
        return NotKept.TWICE
    endpoint = await store.insert(
        conn, office=owner.office, organisation=owner.organisation, url=url, now=now
    )
    return Kept(endpoint, await _new_secret(conn, endpoint, owner.organisation, seal))


async def rotate(conn: Connection, owner: Owner, endpoint: UUID, seal: SecretSeal) -> Kept | NotKept:
    """Give a webhook another secret; the old one signs beside it for a day, so that receivers can change."""
    row = await store.of_office(conn, endpoint, owner.office)
    if row is None:
        return NotKept.NONE
    await store.retire_secret(conn, endpoint, OVERLAP)
    return Kept(endpoint, await _new_secret(conn, endpoint, owner.organisation, seal))


async def _new_secret(conn: Connection, endpoint: UUID, organisation: str, seal: SecretSeal) -> str:
    secret, id_ = new_secret(), uuid4()
    kek, sealed = seal.seal(secret, id_)
    await store.insert_secret(conn, endpoint, organisation, id_=id_, kek=kek, sealed=sealed)
    return shown(secret)
