"""Derives the ids that everybody derives alike, and the hash that tells whether two events are the same."""

from __future__ import annotations

import hashlib
import unicodedata
from contextlib import suppress
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

import orjson
import rfc8785

NAMESPACE = UUID("7d1c1ae4-5f0e-5b62-9a0e-3c7f0a4b6d21")
"""The project's namespace of name-based ids; never changes."""

_EXACT = 2**53
_SMALLEST_PLAIN, _LARGEST_PLAIN = 1e-3, 1e15  # in between everybody writes the same digits, no exponent
_BEYOND_BMP = 0xF0  # first byte of a character whose UTF-16 order differs from its UTF-8 order


class _DifficultNumberError(Exception):
    """A number that orjson may write in another way than RFC 8785."""


def _simplest(item: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the same value with its numbers as orjson writes them canonically: 5.0 is written 5."""
    kind = type(item)
    if kind is dict:
        return {name: value if type(value) is str else _simplest(value) for name, value in item.items()}
    if kind is list:
        return [value if type(value) is str else _simplest(value) for value in item]
    if kind is float:
        if not _SMALLEST_PLAIN <= abs(item) < _LARGEST_PLAIN and item != 0:
            raise _DifficultNumberError
        return int(item) if item.is_integer() else item
    if kind is int and not -_EXACT < item < _EXACT:
        raise _DifficultNumberError
    return item


@lru_cache(maxsize=65_536)
def participant_id(office: str, reference: str) -> UUID:
    """Derive a participant's id from the registering office's slug and its own reference (NFC, trimmed)."""
    return uuid5(NAMESPACE, f"{office}/{unicodedata.normalize('NFC', reference).strip()}")


@lru_cache(maxsize=65_536)
def course_id(provider: str, course: str) -> UUID:
    """Derive a course's id from the provider's slug and its own course id (NFC, trimmed)."""
    return uuid5(NAMESPACE, f"{provider}/{unicodedata.normalize('NFC', course).strip()}")


def event_uuid(publisher: str, family: str, event_id: str) -> UUID:
    """Name one event identity (publisher, topic family, CloudEvents id) as a UUID: the cause of effects."""
    return uuid5(NAMESPACE, f"event/{publisher}/{family}/{event_id}")


def effect_id(cause: UUID, kind: str, subject: str) -> UUID:
    """Derive the id of one effect of a cause; the same cause gives the same id at every retry."""
    return uuid5(cause, f"{kind}/{subject}")


def addressed_id(event_id: UUID, slug: str) -> UUID:
    """Derive the id of the copy of an addressed event for one publisher."""
    return uuid5(event_id, slug)


def canonical(data: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Serialise a JSON value canonically (RFC 8785).

    Raises:
        ValueError: the value has no canonical form (a number outside of +-2^53, NaN).
    """
    with suppress(_DifficultNumberError):
        fast = orjson.dumps(_simplest(data), option=orjson.OPT_SORT_KEYS)
        if fast.isascii() or max(fast) < _BEYOND_BMP:
            return fast
    try:
        return rfc8785.dumps(data)
    except rfc8785.CanonicalizationError as error:
        raise ValueError("a number has no canonical form (RFC 8785)") from error


def identity_hash(type_: str, data: Any, corrects: str | None, retracts: str | None) -> bytes:  # noqa: ANN401 - any JSON value
    """SHA-256 (32 bytes) over the canonical JSON of type, data, corrects, retracts.

    Raises:
        ValueError: see `canonical`.
    """
    return hashlib.sha256(
        canonical({"type": type_, "data": data, "corrects": corrects, "retracts": retracts})
    ).digest()
