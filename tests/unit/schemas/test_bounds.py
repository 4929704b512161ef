"""Every value of every event has bounds, in the published schema and where it is read."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.bounds import EARLIEST, LATEST, latest_day
from schemas.days import add_days, add_months
from schemas.envelope import EVENT_ID, Decoded, decode, parse_time, read_data
from schemas.publishing.export import PUBLISHED, golden, reader_schema
from schemas.topics import EVENT_TYPES

ROOT = Path(__file__).parents[3]
TODAY = date(2026, 11, 29)
SAMPLES = [(type_, orjson.loads(line)) for _, type_, line in golden(PUBLISHED)]
OF_PUBLISHERS = [(type_, data) for type_, data in SAMPLES if EVENT_TYPES[type_].kinds]

Path_ = tuple[str | int, ...]


def leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, (*path, number))
    else:
        yield path, value


def put(value: Any, path: Path_, new: object) -> Any:  # noqa: ANN401 - any JSON value
    if not path:
        return new
    if isinstance(value, dict):
        return {**value, path[0]: put(value[path[0]], path[1:], new)}
    return [put(item, path[1:], new) if number == path[0] else item for number, item in enumerate(value)]


def places(kind: re.Pattern[str]) -> list[tuple[str, Any, Path_]]:
    return [
        (type_, data, path)
        for type_, data in OF_PUBLISHERS
        for path, value in leaves(data)
        if isinstance(value, str) and kind.fullmatch(value)
    ]


DAYS = places(re.compile(r"\d{4}-\d\d-\d\d"))
TEXTS = places(re.compile(r".+"))


def unbounded(schema: Any, path: str) -> Iterator[str]:  # noqa: ANN401, C901 - any JSON schema, a table
    if isinstance(schema, list):
        for item in schema:
            yield from unbounded(item, path)
    if not isinstance(schema, dict):
        return
    match schema.get("type"):
        case "string" if not {"pattern", "maxLength", "format", "enum", "const"} & schema.keys():
            yield path
        case "string" if schema.get("format") == "date" and "pattern" not in schema:
            yield path
        case "integer" | "number" if not {"maximum", "exclusiveMaximum", "const"} & schema.keys():
            yield path
        case "array" if "maxItems" not in schema:
            yield path
        case "object" if "properties" not in schema and "maxProperties" not in schema:
            yield path
    for name, item in schema.items():
        if name not in {"examples", "default"}:
            yield from unbounded(item, f"{path}.{name}")


@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_every_text_number_list_and_day_of_a_published_schema_has_a_bound(type_: str) -> None:
    assert list(unbounded(reader_schema(EVENT_TYPES[type_]), type_)) == []


@pytest.mark.parametrize(("type_", "data", "path"), DAYS)
@pytest.mark.parametrize(
    ("day", "code"),
    [
        ("9999-12-31", "date_too_late"),
        ("2200-01-01", "date_too_late"),
        ("2036-11-30", "date_too_late"),
        ("1899-12-31", "date_too_early"),
        ("0001-01-01", "date_too_early"),
    ],
)
def test_a_day_out_of_bounds_is_refused_in_every_field(
    type_: str,
    data: Any,  # noqa: ANN401 - any JSON value
    path: Path_,
    day: str,
    code: str,
) -> None:
    found = read_data(type_, orjson.dumps(put(data, path, day)), latest_day(TODAY))
    assert isinstance(found, list)
    assert (code, ".".join(map(str, path))) in [(problem.code, problem.field) for problem in found]
    assert all(day not in str(problem.params) for problem in found)


@pytest.mark.parametrize(("type_", "data", "path"), TEXTS)
@pytest.mark.parametrize("ending", ["\n", "\x00", "\x1b", "\u202e"])
def test_no_text_keeps_a_control_character_or_the_end_of_a_line(
    type_: str,
    data: Any,  # noqa: ANN401 - any JSON value
    path: Path_,
    ending: str,
) -> None:
    value = next(text for where, text in leaves(data) if where == path)
    found = read_data(type_, orjson.dumps(put(data, path, f"{value}{ending}")))
    if not isinstance(found, list):
        kept = orjson.loads(found[0].model_dump_json(exclude_none=True))
        assert all(not isinstance(text, str) or text.isprintable() for _, text in leaves(kept))
    else:
        assert found


@pytest.mark.parametrize("months", ["9999-12", "2200-01", "1899-12", "0000-01", "2027-13"])
def test_a_month_has_bounds_too(months: str) -> None:
    need = orjson.dumps({"need": "bus", "town": "99001007", "month": months})
    assert isinstance(read_data("de.kurslotse.need-reported.v1", need), list)


LESSON = {
    "course": "K-1", "title": "Kurs", "course_type": "land", "kreis": "99001", "capacity": 20,
    "sections": [{"number": 1, "starts_on": "2027-01-11", "ends_on": "2027-03-12"}],
}  # fmt: skip


@pytest.mark.parametrize(
    "said", ["08:30:00Z", "08:30:00+01:00", "08:30-00:00", "08:30:00.5Z", 30600, "24:00", "halb neun"]
)
def test_a_lesson_is_told_in_local_time(said: object) -> None:
    lessons = [{"weekday": "mon", "starts_at": said, "ends_at": "12:00"}]
    found = read_data("de.kurslotse.course-announced.v1", orjson.dumps({**LESSON, "lessons": lessons}))
    assert isinstance(found, list)
    assert [problem.field for problem in found] == ["lessons.0.starts_at"]


def test_the_published_schema_asks_for_a_local_time() -> None:
    lesson = reader_schema(EVENT_TYPES["de.kurslotse.course-announced.v1"])["$defs"]["Lesson"]["properties"]
    assert "format" not in lesson["starts_at"]
    assert re.search(lesson["starts_at"]["pattern"], "08:30:00")
    assert not re.search(lesson["starts_at"]["pattern"], "08:30:00Z")


@pytest.mark.parametrize(
    "time",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "2200-01-01T00:00:00Z",
        "1899-12-31T23:59:59Z",
    ],
)
def test_the_time_of_an_event_has_bounds(time: str) -> None:
    assert parse_time(time) is None


@pytest.mark.parametrize("wrong", ["e07\n", "e07\r\n", "\ne07", "e 07", "e07\u2028", "e07\x00", ""])
def test_an_id_holds_no_end_of_a_line(wrong: str) -> None:
    assert EVENT_ID.match(wrong) is None


def headers(**changes: str) -> list[tuple[str, bytes | str]]:
    found = {"specversion": "1.0", "id": "e-1", "source": "/vhs", "type": "de.kurslotse.need-reported.v1"}
    return [(f"ce_{name}", value) for name, value in (found | changes).items()]


NEED = {"need": "bus", "town": "99001007", "month": "2027-01"}


@pytest.mark.parametrize("name", ["source", "subject", "correlationid", "causationid", "audience"])
@pytest.mark.parametrize("value", ["a\x00b", "a\nb", "a" * 1025])
def test_an_attribute_that_a_table_could_not_hold_is_refused(name: str, value: str) -> None:
    found = decode(headers(**{name: value}), orjson.dumps(NEED))
    assert isinstance(found, list)
    assert [(problem.code, problem.field) for problem in found] == [("attribute_unusable", f"ce_{name}")]


def test_a_large_number_in_a_field_that_is_taken_out_refuses_nothing() -> None:
    found = decode(headers(), orjson.dumps({**NEED, "x_db_id": 1524831183200260097}))
    assert isinstance(found, Decoded)
    assert [problem.code for problem in found.warnings] == ["field_unknown"]
    assert b"x_db_id" not in found.raw


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
), max_leaves=8))  # fmt: skip
def test_a_repeated_key_breaks_no_reader(value: object) -> None:
    """JSON allows it; two readers may then see different values, and one must not trip over the other's."""
    twice = orjson.dumps({"sections": [{"number": 1, "x": 1}, {"x": 2}]})[:-1]
    raw = twice + b',"sections":' + json.dumps(value).encode() + b"}"
    for type_ in ("de.kurslotse.course-announced.v1", "de.kurslotse.course-changed.v1"):
        read_data(type_, raw)


@given(st.dates(), st.integers(-5000, 5000))
def test_days_and_months_never_leave_the_calendar(day: date, number: int) -> None:
    assert date.min <= add_days(day, number) <= date.max
    assert date.min <= add_months(day, number) <= date.max
    if EARLIEST <= day <= LATEST:
        assert (add_days(day, number) - day).days == number


def test_no_regular_expression_ends_where_a_last_line_end_may_follow() -> None:
    """In Python `$` matches before a trailing newline; in pydantic's and in JSON Schemas it does not."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("schemas", "services")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "files" not in path.parts  # their readers strip what they match
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and any(
            isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.endswith("$")
            for argument in node.args[:1]
            for part in ast.walk(argument)
        )
    ]
    assert found == []
