"""Decides whether an event may go on a topic: its form, and its publisher's right to send it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from schemas.bounds import latest_day
from schemas.days import local_day
from schemas.envelope import EVENT_ID, Decoded, Event, Problem, decode_attributes
from schemas.topics import EVENT_TYPES, Family, may_send
from services.gateway.publishers.domain import Publisher

_COPIED = ("specversion", "id", "type", "time", "corrects", "retracts")
_TRACES = ("correlationid", "causationid")
_TRACE = re.compile(r"^(?=.*[0-9])[A-Za-z0-9._:/-]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Ready:
    """An event that may go on its topic."""

    event: Event
    family: Family
    data: bytes
    hash: bytes
    warnings: tuple[Problem, ...] = ()

    @property
    def id(self) -> str:
        """The CloudEvents id."""
        return self.event.id


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that is not taken, and why; `id` is None if it cannot be told."""

    id: str | None
    status: int
    problems: tuple[Problem, ...]
    type: str | None = None
    family: Family | None = None


Checked = Ready | Refused

_STATUS = {
    "json_malformed": 400,
    "json_too_deep": 400,
    "data_too_large": 413,
    "not_allowed": 403,
    "id_reused": 409,
    "attribute_missing": 400,
    "attribute_malformed": 400,
    "specversion_unknown": 400,
    "id_malformed": 400,
    "attribute_unusable": 400,
    "time_malformed": 400,
    "corrects_and_retracts": 400,
    "header_not_utf8": 400,
    "header_malformed": 400,
    "data_missing": 400,
}


def status_of(problems: Sequence[Problem]) -> int:
    """Return the HTTP status for the first thing that is wrong with an event."""
    return _STATUS.get(problems[0].code, 422)


def check(
    publisher: Publisher,
    families: frozenset[str],
    attributes: Mapping[str, str],
    raw: bytes | None,
    now: datetime,
) -> Checked:
    """Check one event as it was sent.

    Its source becomes the publisher whose key opened the door, whatever `source` says.
    """
    type_ = attributes.get("type", "")
    # A malformed id is neither stored nor told.
    id_ = attributes["id"] if EVENT_ID.match(attributes.get("id", "")) else None
    kept = {name: attributes[name] for name in _COPIED if name in attributes}
    kept |= {"source": f"/{publisher.slug}"}
    kept.setdefault("time", now.isoformat())
    traces, dropped = _traces(attributes)
    decoded = decode_attributes(kept | traces, raw, latest_day(local_day(now)))
    known = EVENT_TYPES.get(type_)
    family = known.family if known is not None else None
    if known is not None and (not may_send(type_, publisher.event_types) or known.family not in families):
        problem = Problem("not_allowed", field="ce_type")
        return Refused(id_, status_of([problem]), (problem,), type_)
    if not isinstance(decoded, Decoded):
        return Refused(id_, status_of(decoded), tuple(decoded), type_ if known else None, family)
    return ready(decoded, dropped)


def ready(decoded: Decoded, further: tuple[Problem, ...] = ()) -> Ready:
    """Make a decoded event ready."""
    return Ready(
        event=decoded.event,
        family=EVENT_TYPES[decoded.event.type].family,
        # Serialised again: whitespace and repeated keys could carry text that no field has room for.
        data=orjson.dumps(orjson.loads(decoded.raw)),
        hash=decoded.hash,
        warnings=(*decoded.warnings, *further),
    )


def _traces(attributes: Mapping[str, str]) -> tuple[dict[str, str], tuple[Problem, ...]]:
    given = {name: attributes[name] for name in _TRACES if attributes.get(name)}
    good = {name: value for name, value in given.items() if _TRACE.match(value)}
    return good, tuple(Problem("attribute_dropped", field=f"ce_{name}") for name in given if name not in good)


def reused(item: Ready) -> Refused:
    """Refuse an event whose id was used for other content before."""
    problem = Problem("id_reused", field="ce_id")
    return Refused(item.id, status_of([problem]), (problem,), item.event.type, item.family)


def check_own(
    publisher: Publisher, type_: str, id_: str, data: Mapping[str, object], now: datetime
) -> Checked:
    """Check an event made from a row of a file, as if the publisher had sent it."""
    attributes = {"specversion": "1.0", "id": id_, "type": type_, "time": now.isoformat()}
    families = frozenset({Family.IN.value, Family.SUPPORT.value})
    return check(publisher, families, attributes, orjson.dumps(data), now)
