"""A code that is on no list could say anything: it is read as `other`, in every field of every event."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson
import pytest

import schemas.codes
from schemas.codes import UNKNOWN, Known
from schemas.envelope import Decoded, Problem, decode_attributes
from schemas.known import places_of_codes
from schemas.topics import EVENT_TYPES, PUBLISHERS_FAMILIES

CANARY = "depression_of_Ms_K"
GOLDEN = Path(__file__).parents[3] / "schemas" / "published" / "golden"
TYPES = sorted(name for name, known in EVENT_TYPES.items() if known.family in PUBLISHERS_FAMILIES)
NOT_IN_EVENTS_OF_PUBLISHERS = {
    "PlacementState", "PublisherKind", "FindingKind", "InstallationKind", "CourseKind",
}  # fmt: skip


def read(type_: str, data: Any) -> Decoded:  # noqa: ANN401 - any JSON value
    attributes = {"specversion": "1.0", "id": "e-1", "source": "/x", "type": type_}
    found = decode_attributes(attributes, orjson.dumps(data))
    assert isinstance(found, Decoded), found
    return found


def examples(type_: str) -> Iterator[dict[str, Any]]:
    for line in (GOLDEN / f"{type_}.jsonl").read_bytes().splitlines():
        written = orjson.loads(line)
        yield written.get("data", written)


def places(data: Any, outer: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401
    """Name every text in JSON data."""
    match data:
        case dict():
            for key, value in data.items():
                yield from places(value, (*outer, key))
        case list():
            for index, value in enumerate(data):
                yield from places(value, (*outer, index))
        case str():
            yield outer


def at(data: Any, place: tuple[str | int, ...]) -> Any:  # noqa: ANN401
    for part in place:
        data = data[part]
    return data


@pytest.mark.parametrize("type_", TYPES)
def test_no_unknown_code_is_left_in_what_is_read_or_stored(type_: str) -> None:
    for example in examples(type_):
        for place in places(example):
            data = orjson.loads(orjson.dumps(example))
            at(data, place[:-1])[place[-1]] = CANARY
            name = ".".join(map(str, place))
            attributes = {"specversion": "1.0", "id": "e-1", "source": "/x", "type": type_}
            found = decode_attributes(attributes, orjson.dumps(data))
            if not isinstance(found, Decoded) or Problem("code_unknown", name) not in found.warnings:
                continue  # refused, or no code
            assert CANARY not in repr((found.event, found.raw, found.warnings))
            assert at(orjson.loads(found.raw), place) == UNKNOWN
            assert read(type_, orjson.loads(found.raw)).event.data == found.event.data


def test_every_list_that_publishers_use_is_tried() -> None:
    lists = {
        code.__name__
        for code in vars(schemas.codes).values()
        if isinstance(code, type) and issubclass(code, StrEnum) and code is not StrEnum
    }
    used = {
        known.codes.__name__
        for type_ in TYPES
        for known in places_of_codes(EVENT_TYPES[type_].payload).values()
    }
    assert used == lists - NOT_IN_EVENTS_OF_PUBLISHERS
    tried = set()
    for type_ in TYPES:
        known = places_of_codes(EVENT_TYPES[type_].payload)
        for example in examples(type_):
            names = {".".join(str(p) for p in place if isinstance(p, str)) for place in places(example)}
            tried |= {known[name].codes.__name__ for name in names & known.keys()}
    assert tried == used


def test_a_list_names_what_nobody_knows_once() -> None:
    (example, *_) = examples("de.kurslotse.consent-granted.v1")
    found = read(
        "de.kurslotse.consent-granted.v1", {**example, "purposes": [CANARY, "secret", "dropout_support"]}
    )
    assert orjson.loads(found.raw)["purposes"] == [UNKNOWN, "dropout_support"]
    assert [warning.field for warning in found.warnings] == ["purposes.0", "purposes.1"]


def test_every_code_on_a_list_is_read_as_it_is() -> None:
    for code in (code for code in vars(schemas.codes).values() if isinstance(code, type)):
        if issubclass(code, StrEnum) and code is not StrEnum:
            assert Known(code).values == {one.value for one in code}
    (example, *_) = examples("de.kurslotse.course-cancelled.v1")
    for reason in schemas.codes.CancelReason:
        found = read("de.kurslotse.course-cancelled.v1", {**example, "reason": reason})
        assert (orjson.loads(found.raw)["reason"], found.warnings) == (reason, ())
