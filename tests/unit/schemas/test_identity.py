"""Ids and canonical form."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import canonical, course_id, participant_id

numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_canonical_json_is_rfc_8785(value: Any) -> None:  # noqa: ANN401 - any JSON value
    sent = orjson.loads(orjson.dumps(value))
    assert canonical(sent) == rfc8785.dumps(sent)


@given(st.floats(-1e16, 1e16) | st.floats(-1, 1) | st.integers(-(10**6), 10**6).map(lambda n: n / 4))
def test_writes_usual_numbers_as_rfc_8785_does(number: float) -> None:
    sent: list[Any] = [number, {"ue": number}]
    assert canonical(sent) == rfc8785.dumps(sent)


def test_whole_numbers_are_the_same_however_written() -> None:
    assert canonical(orjson.loads(b'{"ue":5.0,"held":-0.0}')) == canonical({"held": 0, "ue": 5})


@pytest.mark.parametrize("value", [2**53, -(2**60), [{"a": 2**63 - 1}]])
def test_refuses_numbers_that_others_would_read_differently(value: object) -> None:
    with pytest.raises(ValueError, match="canonical"):
        canonical(value)


def test_everybody_derives_the_same_participant() -> None:
    assert participant_id("jobcenter", " Ä-1 ") == participant_id("jobcenter", "A\u0308-1")
    assert participant_id("jobcenter", "1") != participant_id("vhs", "1")
    assert course_id("vhs", "1") == participant_id("vhs", "1")
