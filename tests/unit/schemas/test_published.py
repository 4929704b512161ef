"""What is published stays readable; the check notices each way of breaking it."""

from __future__ import annotations

import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from schemas.codes import PublisherKind
from schemas.publishing.compatibility import breaks
from schemas.publishing.export import PUBLISHED, check, reader_schema, writer_schema
from schemas.topics import EVENT_TYPES, Family, may_send, parse_topic, pattern, topic, types_for

ANNOUNCED = EVENT_TYPES["de.kurslotse.course-announced.v1"]


def test_what_is_published_is_what_the_code_says() -> None:
    assert check(PUBLISHED) == []


def test_an_edited_published_schema_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(PUBLISHED, tmp_path / "published")
    next((tmp_path / "published").glob("0*/*course-announced*.writer.json")).write_text("{}")
    assert any("course-announced" in line for line in check(tmp_path / "published"))


def test_a_lost_golden_sample_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(PUBLISHED, tmp_path / "published")
    next((tmp_path / "published" / "golden").glob("*need-reported*")).unlink()
    assert check(tmp_path / "published") == ["de.kurslotse.need-reported.v1: has no golden sample"]


def _change(schema: dict[str, Any], *path: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    changed = deepcopy(schema)
    holder = changed
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("required",), ["course", "title", "brand_new"], "data.brand_new"),
        (("properties", "capacity", "maximum"), 50, "data.capacity"),
        (("properties", "kreis", "type"), "integer", "data.kreis"),
        (("properties", "title", "maxLength"), 10, "data.title"),
        (("$defs", "Section", "required"), ["number", "starts_on", "ends_on", "ue"], "data.sections[].ue"),
        (("properties", "course_type", "enum"), ["integration_general"], "data.course_type"),
    ],
)
def test_a_stricter_reader_is_noticed(path: tuple[str, ...], value: object, said: str) -> None:
    found = breaks(writer_schema(ANNOUNCED), _change(reader_schema(ANNOUNCED), *path, value=value))
    assert [line.split(":")[0] for line in found] == [said]


def test_a_new_optional_field_is_no_break() -> None:
    wider = _change(writer_schema(ANNOUNCED), "properties", "colour", value={"type": "string"})
    assert breaks(wider, reader_schema(ANNOUNCED)) == []


def test_topics_are_named_and_read_back() -> None:
    name = topic(Family.IN, "vhs-musterland", prefix="t1-")
    assert name == "t1-kurslotse.in.vhs-musterland"
    assert parse_topic(name, prefix="t1-") == (Family.IN, "vhs-musterland")
    assert parse_topic("kurslotse.findings.steering") == (Family.FINDINGS_STEERING, None)
    assert pattern(Family.IN, prefix="t1-") == r"^t1-kurslotse\.in\.[a-z0-9-]+\Z"
    for wrong in ("other.in.x", "kurslotse.inner.x", "kurslotse.in"):
        with pytest.raises(ValueError, match="topic"):
            parse_topic(wrong)
    with pytest.raises(ValueError, match="publisher"):
        topic(Family.IN)


def test_a_permission_made_earlier_includes_what_came_with_it_later() -> None:
    attendance, consent = "de.kurslotse.attendance-recorded.v1", "de.kurslotse.consent-collected.v1"
    assert may_send(consent, frozenset({attendance}))
    assert may_send(consent, frozenset({consent}))
    assert not may_send(attendance, frozenset({consent}))
    offices = frozenset(types_for(frozenset({PublisherKind.OFFICE, PublisherKind.COUNSELLING})))
    assert not may_send(consent, offices)
    assert not may_send("de.kurslotse.gibt-es-nicht.v1", frozenset())
    assert consent in types_for(frozenset({PublisherKind.PROVIDER}))
