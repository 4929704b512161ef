"""Encrypts contact data with one data key a person, wrapped once for each organisation that may read it."""

import hmac
import os
import unicodedata
from dataclasses import fields
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.notifications.people.domain import Contact

_NONCE = 12
_KEY = 32
_LIKENESS = 16
_FORMAT = b"\x02"


class SealError(Exception):
    """Stored bytes cannot be decrypted with this key; the message holds nothing of them."""


def wrap(data_key: bytes, secret: bytes, participant: UUID, organisation: str) -> bytes:
    """Wrap a person's data key for one organisation by the person's secret."""
    return _seal(_wrapping(secret, organisation), data_key, participant.bytes + organisation.encode())


def unwrap(wrapped: bytes, secret: bytes, participant: UUID, organisation: str) -> bytes:
    """Return the data key that was wrapped for this organisation.

    Raises:
        SealError: it was wrapped for another person or organisation, or by another secret.
    """
    return _open(_wrapping(secret, organisation), wrapped, participant.bytes + organisation.encode())


def likeness_of(contact: Contact, key: bytes) -> bytes | None:
    """Return a keyed hash of family name and birth date (16 bytes), or None if one is unknown.

    The same hash within one organisation, whose key it is, means: perhaps the same person.
    """
    if not contact.family_name or contact.birth_date is None:
        return None
    plain = unicodedata.normalize("NFKD", contact.family_name.casefold())
    said = f"{contact.birth_date.isoformat()}/{''.join(one for one in plain if one.isalpha())}"
    return hmac.digest(key, said.encode(), "sha256")[:_LIKENESS]


def _wrapping(secret: bytes, organisation: str) -> AESGCM:
    info = b"kurslotse/organisation/" + organisation.encode()
    return AESGCM(HKDF(algorithm=SHA256(), length=_KEY, salt=None, info=info).derive(secret))


def _seal(cipher: AESGCM, plain: bytes, about: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return _FORMAT + nonce + cipher.encrypt(nonce, plain, about)


def _open(cipher: AESGCM, sealed: bytes, about: bytes) -> bytes:
    if sealed[:1] != _FORMAT:
        msg = "unknown format of sealed bytes"
        raise SealError(msg)
    try:
        return cipher.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], about)
    except InvalidTag as error:
        msg = "sealed bytes do not belong to this key and person"
        raise SealError(msg) from error


def new_data_key() -> bytes:
    """Make a person's data key."""
    return AESGCM.generate_key(bit_length=_KEY * 8)


def seal(contact: Contact, data_key: bytes, participant: UUID) -> bytes:
    """Encrypt contact data, bound to the person they belong to."""
    plain = {
        field.name: value
        for field in fields(Contact)
        if (value := getattr(contact, field.name)) not in (None, ())
    }
    return _seal(AESGCM(data_key), orjson.dumps(plain), b"contact" + participant.bytes)


def unseal(sealed: bytes, data_key: bytes, participant: UUID) -> Contact:
    """Decrypt contact data.

    Raises:
        SealError: the key or the person is another.
    """
    plain: dict[str, Any] = orjson.loads(_open(AESGCM(data_key), sealed, b"contact" + participant.bytes))
    birth_date = plain.pop("birth_date", None)
    languages = plain.pop("languages", ())
    return Contact(
        **plain,
        birth_date=None if birth_date is None else date.fromisoformat(birth_date),
        languages=tuple(languages),
    )
