"""Derives the ids of events that rows of a file become, from what each row says and last said."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.identity import canonical


@dataclass(frozen=True, slots=True)
class Imported:
    """What a row last said: the hash of its content, the event it became, and its data."""

    content: bytes
    event_id: str
    data: Mapping[str, Any] | None
    gone: bool
    belongs_to: str | None = None
    """For a further date of an offer: the key of the offer."""


def content_hash(data: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of a row's canonical JSON."""
    return hashlib.sha256(canonical(dict(data))).digest()


def event_id(publisher: str, kind: str, row_key: str, content: bytes, before: str | None) -> str:
    """Derive an event's id from the row's content and from the event that the row was before.

    Without `before`, a course that is changed and changed back would get the id of its first event.
    """
    digest = hashlib.sha256(
        b"\x00".join((publisher.encode(), kind.encode(), row_key.encode(), content, (before or "").encode()))
    )
    return f"file-{digest.hexdigest()[:40]}"
