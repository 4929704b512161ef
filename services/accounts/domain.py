"""Says which roles there are, which kinds of organisations can give them, and how their members sign in."""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """Every role; which of them exist depends on the side and on the kind of organisation."""

    COORDINATOR = "coordinator"
    HEAD = "coordinator_head"
    CLERK = "clerk"
    PROVIDER = "provider"
    COUNSELLOR = "counsellor"
    TEAM_LEAD = "team_lead"
    AUDITOR = "auditor"
    DATA_PROTECTION = "data_protection"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


class Side(StrEnum):
    """The two sides that never mix; each has people of its own."""

    STEERING = "allocation"
    SUPPORT = "notifications"


class Kind(StrEnum):
    """The kinds of organisations that work with Kurslotse."""

    KREIS = "kreis"
    REGISTERING_OFFICE = "registering_office"
    PROVIDER = "provider"
    COUNSELLING = "counselling"


# On the steering side rows are seen by Kreis: a provider's auditor there would see other providers' people.
_ALWAYS = (Role.AUDITOR, Role.DATA_PROTECTION, Role.ADMINISTRATOR)
_GIVES: Mapping[Side, Mapping[Kind, tuple[Role, ...]]] = {
    Side.STEERING: {
        Kind.KREIS: (Role.COORDINATOR, Role.HEAD, Role.OPERATOR, *_ALWAYS),
        Kind.PROVIDER: (Role.PROVIDER, Role.ADMINISTRATOR),
    },
    Side.SUPPORT: {
        Kind.REGISTERING_OFFICE: (Role.CLERK, Role.OPERATOR, *_ALWAYS),
        Kind.PROVIDER: (Role.PROVIDER, *_ALWAYS),
        Kind.COUNSELLING: (Role.COUNSELLOR, Role.TEAM_LEAD, Role.OPERATOR, *_ALWAYS),
    },
}
_SLUG = re.compile(r"^[a-z][a-z0-9-]{0,62}\Z")
_ADDRESS = re.compile(r"^[^@\s]{1,64}@[^@\s]{1,189}\Z")


def roles_of(side: Side, kind: Kind) -> tuple[Role, ...]:
    """Return the roles that an organisation of this kind can give on this side.

    >>> [role.value for role in roles_of(Side.STEERING, Kind.PROVIDER)]
    ['provider', 'administrator']
    >>> roles_of(Side.STEERING, Kind.COUNSELLING)
    ()
    """
    return _GIVES[side].get(kind, ())


def kinds_of(side: Side) -> tuple[Kind, ...]:
    """Return the kinds of organisations that a side has."""
    return tuple(_GIVES[side])


def is_slug(text: str) -> bool:
    """Return whether a text can name an organisation."""
    return _SLUG.match(text) is not None


def login_name(text: str) -> str | None:
    """Return an e-mail address as it is compared, or None if it is none; nothing is ever sent to it.

    >>> login_name(" Ada@Kreis.Example ")
    'ada@kreis.example'
    >>> login_name("ada") is None
    True
    """
    address = unicodedata.normalize("NFKC", text).strip().casefold()
    return address if _ADDRESS.match(address) else None


def person_name(text: str) -> str | None:
    """Return a person's name without needless space, or None if it is none."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    return name if 0 < len(name) <= 120 and name.isprintable() else None  # noqa: PLR2004 - a long name
