"""Reads CloudEvents from HTTP requests in binary, structured or batch mode."""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from schemas.envelope import Problem
from services.runtime.http.json_body import JsonError, elements, read_json, text_member

MAX_EVENTS = 1000
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
_JSON_PROBLEMS = {
    "malformed": "json_malformed",
    "deep": "json_too_deep",
    "number": "number_not_canonical",
    "twice": "field_twice",
}
_ESCAPED = re.compile(rb"\\(.)")


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


def _json(raw: bytes) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return read_json(raw)
    except JsonError as error:
        return json_problem(error)


def json_problem(error: JsonError, field: str | None = None) -> Problem:
    """Say what is wrong with a JSON text."""
    return Problem(_JSON_PROBLEMS[error.code], field=field)


def _batch(body: bytes) -> list[SentEvent] | Problem:
    document = _json(body)
    if isinstance(document, Problem):
        return _one_by_one(body, document)
    if not isinstance(document, list):
        return Problem("batch_malformed")
    if len(document) > MAX_EVENTS:
        return _too_long()
    return [structured(item) for item in document]


def _too_long() -> Problem:
    return Problem("batch_too_long", params={"max_events": MAX_EVENTS})


def _one_by_one(body: bytes, problem: Problem) -> list[SentEvent] | Problem:
    """Read a batch in which something is wrong, perhaps with one event only: then the others are read."""
    parts = elements(body)
    if parts is None:
        return problem
    events: list[SentEvent] = []
    for part in parts:
        if len(events) == MAX_EVENTS:
            return _too_long()
        document = _json(part)
        if isinstance(document, Problem):
            events.append(SentEvent(_attributes_of(part), None, document))
        else:
            events.append(structured(document))
    return problem if all(event.problem for event in events) else events


def _attributes_of(part: bytes) -> dict[str, str]:
    """Find the id of an event that cannot be read, so that its sender knows which one is meant."""
    found = text_member(part, b"id")
    return {} if found is None else {"id": found}


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
    return _with_data(attributes, document)


def _with_data(attributes: dict[str, str], document: dict[str, Any]) -> SentEvent:
    encoded = document.get("data_base64")
    if encoded is not None and document.get("data") is not None:
        return SentEvent(attributes, None, Problem("data_twice", field="data, data_base64"))
    if encoded is not None:
        try:
            return _checked(attributes, base64.b64decode(encoded, validate=True))
        except (binascii.Error, ValueError, TypeError):
            return SentEvent(attributes, None, Problem("json_malformed", field="data_base64"))
    if "data" not in document:
        return SentEvent(attributes, None)
    return SentEvent(attributes, orjson.dumps(document["data"]))


def _checked(attributes: dict[str, str], data: bytes) -> SentEvent:
    """Return an event whose data came as a text of its own."""
    try:
        read_json(data)
    except JsonError as error:
        return SentEvent(attributes, None, json_problem(error, "data"))
    return SentEvent(attributes, data)


def _binary(headers: Iterable[tuple[bytes, bytes]], body: bytes) -> SentEvent:
    attributes: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        if not name.startswith("ce-"):
            continue
        shown = name if name[3:].isalnum() and len(name) < 20 else "ce-*"  # noqa: PLR2004
        if name[3:] in attributes:
            return SentEvent(attributes, None, Problem("header_twice", field=shown))
        try:
            # Percent-encoded UTF-8, perhaps in quotes (CloudEvents HTTP binding, 3.1.3.2).
            attributes[name[3:]] = unquote_to_bytes(unquoted(raw_value)).decode("utf-8")
        except UnicodeDecodeError:
            return SentEvent(attributes, None, Problem("header_malformed", field=shown))
    return _checked(attributes, body) if body else SentEvent(attributes, None)


def unquoted(value: bytes) -> bytes:
    """Return a header's value without the quotes of a quoted string (RFC 9110, 5.6.4).

    >>> unquoted(b'"e-1"'), unquoted(b"e-1")
    (b'e-1', b'e-1')
    """
    if len(value) >= 2 and value.startswith(b'"') and value.endswith(b'"'):  # noqa: PLR2004 - two quotes
        return _ESCAPED.sub(rb"\1", value[1:-1])
    return value
