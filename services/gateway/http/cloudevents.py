"""Reads CloudEvents from HTTP requests in binary, structured or batch mode."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from schemas.envelope import Problem

MAX_EVENTS = 1000
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


@dataclass(frozen=True, slots=True)
class SentEvent:
    """One event as sent: attributes and bytes of its data, or why it cannot be read."""

    attributes: dict[str, str]
    data: bytes | None
    problem: Problem | None = None


def media_type(content_type: str | None) -> str:
    """Return the media type of a Content-Type, which decides the mode.

    >>> media_type("application/cloudevents+json; charset=UTF-8")
    'application/cloudevents+json'
    """
    return (content_type or "").partition(";")[0].strip().lower()


def read_request(
    content_type: str | None, headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> list[SentEvent] | Problem:
    """Read the events of a request; return a problem if the request as a whole cannot be read."""
    mode = media_type(content_type)
    if mode == BATCH:
        return _batch(body)
    if mode == STRUCTURED:
        document = _json(body)
        return document if isinstance(document, Problem) else [structured(document)]
    if mode.startswith("application/cloudevents") or (mode and mode != "application/json"):
        return Problem("content_type_unknown", field="Content-Type")
    return [_binary(headers, body)]


def _json(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return Problem("json_malformed")


def _batch(body: bytes) -> list[SentEvent] | Problem:
    document = _json(body)
    if isinstance(document, Problem):
        return document
    if not isinstance(document, list):
        return Problem("batch_malformed")
    if len(document) > MAX_EVENTS:
        return Problem("batch_too_long", params={"max_events": MAX_EVENTS})
    return [structured(item) for item in document]


def structured(document: Any) -> SentEvent:  # noqa: ANN401 - any JSON value
    """Read one event in structured form."""
    if not isinstance(document, dict):
        return SentEvent({}, None, Problem("batch_malformed"))
    attributes: dict[str, str] = {}
    for name, value in document.items():
        if name in {"data", "data_base64"} or value is None:
            continue
        if not isinstance(value, str):
            # Our attributes must be text; an unknown extension is ignored.
            if name in {"id", "type", "time", "specversion", "source", "corrects", "retracts"}:
                return SentEvent(attributes, None, Problem("attribute_malformed", field=f"ce_{name}"))
            continue
        attributes[name] = value
    if "data_base64" in document:
        try:
            return SentEvent(attributes, base64.b64decode(document["data_base64"], validate=True))
        except (binascii.Error, ValueError, TypeError):
            return SentEvent(attributes, None, Problem("json_malformed", field="data_base64"))
    if "data" not in document:
        return SentEvent(attributes, None)
    return SentEvent(attributes, orjson.dumps(document["data"]))


def _binary(headers: Iterable[tuple[bytes, bytes]], body: bytes) -> SentEvent:
    attributes: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        if not name.startswith("ce-"):
            continue
        try:
            # Percent-encoded UTF-8 (CloudEvents HTTP binding, 3.1.3.2).
            attributes[name[3:]] = unquote_to_bytes(raw_value).decode("utf-8")
        except UnicodeDecodeError:
            shown = name if name[3:].isalnum() and len(name) < 20 else "ce-*"  # noqa: PLR2004
            return SentEvent(attributes, None, Problem("header_malformed", field=shown))
    return SentEvent(attributes, body or None)
