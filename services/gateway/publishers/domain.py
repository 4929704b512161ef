"""Defines publishers, what they may send, and the API keys that stand for them."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.codes import PublisherKind

KEY_SCOPES = ("events", "feeds", "imports")


@dataclass(frozen=True, slots=True)
class Publisher:
    """A registered publisher."""

    slug: str
    name: str
    kinds: frozenset[str]
    organisation: str
    authority: bool
    kreise: tuple[str, ...]
    event_types: frozenset[str]
    supplier_ids: tuple[str, ...]
    active: bool = True
    version: int = 1


@dataclass(frozen=True, slots=True)
class Registration:
    """What is asked for when a publisher is added; no `event_types` means all types of its kinds.

    Whether it obliges people is always said: who assumes it wrongly lets an office read consent, or takes
    from an authority what it may write.
    """

    slug: str
    name: str
    kinds: tuple[str, ...]
    kreise: tuple[str, ...]
    authority: bool
    organisation: str = ""
    supplier_ids: tuple[str, ...] = ()
    event_types: tuple[str, ...] = ()


class RegistrationError(ValueError):
    """A publisher cannot be registered like this; the message says what to change."""


def check_registration(asked: Registration, allowed_types: Sequence[str]) -> None:
    """Check what is asked for.

    Raises:
        RegistrationError: says which option is wrong.
    """
    if not asked.kinds:
        raise RegistrationError("at least one --kind is needed: provider, office or counselling")
    for kind in asked.kinds:
        if kind not in set(PublisherKind):
            raise RegistrationError(f"--kind {kind} is unknown: use provider, office or counselling")
    if asked.authority and PublisherKind.OFFICE not in asked.kinds:
        raise RegistrationError("--authority is for offices: say --no-authority, or add --kind office")
    if not asked.kreise:
        raise RegistrationError("at least one --kreis is needed: the first five digits of the AGS")
    for kreis in asked.kreise:
        if not (kreis.isascii() and kreis.isdigit() and len(kreis) == 5):  # noqa: PLR2004 - AGS of a Kreis
            raise RegistrationError(f"--kreis {kreis} must have exactly five digits")
    for type_ in asked.event_types:
        if type_ not in allowed_types:
            raise RegistrationError(f"--event-type {type_} is not for publishers of this kind")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A fresh API key: the text is shown once, only prefix and hash are kept."""

    text: str
    prefix: str
    hash: bytes


def mint_key() -> NewKey:
    """Make an API key: a prefix that may be shown and 32 random bytes that may not."""
    prefix = secrets.token_hex(6)
    text = f"kl_{prefix}_" + base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
    return NewKey(text, prefix, hash_key(text))


def hash_key(text: str) -> bytes:
    """Return the SHA-256 of a key; 32 random bytes need no slow hash."""
    return hashlib.sha256(text.encode()).digest()


def prefix_of(text: str) -> str | None:
    """Return the prefix of a publisher's key; None if the text is not one."""
    parts = text.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == "kl" else None  # noqa: PLR2004 - kl_prefix_secret


def same_key(text: str, stored: bytes) -> bool:
    """Compare a key with a stored hash in constant time."""
    return hmac.compare_digest(hash_key(text), stored)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the publisher it speaks as, the scopes of its key, and the topic families it may touch."""

    publisher: Publisher
    scopes: frozenset[str]
    families: frozenset[str]
    key: str  # prefix or service name: for rate limits and logs, never the key


@dataclass(frozen=True, slots=True)
class KeyRejected:
    """The key does not allow what the caller wants."""

    status: int
    code: str


SERVICE_FAMILIES = {"allocation": frozenset({"in"}), "notifications": frozenset({"in", "support"})}
"""Families that each of our services may touch: the steering side neither writes nor reads `support`."""


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """The key of one of our own services, which speaks for publishers on its side of the wall."""

    service: str
    hash: bytes

    @property
    def families(self) -> frozenset[str]:
        """The topic families this service may touch."""
        return SERVICE_FAMILIES[self.service]


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A publisher's key as kept."""

    prefix: str
    hash: bytes
    scopes: frozenset[str]
    usable: bool
    """Neither expired nor revoked, by the database's clock."""
