"""Ids of events that rows become: the same row again is the same event, a change back is a new one."""

import hashlib
from collections.abc import Mapping
from typing import Any

from schemas.identity import canonical


def content_hash(data: Mapping[str, Any]) -> bytes:
    """Hash what a row says."""
    return hashlib.sha256(canonical(dict(data))).digest()


def event_id(publisher: str, kind: str, row_key: str, content: bytes, before: str | None) -> str:
    """Derive an event's id from the row and from the event the row was before.

    Without the predecessor a course moved away and back again would meet its own old id.
    """
    digest = hashlib.sha256(
        b"\x00".join((publisher.encode(), kind.encode(), row_key.encode(), content, (before or "").encode()))
    )
    return f"file-{digest.hexdigest()[:40]}"
