"""CloudEvents over HTTP: binary, structured and batch mode read into attributes and data."""

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
class Sent:
    """One event as it came: attributes and the bytes of its data, or why it cannot be read."""

    attributes: dict[str, str]
    data: bytes | None
    problem: Problem | None = None


def media_type(content_type: str | None) -> str:
    """Reduce a Content-Type to what decides the mode.

    >>> media_type("application/cloudevents+json; charset=UTF-8")
    'application/cloudevents+json'
    """
    return (content_type or "").partition(";")[0].strip().lower()


def read_request(
    content_type: str | None, headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> list[Sent] | Problem:
    """Read a request in whatever mode it came; a problem concerns the request as a whole."""
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


def _batch(body: bytes) -> list[Sent] | Problem:
    document = _json(body)
    if isinstance(document, Problem):
        return document
    if not isinstance(document, list):
        return Problem("batch_malformed")
    if len(document) > MAX_EVENTS:
        return Problem("batch_too_long", params={"max_events": MAX_EVENTS})
    return [structured(item) for item in document]


def structured(document: Any) -> Sent:  # noqa: ANN401 - any JSON value
    """Read one event in structured form."""
    if not isinstance(document, dict):
        return Sent({}, None, Problem("batch_malformed"))
    attributes: dict[str, str] = {}
    for name, value in document.items():
        if name in {"data", "data_base64"} or value is None:
            continue
        if not isinstance(value, str):
            # An attribute of ours must be text; an extension we do not know is not looked at.
            if name in {"id", "type", "time", "specversion", "source", "corrects", "retracts"}:
                return Sent(attributes, None, Problem("attribute_malformed", field=f"ce_{name}"))
            continue
        attributes[name] = value
    if "data_base64" in document:
        try:
            return Sent(attributes, base64.b64decode(document["data_base64"], validate=True))
        except (binascii.Error, ValueError, TypeError):
            return Sent(attributes, None, Problem("json_malformed", field="data_base64"))
    if "data" not in document:
        return Sent(attributes, None)
    return Sent(attributes, orjson.dumps(document["data"]))


def _binary(headers: Iterable[tuple[bytes, bytes]], body: bytes) -> Sent:
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
            return Sent(attributes, None, Problem("header_malformed", field=shown))
    return Sent(attributes, body or None)
