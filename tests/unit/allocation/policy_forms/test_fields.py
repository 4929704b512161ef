"""Every field of a policy has a place in the form, a German label, and a sentence that its value changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.allocation.console.policy.fields import FIXED, SECTIONS, Field, fields
from services.allocation.console.policy.forms.shape import Kind, leaves, shape
from services.allocation.console.policy.sentences import Wording
from services.allocation.policy.domain import Policy
from tests.unit.allocation.policy_forms.filling import german, values_of

FULL: dict[str, Any] = values_of("""
valid_from: 2026-03-10
source: "council of the Kreis, 2 March 2026"
automatic: [expire]
reservation: {days: 10, present_days: 3, by_class: {urgent_duty: 14}}
cadence: {every: weekly, weekday: 1, hour: 6, near_start_days: 14}
limits: {latest_start_days: 100, late_entry: true, late_entry_ue: 20, travel_minutes: 60}
goals: [priority, waiting]
quotas: [{name: Duty, classes: [urgent_duty], seats: 4, course_types: [vocational], providers: [vhs],
  until_days_before: 10}]
sizes: {decide_days: 28, minimum: {integration_general: 12}, target: {integration_general: 18},
  protected_types: [land], protected_courses: [vhs/K-7]}
free_choice: propose
pooling: [{kreis: "99002", until: 2027-12-31, course_types: [vocational]}]
alternatives: 3
explained_days: 730
towns: {"99001001": {latitude: 53.9, longitude: 11.3}}
""")
OTHER: dict[str, Any] = {
    "valid_from": "2026-04-01", "source": "the other council", "automatic": ["start"],
    "cadence.every": "daily",
    "limits.late_entry": False, "goals": ["waiting", "priority"], "sizes.protected_types": ["municipal"],
    "sizes.protected_courses": ["vhs/K-8"], "free_choice": "none", "quotas[].name": "Others",
    "quotas[].classes": ["other_duty"], "quotas[].course_types": ["land"], "quotas[].providers": ["awo"],
    "pooling[].kreis": "99003", "pooling[].until": "2028-01-31", "pooling[].course_types": ["land"],
    "reservation.by_class": {"urgent_duty": 15}, "sizes.minimum": {"integration_general": 13},
    "sizes.target": {"integration_general": 19},
}  # fmt: skip


def listed() -> Iterator[str]:
    """Name the fields of the form as the schema names its own."""
    for one in fields():
        if not one.columns:
            yield one.path
        for column in one.columns:
            yield f"{one.path}[].{column.path}"


def test_no_field_of_the_schema_is_forgotten() -> None:
    there = [*listed(), *FIXED]
    assert sorted(there) == sorted(leaves()), "name it in services/allocation/console/policy/fields.py"
    assert len(set(there)) == len(there)


def every() -> Iterator[Field]:
    for one in fields():
        yield one
        yield from one.columns


@pytest.mark.parametrize("one", list(every()), ids=lambda one: one.path)
def test_every_field_has_german_words(one: Field) -> None:
    texts = german()
    words = [one.label, one.hint, one.unit, one.key, *(one.words or {}).values()]
    for text in filter(None, words):
        assert texts.knows(text) or text in {"UE", "°", "Name"}, text
    if not one.columns and one.path in set(leaves()):
        known = shape(one.path)
        values = known.values if known.kind in {Kind.ONE_OF, Kind.SOME_OF} else ()
        assert set(values) <= set(one.words or {})


def test_every_section_has_german_words() -> None:
    for section in SECTIONS:
        assert german().knows(section.heading)
        assert german().knows(section.intro)


def _with(path: str, value: Any) -> Policy:  # noqa: ANN401 -- any field's
    data = Policy.model_validate(FULL).model_dump(mode="json")
    names = path.replace("[]", ".[]").split(".")
    here: Any = data
    for name in names[:-1]:
        here = (
            (here[0] if isinstance(here, list) else next(iter(here.values()))) if name == "[]" else here[name]
        )
    here[names[-1]] = here[names[-1]] + 1 if value is None else value
    return Policy.model_validate(data)


@pytest.mark.parametrize("path", sorted(set(leaves()) - set(FIXED)))
def test_the_sentence_of_a_field_changes_with_its_value(path: str) -> None:
    old, new = Policy.model_validate(FULL), _with(path, OTHER.get(path))
    assert old != new
    (one,) = [one for one in fields() if one.path == path.partition("[")[0]]
    say = Wording(german())
    before, after = one.say(say, old), one.say(say, new)
    assert before != after
    assert all(line.strip() for line in (*before, *after))
