# ruff: noqa: ANN401 - builders take any field
"""What a municipality decides changes what comes out: each setting by itself, and goals in every order."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, get_args
from uuid import UUID

import pytest

from schemas.identity import course_id
from services.allocation.policy.domain import Goal, Policies, Policy, Pooling, Quota, Sizes, load_policies
from services.allocation.steering.explain.certificate import certificate_of
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.domain import Section
from services.allocation.steering.matching.eligibility import eligibility_of
from services.allocation.steering.matching.goals import Worth
from services.allocation.steering.matching.match import match
from services.allocation.steering.runs.regions import Region, region_of
from services.checker.run import findings
from tests.unit.allocation.matching.test_eligibility import DAY, SOON, course, person
from tests.unit.allocation.matching.test_goals_and_sizes import failed, people, section, seen
from tests.unit.allocation.regions.anything import any_region
from tests.unit.allocation.regions.crowded import a_crowded_region

GOALS: tuple[Goal, ...] = get_args(Goal)


def limits(**facts: Any) -> dict[str, Any]:
    return {"limits": load_policies().on("99001", DAY).limits.model_copy(update=facts)}


def test_goals_in_every_order_give_an_answer_that_the_checker_accepts() -> None:
    """Whatever comes first is reached as far as with nothing else before it."""
    chance = random.Random(4)
    for seed in (2, 5, 6, 9):
        whole = a_crowded_region(seed, 30, 6)
        best: dict[str, int] = {}
        for first in GOALS:
            rest = [goal for goal in GOALS if goal != first]
            chance.shuffle(rest)
            goals = (first, *rest[: chance.randint(0, len(rest))])
            wanted = replace(whole, policy=whole.policy.model_copy(update={"goals": goals}))
            result = match(wanted)
            raw, answer = snapshot.encode(wanted), matching.encode(result)
            assert findings(raw, answer, certificate_of(wanted, result)) == [], (seed, goals)
            best[first] = result.tiers[0].value
            alone = replace(whole, policy=whole.policy.model_copy(update={"goals": (first,)}))
            assert match(alone).tiers[0].value == best[first]


def test_a_place_never_counts_less_than_none() -> None:
    """Else a policy that begins with that goal would rather leave people without a place."""
    pairs = 0
    for seed in range(20):
        drawn = any_region(seed)
        worth = Worth(replace(drawn, policy=drawn.policy.model_copy(update={"goals": GOALS})))
        known = eligibility_of(drawn)
        for at, who in enumerate(drawn.people):
            for place, entry in enumerate(known.entries):
                if known.eligible(at) >> place & 1:
                    pairs += 1
                    assert min(worth.vector(who, entry)) >= 0, (seed, who, entry)
    assert pairs > 5


def test_fullness_is_counted_with_those_who_sit() -> None:
    """A course without an announced size has as many seats as people and free seats together."""
    half = course(id=UUID(int=50), provider="vhs", capacity=None, seated=5, sections=section(5))
    full = course(id=UUID(int=51), provider="other", capacity=10, seated=10, sections=section(1))
    worth = Worth(seen([person()], [half, full], {"goals": ("balance",)}))
    entries = eligibility_of(seen([person()], [half, full])).entries
    assert [worth.vector(person(), entry) for entry in entries] == [(50,), (0,)]


def test_how_far_ahead_the_municipality_plans() -> None:
    days = (SOON - DAY).days
    assert failed(person(), course(), limits(latest_start_days=days)) == ()
    assert failed(person(), course(), limits(latest_start_days=days - 1)) == ("latest_start",)


@pytest.mark.parametrize(("own", "allowed"), [(None, True), (25, True), (23, True), (22, False), (0, False)])
def test_late_entry_as_far_as_law_and_municipality_let(own: int | None, *, allowed: bool) -> None:
    """After 9 of 40 days of 100 UE, 23 are over: entry up to 23 UE means that fewer have been held."""
    running = Section(1, DAY - timedelta(days=9), DAY + timedelta(days=31), 100, 5)
    held = course(sections=(running,))
    policy = limits(late_entry=True, late_entry_ue=own)
    assert failed(person(), held, policy) == (() if allowed else ("late_entry",))


def test_a_single_course_can_be_protected() -> None:
    name = course_id("vhs", "K-7")
    small = course(id=name, minimum=4, capacity=10, sections=section(10))
    assert match(seen(people(2), [small])).places == {}
    protected = {"sizes": Sizes(decide_days=28, protected_courses=("vhs/K-7",))}
    assert len(match(seen(people(2), [small], protected)).places) == 2


@pytest.mark.parametrize(
    ("facts", "free"),
    [
        ({}, 3),
        ({"course_types": ("integration_general",)}, 3),
        ({"course_types": ("vocational",)}, 5),
        ({"providers": ("vhs",)}, 3),
        ({"providers": ("other",)}, 5),
        ({"until_days_before": 13}, 3),
        ({"until_days_before": 14}, 5),
    ],
)
def test_seats_are_reserved_where_and_as_long_as_the_quota_says(facts: dict[str, Any], free: int) -> None:
    quota = Quota(name="for duties", classes=("urgent_duty",), seats=2, **facts)
    others = people(6, standing="entitled")
    result = match(seen(others, [course(capacity=5, sections=section(5))], {"quotas": (quota,)}))
    assert len(result.places) == free


def kreise(**agreements: tuple[Pooling, ...]) -> Policies:
    common = load_policies().entries[0]
    return Policies(
        tuple(
            common.model_copy(update={"kreise": (name.removeprefix("k"),), "pooling": pooling})
            for name, pooling in agreements.items()
        )
    )


def agreed(kreis: str, *types: str, until: date | None = None) -> tuple[Pooling, ...]:
    return (Pooling(kreis=kreis, course_types=types, until=until),)


def test_an_agreement_needs_both_and_ends_on_its_last_day() -> None:
    alone = Region(("99001",))
    assert region_of("99001", DAY, kreise(k99001=agreed("99002"), k99002=())) == alone
    both = kreise(k99001=agreed("99002", until=DAY), k99002=agreed("99001"))
    assert region_of("99001", DAY, both).kreise == ("99001", "99002")
    assert region_of("99002", DAY, both).kreise == ("99001", "99002")
    assert region_of("99001", DAY + timedelta(days=1), both) == alone


def test_neighbours_share_the_types_on_which_both_agree() -> None:
    general, vocational = "integration_general", "vocational"
    some = kreise(k99001=agreed("99002", general, vocational), k99002=agreed("99001", vocational))
    pair = region_of("99001", DAY, some).types
    assert pair == (("99001", "99002", (vocational,)), ("99002", "99001", (vocational,)))
    one = kreise(k99001=agreed("99002"), k99002=agreed("99001", general))
    assert {types for *_, types in region_of("99001", DAY, one).types} == {(general,)}
    none = kreise(k99001=agreed("99002", general), k99002=agreed("99001", vocational))
    assert region_of("99001", DAY, none).kreise == ("99001",)


def test_what_two_neighbours_agree_on_says_nothing_about_a_third() -> None:
    first = (*agreed("99002", "vocational"), *agreed("99003"))
    three = kreise(
        k99001=first, k99002=(*agreed("99001"), *agreed("99003")), k99003=(*agreed("99001"), *agreed("99002"))
    )
    region = region_of("99001", DAY, three)
    policy: dict[str, Any] = {"pooling": first}
    more: dict[str, Any] = {"pooled": region.pooled, "pooled_types": region.types}
    assert failed(person(kreis="99001"), course(kreis="99002"), policy, **more) == ("neighbour",)
    assert failed(person(kreis="99002"), course(kreis="99003"), policy, **more) == ()
    assert failed(person(kreis="99003"), course(kreis="99001"), policy, **more) == ()


def test_dated_policies_take_over_on_their_day() -> None:
    first: Policy = load_policies().entries[0]
    later = first.model_copy(update={"valid_from": DAY, "goals": ("waiting",)})
    policies = Policies((first, later))
    assert policies.on("99001", DAY - timedelta(days=1)) is first
    assert policies.on("99001", DAY) is later
