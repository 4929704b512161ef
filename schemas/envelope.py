"""Reads and writes CloudEvents 1.0 on Kafka (binary mode); what cannot be read becomes problems."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
from pydantic import ValidationError

from schemas.base import Payload
from schemas.bounds import CONTROLS, EARLIEST, LATEST
from schemas.identity import identity_hash
from schemas.known import unknown_fields, without_unknown
from schemas.topics import EVENT_TYPES, PUBLISHERS_FAMILIES

MAX_BYTES = 65_536
"""Largest data of one event (CloudEvents asks intermediaries to forward 64 KiB)."""

EVENT_ID = re.compile(r"[\x21-\x7e]{1,128}\Z")
"""Form of a CloudEvents id: printable ASCII without spaces, at most 128 characters."""

_LONGEST_ATTRIBUTE = 1024
_NO_TEXT = re.compile(f"[{CONTROLS}]")

_ATTRIBUTES = frozenset({
    "specversion", "id", "source", "type", "subject", "time", "dataschema", "datacontenttype",
    "corrects", "retracts", "audience", "correlationid", "causationid", "recordedtime",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a record: a code, where, and parameters of the text; never values of the record."""

    code: str
    field: str | None = None
    params: Mapping[str, str | int] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the published language."""

    id: str
    type: str
    source: str
    time: datetime
    data: Payload
    corrects: str | None = None
    retracts: str | None = None
    audience: tuple[str, ...] = ()
    correlationid: str | None = None
    causationid: str | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """A readable record: the event, its data as they are kept, the identity hash of those, and warnings."""

    event: Event
    hash: bytes
    raw: bytes
    warnings: tuple[Problem, ...] = ()


def _text(value: bytes | str) -> str | None:
    if isinstance(value, str):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def attributes(headers: Iterable[tuple[str, bytes | str | None]]) -> dict[str, str] | Problem:
    """Collect the CloudEvents attributes of Kafka headers (`ce_*`) that are known; others are ignored."""
    found: dict[str, str] = {}
    for name, value in headers:
        lowered = name.lower()
        if not lowered.startswith("ce_") or value is None:
            continue
        known, text = lowered[3:] in _ATTRIBUTES, _text(value)
        if text is None:
            return Problem("header_not_utf8", field=lowered if known else "ce_*")
        if known:  # what nobody reads is kept nowhere, not even while an event is parked
            found[lowered[3:]] = text
    return found


def parse_time(text: str) -> datetime | None:
    """Read an RFC 3339 timestamp with an offset, from 1900 to 2199; None if it is none."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when if when.tzinfo is not None and EARLIEST.year <= when.year <= LATEST.year else None


def _malformed(found: Mapping[str, str]) -> Problem | None:
    for name in ("id", "corrects", "retracts"):
        if name in found and EVENT_ID.match(found[name]) is None:
            return Problem("id_malformed", field=f"ce_{name}")
    for name, text in found.items():
        if len(text) > _LONGEST_ATTRIBUTE or _NO_TEXT.search(text):
            return Problem(
                "attribute_unusable", field=f"ce_{name}", params={"max_length": _LONGEST_ATTRIBUTE}
            )
    return None


def _check_attributes(  # noqa: PLR0911 - one return for each thing that can be wrong
    found: Mapping[str, str],
) -> Problem | None:
    for name in ("specversion", "id", "source", "type"):
        if not found.get(name):
            return Problem("attribute_missing", field=f"ce_{name}")
    if found["specversion"] != "1.0":
        return Problem("specversion_unknown", field="ce_specversion")
    malformed = _malformed(found)
    if malformed is not None:
        return malformed
    if found.get("corrects") and found.get("retracts"):
        return Problem("corrects_and_retracts", field="ce_retracts")
    if "time" in found and parse_time(found["time"]) is None:
        return Problem("time_malformed", field="ce_time")
    if found["type"] not in EVENT_TYPES:
        return Problem("type_unknown", field="ce_type")
    return None


_PROBLEMS_OF_THEIR_OWN = frozenset({"date_too_early", "date_too_late", "time_with_offset"})


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


def problems_of(error: ValidationError) -> list[Problem]:
    """Turn a validation error into problems without any value of the input."""
    problems = []
    for item in error.errors(include_url=False, include_input=False, include_context=True):
        if item["type"] == "json_invalid":
            return [Problem("json_malformed")]
        if item["type"] in _PROBLEMS_OF_THEIR_OWN:
            problems.append(Problem(item["type"], _path(item["loc"]), item.get("ctx", {})))
            continue
        params: dict[str, str | int] = {"rule": item["type"]}
        for name, value in item.get("ctx", {}).items():
            if name in {
                "pattern",
                "expected",
                "ge",
                "le",
                "gt",
                "lt",
                "multiple_of",
                "min_length",
                "max_length",
            }:
                params[name] = value if isinstance(value, int | str) else str(value)
        if item["type"] == "value_error":
            params["rule"] = item["msg"].removeprefix("Value error, ")
        problems.append(
            Problem(
                "field_missing" if item["type"] == "missing" else "field_invalid", _path(item["loc"]), params
            )
        )
    return problems


def _unknown(data: Any, error: ValidationError) -> list[Problem]:  # noqa: ANN401 - any JSON value
    unknown = [
        item
        for item in error.errors(include_url=False, include_input=False)
        if item["type"] == "extra_forbidden"
    ]
    for item in unknown:
        holder = data
        for part in item["loc"][:-1]:
            holder = holder[part]
        holder.pop(item["loc"][-1], None)
    # A publisher's field name may itself say something about a person: only its parent is named.
    parents = sorted({_path(item["loc"][:-1]) for item in unknown})
    return [Problem("field_unknown", field=parent or "data") for parent in parents]


def read_data(
    type_: str, raw: bytes, latest: date = LATEST
) -> tuple[Payload, bytes, tuple[Problem, ...]] | list[Problem]:
    """Validate an event's data, of which no day may lie after `latest`.

    Returns the payload, the data as JSON with unknown fields taken out, and a warning for those;
    or the list of what is wrong.
    """
    if len(raw) > MAX_BYTES:
        return [Problem("data_too_large", params={"max_bytes": MAX_BYTES})]
    payload, context = EVENT_TYPES[type_].payload, {"latest": latest}
    try:
        return payload.model_validate_json(raw, extra="forbid", context=context), raw, ()
    except ValidationError as error:
        if all(
            item["type"] != "extra_forbidden" for item in error.errors(include_url=False, include_input=False)
        ):
            return problems_of(error)
        try:
            data = orjson.loads(raw)
            known = payload.model_validate_json(raw, context=context)
            warnings = _unknown(data, error)
        except ValidationError as worse:
            return problems_of(worse)
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
            # Not JSON to one of two readers, or a key is repeated and they take different values.
            return [Problem("json_malformed")]
        return known, orjson.dumps(data), tuple(warnings)


def neutral_codes(
    type_: str, payload: Payload, raw: bytes
) -> tuple[Payload, bytes, tuple[Problem, ...]] | list[Problem]:
    """Read codes of a publisher that are on no list as `UNKNOWN`, in the payload and in its JSON.

    Returns both and a warning for each code: people should know, and nobody else reads what it said.
    """
    paths = unknown_fields(payload)
    warnings = tuple(Problem("code_unknown", field=path) for path in paths)
    if not paths or EVENT_TYPES[type_].family not in PUBLISHERS_FAMILIES:
        return payload, raw, warnings
    data = orjson.loads(raw)
    try:
        without_unknown(data, paths)
    except (LookupError, TypeError, ValueError):  # a key is repeated, and two readers take different values
        return [Problem("json_malformed")]
    changed = orjson.dumps(data)
    return type(payload).model_validate_json(changed), changed, warnings


def decode(
    headers: Iterable[tuple[str, bytes | str | None]], raw: bytes | None, latest: date = LATEST
) -> Decoded | list[Problem]:
    """Read a Kafka record in CloudEvents binary mode, of which no day may lie after `latest`.

    Returns the problems (at least one) if it cannot be read.
    """
    found = attributes(headers)
    if isinstance(found, Problem):
        return [found]
    return decode_attributes(found, raw, latest)


def decode_attributes(
    found: Mapping[str, str], raw: bytes | None, latest: date = LATEST
) -> Decoded | list[Problem]:
    """Read an event from its CloudEvents attributes (names without prefix) and the bytes of its data.

    No day in it may lie after `latest`: see schemas.bounds.
    """
    wrong = _check_attributes(found)
    if wrong is not None:
        return [wrong]
    if not raw:
        return [Problem("data_missing")]
    type_ = found["type"]
    read = read_data(type_, raw, latest)
    if isinstance(read, list):
        return read
    payload, stripped, warnings = read
    neutral = neutral_codes(type_, payload, stripped)
    if isinstance(neutral, list):
        return neutral
    payload, stripped, unknown = neutral
    digest = _hash_of(found, stripped)
    if isinstance(digest, Problem):
        return [digest]
    time = parse_time(found["time"]) if "time" in found else None
    event = Event(
        id=found["id"],
        type=type_,
        source=found["source"],
        time=time or datetime.fromisoformat("1970-01-01T00:00:00+00:00"),
        data=payload,
        corrects=found.get("corrects") or None,
        retracts=found.get("retracts") or None,
        audience=tuple(slug for slug in found.get("audience", "").split(",") if slug),
        correlationid=found.get("correlationid"),
        causationid=found.get("causationid"),
    )
    return Decoded(event, digest, stripped, warnings + unknown)


def _hash_of(found: Mapping[str, str], kept: bytes) -> bytes | Problem:
    """Hash the data as they are kept, so that an event is the same one whichever door it came through."""
    try:
        return identity_hash(found["type"], orjson.loads(kept), found.get("corrects"), found.get("retracts"))
    except orjson.JSONDecodeError:
        return Problem("json_malformed")
    except ValueError:
        return Problem("number_not_canonical")


def encode_headers(event: Event) -> list[tuple[str, bytes]]:
    """Write the CloudEvents attributes of an event as Kafka headers."""
    headers = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": event.time.isoformat(),
        "corrects": event.corrects,
        "retracts": event.retracts,
        "audience": ",".join(event.audience),
        "correlationid": event.correlationid,
        "causationid": event.causationid,
    }
    return [("content-type", b"application/json")] + [
        (f"ce_{name}", value.encode()) for name, value in headers.items() if value
    ]


def encode_data(payload: Payload) -> bytes:
    """Write a payload as JSON; fields that are None are left out."""
    return payload.model_dump_json(exclude_none=True).encode()
