"""Routing: whoever is chosen fits and is open if anybody is, and everybody passed over is told why."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.codes import CourseType
from services.notifications.offices.domain import (
    Agreed,
    Agreement,
    CounsellingOffice,
    CoursePhase,
    PersonFacts,
    RankedOffice,
    TargetGroup,
    phase_of,
)
from services.notifications.offices.ranking import deciding, passed_over, rank, unsuited_by
from services.notifications.offices.target_groups import group_of

TODAY = date(2026, 3, 2)
HERE = frozenset({"99001"})
PERSON = PersonFacts("99001001", date(1990, 1, 1), asylum_phase="none", languages=frozenset({"ar"}))
SLUGS = tuple("abcdef")

UNHURRIED = settings(suppress_health_check=[HealthCheck.too_slow])
"""A directory of offices takes a moment to be made up on a busy machine."""
agreements = st.builds(
    Agreement,
    st.sampled_from(Agreed),
    st.sampled_from([date(2026, 1, 1), TODAY, date(2026, 4, 1)]),
    st.sampled_from([None, date(2026, 2, 1), TODAY]),
    st.sampled_from(["99001", "99001001", ""]),
)


@st.composite
def directories(draw: st.DrawFn) -> list[CounsellingOffice]:
    slugs = draw(st.lists(st.sampled_from(SLUGS), min_size=1, max_size=6, unique=True))
    return [
        CounsellingOffice(
            slug,
            f"org-{slug}",
            draw(st.sampled_from(["mbe", "jmd", "municipal"])),
            age_from=draw(st.sampled_from([None, 27])),
            age_below=draw(st.sampled_from([None, 27])) if slug > "c" else None,
            asylum_phases=frozenset(draw(st.sets(st.sampled_from(["none", "procedure"]), max_size=1))),
            catchment=frozenset(draw(st.sets(st.sampled_from(["99001", "99001001", "99002"]), max_size=2))),
            languages=frozenset(draw(st.sets(st.sampled_from(["de", "ar"]), max_size=2))),
            capacity=draw(st.integers(0, 4)),
            stand_in=draw(st.sampled_from([None, *SLUGS])),
            active=draw(st.booleans()),
            phases=frozenset(draw(st.sets(st.sampled_from(["before", "during", "after"]), max_size=2))),
            agreements=tuple(draw(st.lists(agreements, max_size=2))),
            target_groups=frozenset(draw(st.sets(st.sampled_from(TargetGroup), max_size=2))),
        )
        for slug in slugs
    ]


situations = st.tuples(
    directories(),
    st.dictionaries(st.sampled_from(SLUGS), st.sampled_from(["closed_day", "holiday"]), max_size=4),
    st.dictionaries(st.sampled_from(SLUGS), st.integers(0, 5), max_size=6),
    st.sets(st.sampled_from(SLUGS), max_size=2),
    st.sampled_from([*CoursePhase, ""]),
)
Situation = tuple[list[CounsellingOffice], dict[str, str], dict[str, int], set[str], str]


def ranked(situation: Situation, offices: Sequence[CounsellingOffice] | None = None) -> list[RankedOffice]:
    found, closed, load, relations, phase = situation
    return rank(
        PERSON,
        found if offices is None else offices,
        TODAY,
        relations=relations,
        load=load,
        phase=phase,
        closed=closed,
    )


@UNHURRIED
@given(situations, st.randoms(use_true_random=False))
def test_the_order_of_the_input_plays_no_part(situation: Situation, random: Random) -> None:
    shuffled = list(situation[0])
    random.shuffle(shuffled)
    assert ranked(situation) == ranked(situation, shuffled)


@UNHURRIED
@given(situations)
def test_everybody_active_is_ranked_once(situation: Situation) -> None:
    slugs = [one.office for one in ranked(situation)]
    assert sorted(slugs) == sorted(office.slug for office in situation[0] if office.active)


@UNHURRIED
@given(situations)
def test_a_closed_office_is_never_chosen_while_an_open_one_fits(situation: Situation) -> None:
    found = ranked(situation)
    fitting = [one for one in found if not unsuited_by(one) and one.criteria["open"] == "open"]
    if fitting:
        assert found[0].criteria["open"] == "open"
        assert found[0].stands_in_for is not None or not unsuited_by(found[0])


@UNHURRIED
@given(situations)
def test_who_stands_in_is_open_and_stands_in_for_a_closed_office(situation: Situation) -> None:
    offices = {office.slug: office for office in situation[0]}
    for one in ranked(situation):
        if one.stands_in_for is not None:
            assert one.criteria["open"] == "open"
            turn = one.stands_in_for.office
            assert turn in situation[1] or not offices[turn].active
            at, steps = turn, 0
            while at != one.office:
                assert at in situation[1] or not offices[at].active
                at, steps = offices[at].stand_in or "", steps + 1
                assert steps <= len(offices)


@UNHURRIED
@given(situations)
def test_every_reason_is_one_by_which_the_office_is_worse(situation: Situation) -> None:
    found = ranked(situation)
    against = passed_over(found)
    assert list(against) == [one.office for one in found[1:]]
    if not found:
        return
    turn = found[0].stands_in_for or found[0]
    for one in found[1:]:
        why = against[one.office]
        if why != "order_of_slugs":
            assert one.criteria[why] != turn.criteria[why] or one.office == turn.office
    if found[0].stands_in_for is None and len(found) > 1:
        assert deciding(found) == against[found[1].office]


@UNHURRIED
@given(situations)
def test_an_office_without_room_comes_first_only_where_nothing_else_decides(situation: Situation) -> None:
    """Between two open offices that are alike in everything, the one with room is asked."""
    found = ranked(situation)
    twins = [one for one in found if one.stands_in_for is None and one.criteria["open"] == "open"]
    for first, second in pairwise(twins):
        upto = ("relation", "age", "asylum", "phase", "catchment", "language")
        if [first.criteria[name] for name in upto] == [second.criteria[name] for name in upto]:
            assert (first.criteria["capacity"], second.criteria["capacity"]) != ("full", "free")


def one(slug: str, **changes: object) -> CounsellingOffice:
    fields: dict[str, object] = {"kind": "mbe", "catchment": HERE, "capacity": 10} | changes
    return CounsellingOffice(slug, f"org-{slug}", **fields)  # type: ignore[arg-type]


FREE = one("z-free")


@pytest.mark.parametrize(
    ("agreed", "day", "first"),
    [
        ((), TODAY, "z-free"),
        (
            (Agreement(Agreed.LIKE_FREE, date(2026, 1, 1)),),
            TODAY,
            "a-town",
        ),  # the slug decides between equals
        ((Agreement(Agreed.BEFORE_FREE, date(2026, 1, 1)),), TODAY, "a-town"),
        ((Agreement(Agreed.BEFORE_FREE, date(2026, 1, 1), date(2026, 3, 1)),), TODAY, "z-free"),
        ((Agreement(Agreed.BEFORE_FREE, date(2026, 1, 1), TODAY),), TODAY, "a-town"),
        ((Agreement(Agreed.BEFORE_FREE, date(2026, 3, 3)),), TODAY, "z-free"),
    ],
)
def test_free_organisations_come_first_unless_agreed_otherwise(
    agreed: tuple[Agreement, ...], day: date, first: str
) -> None:
    town = one("a-town", kind="municipal", agreements=agreed)
    assert rank(PERSON, [town, FREE], day)[0].office == first


def test_a_municipal_office_with_room_relieves_a_full_free_one() -> None:
    found = rank(PERSON, [one("town", kind="municipal"), FREE], TODAY, load={"z-free": 10})
    assert (found[0].office, deciding(found)) == ("town", "capacity")


def test_a_neighbour_comes_after_the_kreis_and_before_strangers_while_the_agreement_holds() -> None:
    def offices(until: date | None) -> list[CounsellingOffice]:
        agreed = (Agreement(Agreed.NEIGHBOUR, date(2026, 1, 1), until, "99001"),)
        elsewhere = frozenset({"99002"})
        return [
            one("a-far", catchment=elsewhere),
            one("b-neighbour", catchment=elsewhere, agreements=agreed),
            one("c-here"),
        ]

    assert [each.office for each in rank(PERSON, offices(None), TODAY)] == ["c-here", "b-neighbour", "a-far"]
    ended = rank(PERSON, offices(date(2026, 2, 28)), TODAY)
    assert [unsuited_by(each) for each in ended] == ["", "catchment", "catchment"]


def test_less_busy_offices_come_first_among_equals() -> None:
    found = rank(PERSON, [one("a"), one("b")], TODAY, load={"a": 5, "b": 4})
    assert ([each.office for each in found], deciding(found)) == (["b", "a"], "load")


def test_the_phase_of_the_course_decides() -> None:
    found = rank(PERSON, [one("a", phases=frozenset({"before"})), one("b")], TODAY, phase="after")
    assert [each.office for each in found] == ["b", "a"]
    assert passed_over(found) == {"a": "phase"}


@pytest.mark.parametrize(
    ("starts", "ends", "phase"),
    [
        (None, None, "before"),
        (date(2026, 3, 3), None, "before"),
        (TODAY, TODAY, "during"),
        (date(2026, 1, 1), date(2026, 3, 1), "after"),
        (date(2026, 1, 1), None, "during"),
    ],
)
def test_where_somebody_stands_with_a_course(starts: date | None, ends: date | None, phase: str) -> None:
    assert phase_of(starts, ends, TODAY) == phase


def test_whoever_stands_in_gets_the_alert_and_the_reason_says_so() -> None:
    offices = [one("a", languages=frozenset({"ar"}), stand_in="c"), one("b"), one("c")]
    usual = rank(PERSON, offices, TODAY)
    assert usual[0].office == "a"
    found = rank(PERSON, offices, TODAY, closed={"a": "closed_day"})
    assert [each.office for each in found] == ["c", "b", "a"]
    assert found[0].stands_in_for == usual[0].__class__(
        "a", "org-a", {**usual[0].criteria, "open": "closed_day"}
    )
    assert (deciding(found), passed_over(found)) == ("stand_in", {"b": "language", "a": "open"})


def test_without_anybody_to_stand_in_the_next_open_office_that_fits_is_asked_else_it_waits() -> None:
    closed = one("a", languages=frozenset({"ar"}))
    found = rank(PERSON, [closed, one("b")], TODAY, closed={"a": "holiday"})
    assert ([each.office for each in found], passed_over(found)) == (["b", "a"], {"a": "open"})
    far = one("b", catchment=frozenset({"99002"}))
    assert rank(PERSON, [closed, far], TODAY, closed={"a": "holiday"})[0].office == "a"


@pytest.mark.parametrize(
    ("course_type", "first", "why"),
    [
        ("integration_parents", "c", "target"),
        ("integration_women", "a", "target"),
        ("integration_general", "a", "order_of_slugs"),
        (None, "a", "order_of_slugs"),
        ("x" * 48, "a", "order_of_slugs"),
    ],
)
def test_the_type_of_the_course_and_nothing_about_the_person_decides_about_target_groups(
    course_type: str | None, first: str, why: str
) -> None:
    offices = [
        CounsellingOffice(slug, slug, "mbe", catchment=HERE, capacity=9, target_groups=frozenset(groups))
        for slug, groups in (("a", ()), ("b", ("youth",)), ("c", ("parents", "literacy")))
    ]
    group = group_of(course_type, TODAY) or ""
    people = [PERSON, PersonFacts("99001001", date(2008, 1, 1)), PersonFacts("99001001", date(1950, 1, 1))]
    for person in people:
        found = rank(person, offices, TODAY, group=group)
        assert (found[0].office, deciding(found)) == (first, why)
        assert set(passed_over(found)) == {one.office for one in found[1:]}
        targets = {one.office: one.criteria["target"] for one in found}
        if first == "c":
            assert targets == {"a": "any", "b": "other", "c": "parents"}


def test_target_groups_hold_from_a_day_on() -> None:
    assert group_of("integration_youth", date(2005, 1, 1)) is TargetGroup.YOUTH
    assert group_of("integration_youth", date(2004, 12, 31)) is None
    assert {group_of(one, TODAY) for one in CourseType} == {None, *TargetGroup}
