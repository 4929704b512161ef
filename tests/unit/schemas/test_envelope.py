"""Reading records: what is accepted, what is said about the rest, and that no value ever leaks."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import Decoded, Problem, decode, encode_data, encode_headers
from schemas.publishing.export import PUBLISHED, golden
from schemas.topics import EVENT_TYPES

Headers = list[tuple[str, bytes | str]]

CANARY = "Canary-Maria-1990"


def headers(type_: str = "course-cancelled", **changes: str | None) -> Headers:
    found: dict[str, str | None] = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/vhs",
        "type": f"de.kurslotse.{type_}.v1",
        "time": "2026-11-20T08:00:00+01:00",
    }
    found |= changes
    return [(f"ce_{name}", value.encode()) for name, value in found.items() if value is not None]


DATA = {"course": "IK-1", "cancelled_on": "2026-11-20", "reason": "no_room"}


def problems(found: Decoded | list[Problem]) -> list[tuple[str, str | None]]:
    assert isinstance(found, list)
    return [(problem.code, problem.field) for problem in found]


@pytest.mark.parametrize(
    ("head", "raw", "expected"),
    [
        (headers(id=None), orjson.dumps(DATA), [("attribute_missing", "ce_id")]),
        (headers(specversion="0.3"), orjson.dumps(DATA), [("specversion_unknown", "ce_specversion")]),
        (headers(id="with space"), orjson.dumps(DATA), [("id_malformed", "ce_id")]),
        (headers(time="yesterday"), orjson.dumps(DATA), [("time_malformed", "ce_time")]),
        (headers(time="2026-11-20T08:00:00"), orjson.dumps(DATA), [("time_malformed", "ce_time")]),
        (headers("course-dreamt"), orjson.dumps(DATA), [("type_unknown", "ce_type")]),
        (headers(corrects="a", retracts="b"), orjson.dumps(DATA), [("corrects_and_retracts", "ce_retracts")]),
        ([("ce_id", b"\xff")], orjson.dumps(DATA), [("header_not_utf8", "ce_id")]),
        (headers(), b"", [("data_missing", None)]),
        (headers(), b"{", [("json_malformed", None)]),
        (headers(), b'{"course": "' + b"x" * 70_000, [("data_too_large", None)]),
        (headers(), orjson.dumps({"course": "IK-1"}), [("field_missing", "cancelled_on")]),
        (headers(), orjson.dumps({**DATA, "cancelled_on": CANARY}), [("field_invalid", "cancelled_on")]),
        (headers(), orjson.dumps([1]), [("field_invalid", "")]),
        (headers(), b'"\\ud800"', [("json_malformed", None)]),
    ],
)
def test_says_what_is_wrong_and_where(head: Headers, raw: bytes, expected: list[tuple[str, str]]) -> None:
    found = decode(head, raw)
    assert problems(found) == expected
    assert CANARY not in repr(found)


def test_unknown_fields_are_taken_out_with_a_warning_that_does_not_repeat_them() -> None:
    found = decode(headers(), orjson.dumps({**DATA, CANARY: CANARY}))
    assert isinstance(found, Decoded)
    assert found.warnings == (Problem("field_unknown", "data"),)
    assert CANARY not in repr((found.warnings, found.event, found.raw))


def test_unknown_codes_are_named_and_read_as_no_code_that_anybody_wrote() -> None:
    found = decode(headers(), orjson.dumps({**DATA, "reason": "canary_of_1990"}))
    assert isinstance(found, Decoded)
    assert found.warnings == (Problem("code_unknown", "reason"),)
    assert "canary_of_1990" not in repr((found.warnings, found.event, found.raw))
    assert orjson.loads(found.raw) == {**DATA, "reason": "other"}


def test_same_data_written_differently_has_the_same_hash() -> None:
    one = decode(headers(), orjson.dumps(DATA))
    two = decode(headers(), orjson.dumps(dict(reversed(DATA.items())), option=orjson.OPT_INDENT_2))
    other = decode(headers(corrects="e-0"), orjson.dumps(DATA))
    assert isinstance(one, Decoded)
    assert isinstance(two, Decoded)
    assert isinstance(other, Decoded)
    assert one.hash == two.hash != other.hash


def test_what_is_taken_out_at_a_door_makes_no_other_event() -> None:
    """Sent to Kafka as it is, or over HTTP without what nobody reads: the same event."""
    direct = decode(headers(), orjson.dumps({**DATA, "reason": "canary_of_1990", "note": CANARY, "n": 2**60}))
    assert isinstance(direct, Decoded)
    by_http = decode(headers(), direct.raw)
    assert isinstance(by_http, Decoded)
    assert direct.hash == by_http.hash
    otherwise = decode(headers(), orjson.dumps({**DATA, "cancelled_on": "2026-11-21"}))
    assert isinstance(otherwise, Decoded)
    assert otherwise.hash != direct.hash


@pytest.mark.parametrize(("path", "type_", "line"), list(golden(PUBLISHED)))
def test_golden_samples_survive_a_round_trip(path: object, type_: str, line: bytes) -> None:
    first = decode(headers(type=type_), line)
    assert isinstance(first, Decoded), (path, first)
    again = decode(encode_headers(first.event), encode_data(first.event.data))
    assert isinstance(again, Decoded)
    assert again.event == first.event


def test_every_event_type_says_its_key() -> None:
    for _, type_, line in golden(PUBLISHED):
        payload = EVENT_TYPES[type_].payload.model_validate_json(line)
        assert payload.subject_key("vhs-musterland")


@given(st.binary(max_size=300), st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=8)), max_size=4))
def test_no_input_raises(raw: bytes, noise: list[tuple[str, bytes]]) -> None:
    for type_ in ("course-announced", "attendance-recorded", "participant-registered"):
        decode([*headers(type_), *noise], raw)
