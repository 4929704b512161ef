# ruff: noqa: ANN401 - builders take any field
"""What a policy can ask for beyond the law: sizes, quotas, families, ways, neighbours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.domain import Policy, Pooling, Quota, Sizes, Town, load_policies
from services.allocation.steering.matching import snapshot as snapshots
from services.allocation.steering.matching.domain import Course, Deviation, Person, Section
from services.allocation.steering.matching.eligibility import eligibility_of
from services.allocation.steering.matching.entries import need_of
from services.allocation.steering.matching.goals import waiting_days, way_to
from services.allocation.steering.matching.hardrules import hard_rules
from services.allocation.steering.matching.match import Result, match
from services.allocation.steering.matching.snapshot import Snapshot, snapshot_of
from tests.unit.allocation.matching.test_eligibility import DAY, SOON, course, person

LATER = SOON + timedelta(days=60)


def people(count: int, first: int = 1, **facts: Any) -> list[Person]:
    return [person(id=UUID(int=first + place), **facts) for place in range(count)]


def section(free: int) -> tuple[Section, ...]:
    return (Section(1, SOON, SOON + timedelta(days=30), 100, free),)


def seen(
    who: list[Person], where: list[Course], policy: dict[str, Any] | None = None, **more: Any
) -> Snapshot:
    basis = load_policies().on("99001", DAY).model_copy(update={"sizes": Sizes(decide_days=28)})
    return snapshot_of(
        "99001",
        DAY,
        people=who,
        courses=where,
        rules=load_rulebook().on(DAY),
        policy=basis.model_copy(update=policy or {}),
        **more,
    )


def placed(result: Result) -> dict[int, int]:
    return {who.int: key.course.int for who, key in result.places.items()}


def failed(who: Person, where: Course, policy: dict[str, Any] | None = None, **more: Any) -> tuple[str, ...]:
    return eligibility_of(seen([who], [where], policy, **more)).failed(0, 0)


def test_a_course_starts_only_with_its_minimum() -> None:
    small = course(id=UUID(int=50), minimum=4, capacity=10, sections=section(10))
    few = match(seen(people(3), [small]))
    assert (few.places, few.closed, few.started) == ({}, (small.id,), ())
    enough = match(seen(people(4), [small]))
    assert (len(enough.places), enough.closed, enough.started) == (4, (), (small.id,))


def test_who_sits_already_counts_towards_the_minimum() -> None:
    fuller = course(id=UUID(int=50), minimum=4, capacity=10, seated=3, sections=section(7))
    assert need_of(fuller, seen([], [fuller])) == 1
    assert len(match(seen(people(1), [fuller])).places) == 1


def test_two_weak_courses_become_one_that_starts() -> None:
    weak = [course(id=UUID(int=50 + at), minimum=5, capacity=10, sections=section(10)) for at in range(3)]
    result = match(seen(people(6), weak))
    assert len(result.places) == 6
    assert len(result.started) == 1


@pytest.mark.parametrize(
    ("facts", "sizes"),
    [
        ({"decision": "start"}, Sizes()),
        ({}, Sizes(protected_types=("integration_general",))),
        ({"sections": (Section(1, LATER, LATER + timedelta(days=30), 100, 10),)}, Sizes(decide_days=28)),
    ],
    ids=["decided by a coordinator", "protected by the policy", "collects until four weeks before"],
)
def test_a_minimum_that_does_not_bind(facts: dict[str, Any], sizes: Sizes) -> None:
    small = course(**{"minimum": 4, "capacity": 10, "sections": section(10), **facts})
    result = match(seen(people(2), [small], {"sizes": sizes}))
    assert len(result.places) == 2
    assert result.closed == ()


def test_the_policy_and_the_law_have_minimum_sizes_too() -> None:
    own = course(capacity=20, sections=section(20))
    sizes = Sizes(minimum={"integration_general": 9}, decide_days=28)
    assert need_of(own, seen([], [own], {"sizes": sizes})) == 9
    vocational = course(course_type="vocational", kind="vocational", target_level="B2", capacity=20)
    assert need_of(vocational, seen([], [vocational])) == 15


def test_a_closed_course_is_given_to_nobody_by_its_name() -> None:
    assert failed(person(), course(decision="close")) == ("course_not_to_start",)


def test_later_sections_of_a_course_wait_until_it_is_sure() -> None:
    two = (
        Section(1, SOON, SOON + timedelta(days=30), 100, 10),
        Section(2, SOON + timedelta(days=31), SOON + timedelta(days=60), 100, 10),
    )
    waiting = course(id=UUID(int=50), minimum=4, capacity=10, sections=two)
    known = eligibility_of(seen([person(section=2)], [waiting]))
    assert known.failed(0, 1) == ("course_not_sure",)


QUOTA = Quota(name="for duties", classes=("urgent_duty",), seats=2)


def test_reserved_seats_go_to_their_classes_only() -> None:
    others = people(5, standing="entitled")
    result = match(seen(others, [course(capacity=5, sections=section(5))], {"quotas": (QUOTA,)}))
    assert len(result.places) == 3
    urgent = people(4, first=20, standing="obliged_jobcenter")
    both = match(seen([*others, *urgent], [course(capacity=5, sections=section(5))], {"quotas": (QUOTA,)}))
    assert len(both.places) == 5
    assert sum(who.int >= 20 for who in both.places) == 4


def test_a_quota_counts_who_sits_already_and_ends_before_the_start() -> None:
    others = people(5, standing="entitled")
    half = course(capacity=6, seated=1, seated_by=(("urgent_duty", 1),), sections=section(5))
    assert len(match(seen(others, [half], {"quotas": (QUOTA,)})).places) == 4
    over = QUOTA.model_copy(update={"until_days_before": 20})
    assert len(match(seen(others, [half], {"quotas": (over,)})).places) == 5


def test_nested_quotas_leave_the_rest_to_everybody() -> None:
    wide = Quota(name="for any duty", classes=("urgent_duty", "other_duty"), seats=2)
    rows = [
        *people(6, standing="entitled"),
        *people(6, first=20, standing="obliged_foreigners_authority"),
        *people(1, first=40, standing="obliged_jobcenter"),
    ]
    goals = {"quotas": (QUOTA, wide), "goals": ("waiting",)}
    long_ago = [replace(one, registered_on=DAY - timedelta(days=300)) for one in rows[:6]]
    result = match(seen([*long_ago, *rows[6:]], [course(capacity=8, sections=section(8))], goals))
    classes = [0 if who.int >= 40 else 1 if who.int >= 20 else 2 for who in result.places]
    assert [classes.count(place) for place in range(3)] == [1, 2, 4]


def test_quotas_that_cross_are_refused() -> None:
    other = Quota(name="for others", classes=("others",), seats=1)
    basis = load_policies().on("99001", DAY).model_dump()
    with pytest.raises(ValueError, match="contain each other"):
        Policy.model_validate({**basis, "quotas": [QUOTA.model_dump(), other.model_dump()]})


def test_a_family_attends_the_same_course_or_waits_together() -> None:
    family = [replace(one, family=UUID(int=9)) for one in people(3)]
    apart = [
        course(id=UUID(int=50), capacity=2, sections=section(2)),
        course(id=UUID(int=51), capacity=2, sections=section(2)),
    ]
    assert match(seen(family, apart)).places == {}
    together = [*apart, course(id=UUID(int=52), capacity=3, sections=section(3))]
    assert set(placed(match(seen(family, together))).values()) == {52}


def test_on_hold_excluded_and_free_choice() -> None:
    assert failed(person(held=True), course()) == ("on_hold",)
    assert failed(person(barred_courses=(UUID(int=2),)), course()) == ("exclusion",)
    assert failed(person(barred_providers=("vhs",)), course()) == ("exclusion",)
    assert failed(person(standing="entitled"), course(), {"free_choice": "none"}) == ("free_choice",)
    assert failed(person(standing="obliged_jobcenter"), course(), {"free_choice": "none"}) == ()


def test_against_the_placement_test_only_with_a_deviation_on_record() -> None:
    assert failed(person(section=3), course()) == ("level",)
    assert failed(person(section=3, deviation=Deviation(section=1)), course()) == ()
    assert failed(person(section=None, level=None, deviation=Deviation(section=1)), course()) == ()


def test_each_clock_of_the_law_by_itself() -> None:
    year_ago = SOON.replace(year=SOON.year - 1) - timedelta(days=1)
    assert failed(person(granted_on=year_ago), course()) == ("claim_lapses",)
    assert failed(person(granted_on=year_ago, route="aufenthg_44_4"), course()) == ("admission_lapses",)
    assert failed(person(granted_on=year_ago, route="aufenthg_44a"), course()) == ()
    assert failed(person(granted_on=year_ago, valid_until=SOON), course()) == ()
    vocational = course(course_type="vocational", kind="vocational", target_level="A1")
    facts = {"route": "deufoev_4", "course_types": ("vocational",)}
    three_months_ago = SOON.replace(year=2025, month=12)
    assert failed(person(granted_on=three_months_ago, **facts), vocational) == ()
    day_before = three_months_ago - timedelta(days=1)
    assert failed(person(granted_on=day_before, **facts), vocational) == ("vocational_lapses",)


def test_hours_that_may_still_be_funded() -> None:
    assert failed(person(hours_left=99), course()) == ("hours_left",)
    assert failed(person(hours_left=100), course()) == ()


def test_weekdays_against_availability() -> None:
    assert failed(person(available_days=("mon", "tue")), course(weekdays=("mon", "wed"))) == ("weekdays",)
    assert failed(person(available_days=("mon", "wed")), course(weekdays=("mon",))) == ()


HOME, AWAY = "99001001", "99001002"


@pytest.mark.parametrize(
    ("own", "told", "limit"), [(None, "travel_time", 60), (90, "travel_time", 60), (30, "travel_own", 30)]
)
def test_a_way_that_is_too_long_says_whose_limit_it_passes(own: int | None, told: str, limit: int) -> None:
    limits = load_policies().on("99001", DAY).limits.model_copy(update={"travel_minutes": 60})
    there = course(town=AWAY)
    region = seen([person(max_travel_minutes=own)], [there], {"limits": limits}, travel={(HOME, AWAY): 95})
    (rule,) = (one for one in hard_rules(region) if one.name == "travel_time")
    reason = rule.objection(region.people[0], eligibility_of(region).entries[0])
    assert reason.code == f"against_{told}"
    assert reason.params == {"minutes": 95, "limit": limit}


def test_travel_time_by_the_table_is_hard_and_an_estimate_never_is() -> None:
    limits = load_policies().on("99001", DAY).limits.model_copy(update={"travel_minutes": 60})
    towns = {HOME: Town(latitude=50, longitude=8), AWAY: Town(latitude=52, longitude=11)}
    policy = {"limits": limits, "towns": towns}
    there = course(town=AWAY)
    assert failed(person(), there, policy, travel={(HOME, AWAY): 61}) == ("travel_time",)
    assert failed(person(), there, policy, travel={(HOME, AWAY): 60}) == ()
    assert failed(person(max_travel_minutes=30), there, policy, travel={(HOME, AWAY): 31}) == ("travel_time",)
    far = seen([person(max_travel_minutes=30)], [there], policy)
    assert eligibility_of(far).failed(0, 0) == ()
    way = way_to(far.people[0], there, far)
    assert way is not None
    assert way.estimated
    assert way.minutes > 300


def test_a_neighbours_course_only_under_an_agreement() -> None:
    who, there = person(kreis="99001"), course(kreis="99002")
    agreed = {"pooling": (Pooling(kreis="99002", course_types=("integration_general",)),)}
    pairs = (("99001", "99002"), ("99002", "99001"))
    assert failed(who, there) == ("neighbour",)
    assert failed(who, there, agreed, pooled=pairs) == ()
    other = {"pooling": (Pooling(kreis="99002", course_types=("vocational",)),)}
    assert failed(who, there, other, pooled=pairs) == ("neighbour",)


def test_the_laws_cap_binds_where_a_provider_announces_more() -> None:
    crowded = course(capacity=40, sections=section(40))
    assert len(match(seen(people(40), [crowded])).places) == 25


def test_goals_decide_in_the_order_of_the_policy() -> None:
    near = course(id=UUID(int=50), town=AWAY, capacity=1, sections=section(1), seated=0)
    soon = course(id=UUID(int=51), town=HOME, capacity=1, sections=section(1), seated=19)
    travel = {(HOME, AWAY): 10, (HOME, HOME): 40}
    who = [person(id=UUID(int=1))]
    by_way = match(seen(who, [near, soon], {"goals": ("travel_time", "viability")}, travel=travel))
    assert placed(by_way) == {1: 50}
    target = Sizes(target={"integration_general": 18})
    full = replace(near, seated=18)
    empty = replace(soon, seated=2)
    by_size = {"goals": ("viability", "travel_time"), "sizes": target}
    assert placed(match(seen(who, [full, empty], by_size, travel=travel))) == {1: 51}


def test_the_snapshot_comes_back_from_its_bytes() -> None:
    full = person(
        family=UUID(int=9),
        deviation=Deviation(section=2),
        held=True,
        barred_courses=(UUID(int=3),),
        barred_providers=("vhs",),
        available_days=("mon",),
        hours_left=600,
        kreis="99001",
    )
    where = course(weekdays=("mon",), seated_by=(("others", 2),), decision="start", kreis="99002", town=AWAY)
    pairs = (("99001", "99002"), ("99002", "99001"))
    whole = seen([full], [where], travel={(HOME, AWAY): 12, (AWAY, HOME): 13}, pooled=pairs)
    raw = snapshots.encode(whole)
    assert whole.travel == {(HOME, AWAY): 12}
    assert snapshots.decode(raw) == whole


def test_waiting_is_time_without_a_seat() -> None:
    """Of two of the same class the one place goes to whoever has waited longer, not registered earlier."""
    sat = person(
        id=UUID(int=1),
        registered_on=DAY - timedelta(days=337),
        last_course_ended_on=DAY - timedelta(days=17),
    )
    waits = person(id=UUID(int=2), registered_on=DAY - timedelta(days=60))
    before = match(seen([replace(sat, last_course_ended_on=None), waits], [course(sections=section(1))]))
    assert set(placed(before)) == {1}
    assert (waiting_days(sat, DAY), waiting_days(waits, DAY)) == (17, 60)
    assert set(placed(match(seen([sat, waits], [course(sections=section(1))])))) == {2}


def test_an_older_course_than_the_registration_changes_nothing() -> None:
    again = person(registered_on=DAY - timedelta(days=9), last_course_ended_on=DAY - timedelta(days=40))
    assert waiting_days(again, DAY) == 9


def test_a_snapshot_stores_the_end_of_the_last_course_only_where_there_is_one() -> None:
    plain, sat = person(id=UUID(int=1)), person(id=UUID(int=2), last_course_ended_on=DAY)
    raw = snapshots.encode(seen([plain, sat], []))
    assert snapshots.decode(raw).people == (plain, sat)
    assert raw.count(b"last_course_ended_on") == 1
