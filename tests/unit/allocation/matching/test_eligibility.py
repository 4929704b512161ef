"""Each hard rule by itself, under its own name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.domain import load_policies
from services.allocation.steering.matching.domain import Course, Person, Section
from services.allocation.steering.matching.eligibility import eligibility_of
from services.allocation.steering.matching.entries import entries_of, ue_held
from services.allocation.steering.matching.snapshot import Snapshot, snapshot_of

DAY = date(2026, 3, 2)
SOON = DAY + timedelta(days=14)
WHO, WHERE = UUID(int=1), UUID(int=2)


def person(**facts: Any) -> Person:  # noqa: ANN401 - any field
    return replace(
        Person(
            id=WHO,
            version=1,
            office="jobcenter",
            town="99001001",
            standing="entitled",
            route="aufenthg_44_1",
            registered_on=date(2026, 1, 5),
            course_types=("integration_general",),
            level="none",
            section=1,
        ),
        **facts,
    )


def course(**facts: Any) -> Course:  # noqa: ANN401 - any field
    return replace(
        Course(
            id=WHERE,
            version=1,
            provider="vhs",
            course_type="integration_general",
            kind="integration",
            sections=(Section(1, SOON, SOON + timedelta(days=30), 100, 5),),
        ),
        **facts,
    )


def snapshot(who: Person, where: Course, *, late_entry: bool = False) -> Snapshot:
    policy = load_policies().on("99001", DAY)
    limits = policy.limits.model_copy(update={"late_entry": late_entry})
    return snapshot_of(
        "99001",
        DAY,
        people=[who],
        courses=[where],
        rules=load_rulebook().on(DAY),
        policy=policy.model_copy(update={"limits": limits}),
    )


def failed(who: Person, where: Course, *, late_entry: bool = False) -> tuple[str, ...]:
    return eligibility_of(snapshot(who, where, late_entry=late_entry)).failed(0, 0)


def running(days: int, ue: int = 100) -> tuple[Section, ...]:
    return (Section(1, DAY - timedelta(days=days), DAY + timedelta(days=39 - days), ue, 5),)


VOCATIONAL = {"course_type": "vocational", "kind": "vocational", "target_level": "B2"}
LAND = {"course_type": "land", "kind": "other"}


@pytest.mark.parametrize(
    ("who", "where", "expected"),
    [
        ({}, {}, ()),
        ({"course_types": ("integration_literacy",)}, {}, ("course_type",)),
        (
            {"course_types": ("vocational",), "level": "B1"},
            VOCATIONAL,
            ("route_leads_there",),
        ),
        ({"course_types": ("vocational",), "level": "B1", "route": "deufoev_4"}, VOCATIONAL, ()),
        ({"course_types": ("vocational",), "level": "A2", "route": "deufoev_4"}, VOCATIONAL, ("level",)),
        ({"course_types": ("land",), "valid_until": DAY}, LAND, ()),
        ({"route": "unheard_of"}, {}, ("route_leads_there", "route_open")),
        ({"route": "aufenthg_44_4", "granted_on": date(2026, 2, 8)}, {}, ()),
        ({"route": "aufenthg_44_4", "granted_on": date(2026, 2, 9)}, {}, ("route_open",)),
        ({"valid_until": SOON}, {}, ()),
        ({"valid_until": SOON - timedelta(days=1)}, {}, ("entitlement_valid",)),
        ({"section": None, "level": None}, {}, ("placement_test",)),
        ({"section": 2}, {}, ("level",)),
        ({"earliest_start": SOON}, {}, ()),
        ({"earliest_start": SOON + timedelta(days=1)}, {}, ("earliest_start",)),
        ({}, {"registration_until": DAY}, ()),
        ({}, {"registration_until": DAY - timedelta(days=1)}, ("registration_deadline",)),
        (
            {},
            {"sections": (Section(1, DAY + timedelta(days=183), DAY + timedelta(days=220), 100, 5),)},
            ("latest_start",),
        ),
        ({"available": ("morning",)}, {"times_of_day": ("morning",)}, ()),
        ({"available": ("morning",)}, {"times_of_day": ("afternoon", "morning")}, ("time_of_day",)),
        ({"available": ("morning",)}, {"times_of_day": ()}, ("time_of_day",)),
        ({"needs_childcare": True}, {"childcare": None}, ("childcare",)),
        ({"needs_childcare": True}, {"childcare": True}, ()),
        ({"needs_women_only": True}, {}, ("women_only",)),
        ({}, {"women_only": True}, ("women_only",)),
        ({"needs_women_only": True}, {"women_only": True}, ()),
        ({"needs_barrier_free": True}, {"barrier_free": False}, ("barrier_free",)),
        ({"needs_barrier_free": True}, {"online": True}, ()),
        ({"excluded": (WHERE,)}, {}, ("earlier_answer",)),
        ({"excluded": (WHERE,), "section": 3}, {}, ("level", "earlier_answer")),
        ({}, {"sections": running(5)}, ("late_entry",)),
    ],
)
def test_a_rule_fails_under_its_name(
    who: dict[str, Any], where: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert failed(person(**who), course(**where)) == expected


def test_late_entry_ends_with_the_units_of_the_law() -> None:
    assert failed(person(), course(sections=running(9)), late_entry=True) == ()
    assert failed(person(), course(sections=running(10)), late_entry=True) == ("late_entry",)
    assert ue_held(running(10)[0], DAY, 0) == 25


def test_seats_of_later_sections_bound_an_entry() -> None:
    sections = (
        Section(1, SOON, SOON + timedelta(days=30), 100, 5),
        Section(2, SOON + timedelta(days=31), SOON + timedelta(days=60), 100, 0),
        Section(3, SOON + timedelta(days=61), SOON + timedelta(days=90), 100, 2),
    )
    entries = entries_of(snapshot(person(), course(sections=sections)))
    assert [entry.free for entry in entries] == [0, 0, 2]


def test_past_sections_are_no_entries() -> None:
    gone = Section(1, DAY - timedelta(days=60), DAY - timedelta(days=1), 100, 5)
    assert entries_of(snapshot(person(), course(sections=(gone,)))) == ()
