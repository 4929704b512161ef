"""Ids that everybody derives alike, and the canonical form that says whether two events are the same."""

from __future__ import annotations

import hashlib
import unicodedata
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

import orjson
import rfc8785

NAMESPACE = UUID("7d1c1ae4-5f0e-5b62-9a0e-3c7f0a4b6d21")
"""The project's namespace of name-based ids; never changes."""

_EXACT = 2**53
_BEYOND_BMP = 0xF0  # first byte of a character whose UTF-16 order differs from its UTF-8 order


def _has_difficult_number(data: Any) -> bool:  # noqa: ANN401 - any JSON value
    rest = [data]
    while rest:
        item = rest.pop()
        kind = type(item)
        if kind is dict:
            rest.extend(item.values())
        elif kind is list:
            rest.extend(item)
        elif kind is float or (kind is int and not -_EXACT < item < _EXACT):
            return True
    return False


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
    if not _has_difficult_number(data):
        fast = orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
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
