"""What the calendar brings about: before, during and after a course; settled matters are found no more."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.risk.domain import Matter, Rule
from services.notifications.risk.parameters import load
from services.notifications.risk.standing import Place, Result, Standing, assess

TODAY = date(2028, 2, 29)
RULES = load().standing_on(TODAY)
COURSE, OTHER = UUID(int=1), UUID(int=2)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def ahead(days: int) -> date:
    return TODAY + timedelta(days=days)


def place(state: str, since: date = TODAY, course: UUID = COURSE, **more: object) -> Place:
    return replace(Place(course, state, since, starts_on=since), **more)  # type: ignore[arg-type]


def rules_of(standing: Standing, today: date = TODAY) -> list[str]:
    return sorted(rule for one in assess(standing, today, RULES).values() for rule in (one.rule, *one.also))


def result(kind: str, day: date, *, reached: bool, sat: bool = True) -> Result:
    return Result(COURSE, day, kind, reached, sat)


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (Standing(), []),
        (Standing(registered_on=ago(10)), []),
        (Standing(registered_on=ago(RULES.waiting_days)), ["waits_long"]),
        (Standing(registered_on=ago(500), withdrawn=True), []),
        (Standing(registered_on=ago(500), places=(place("started"),)), []),
        (Standing(registered_on=ago(500), places=(place("left", ago(9), ended_on=ago(9)),)), []),
        (
            Standing(registered_on=ago(500), places=(place("left", ago(400), ended_on=ahead(3000)),)),
            ["waits_long"],
        ),
        (Standing(registered_on=ago(500), places=(place("left", ago(9), ended_on=ahead(9)),)), []),
        (Standing(places=(place("completed", ago(40), ended_on=ahead(300)),)), ["no_next_step"]),
        (Standing(registered_on=ago(9), right_until=ahead(RULES.right_days)), ["right_lapses"]),
        (Standing(registered_on=ago(9), right_until=ahead(RULES.right_days + 1)), []),
        (Standing(registered_on=ago(9), right_until=ago(1)), []),
        (Standing(registered_on=ago(9), right_until=ahead(3), places=(place("confirmed"),)), []),
        (
            Standing(registered_on=ago(400), right_until=ahead(3)),
            ["right_lapses", "waits_long"],
        ),
        (Standing(places=(place("reserved", expires_on=ahead(RULES.offer_days)),)), ["offer_unanswered"]),
        (Standing(places=(place("reserved", expires_on=ahead(RULES.offer_days + 1)),)), []),
        (Standing(places=(place("reserved", expires_on=ago(1)),)), []),
        (Standing(places=(place("accepted", expires_on=TODAY),)), []),
        (Standing(places=(place("interrupted", ago(RULES.interrupted_days)),)), ["interrupted_long"]),
        (Standing(places=(place("interrupted", ago(RULES.interrupted_days - 1)),)), []),
        (Standing(places=(place("course_cancelled", ago(2)),)), ["course_cancelled"]),
        (Standing(places=(place("course_cancelled", ago(2)), place("reserved", ago(1), OTHER))), []),
        (Standing(places=(place("course_cancelled", ago(2)), place("reserved", ago(2), OTHER))), []),
        (Standing(places=(place("course_cancelled", ago(2)), place("confirmed", ago(9), OTHER))), []),
        (Standing(places=(place("course_cancelled", ago(2)), place("confirmed", ago(1)))), []),
        (
            Standing(places=(place("course_cancelled", ago(2)), place("declined", ago(1), OTHER))),
            ["course_cancelled"],
        ),
        (
            Standing(places=(place("course_cancelled", ago(2)), place("left", ago(2), OTHER))),
            ["course_cancelled"],
        ),
        (
            Standing(
                places=(
                    place("course_cancelled", ago(2)),
                    place("confirmed", ago(9), OTHER, integration=False, starts_on=ahead(90)),
                )
            ),
            ["course_cancelled"],
        ),
        (
            Standing(
                places=(
                    place("course_cancelled", ago(2)),
                    place("reserved", ago(2), OTHER, integration=False),
                )
            ),
            [],
        ),
        (Standing(places=(place("course_cancelled", ago(RULES.cancelled_days)),)), []),
        (Standing(places=(place("started"),), ue_used=RULES.cap_ue - RULES.hours_left_ue), []),
        (
            Standing(places=(place("started"),), ue_used=RULES.cap_ue - RULES.hours_left_ue + 1),
            ["hours_nearly_used"],
        ),
        (Standing(places=(place("started", integration=False),), ue_used=5000), []),
        (
            Standing(places=(place("started"),), results=(result("section", ago(3), reached=False),)),
            ["section_below"],
        ),
        (
            Standing(
                places=(place("started"),),
                results=(
                    result("section", ago(2), reached=True),
                    result("section", ago(30), reached=False),
                ),
            ),
            [],
        ),
        (
            Standing(places=(place("started"),), results=(result("lid", ago(2), reached=False, sat=False),)),
            ["exam_not_sat"],
        ),
        (
            Standing(
                places=(place("started"),),
                results=(
                    result("language", ago(2), reached=False),
                    result("section", ago(2), reached=False),
                ),
            ),
            ["exam_failed", "section_below"],
        ),
        (
            Standing(
                places=(place("completed", ago(5), ended_on=ago(5)),),
                results=(
                    result("language", ago(5), reached=False),
                    result("lid", ago(5), reached=False),
                ),
            ),
            ["completed_without_b1", "completed_without_lid"],
        ),
        (
            Standing(
                places=(place("completed", ago(40), ended_on=ago(40)),),
                results=(
                    result("language", ago(40), reached=False),
                    result("language", ago(5), reached=True),
                ),
            ),
            ["no_next_step"],
        ),
        (
            Standing(
                places=(place("completed", ago(40), ended_on=ago(40)), place("reserved", ago(3), OTHER))
            ),
            [],
        ),
        (
            Standing(
                places=(
                    place("completed", ago(40), ended_on=ago(40)),
                    place("confirmed", ago(60), OTHER, integration=False, starts_on=ago(30)),
                )
            ),
            [],
        ),
        (
            Standing(
                places=(
                    place("completed", ago(40), ended_on=ago(40)),
                    place("started", ago(60), OTHER, integration=False),
                ),
                results=(result("language", ago(40), reached=False),),
            ),
            ["completed_without_b1"],
        ),
        (
            Standing(
                places=(
                    place("completed", ago(40), ended_on=ago(40)),
                    place("confirmed", ago(60), OTHER, integration=False, starts_on=ago(40)),
                ),
                results=(result("language", ago(40), reached=False),),
            ),
            [],
        ),
        (
            Standing(
                places=(place("completed", ago(40), ended_on=ago(40)), place("left", ago(39), OTHER)),
            ),
            ["no_next_step"],
        ),
        (
            Standing(places=(place("completed", ago(400), ended_on=ago(400)),), registered_on=ago(900)),
            [],
        ),
    ],
)
def test_how_somebody_stands_becomes_a_matter(standing: Standing, expected: list[str]) -> None:
    assert rules_of(standing) == expected


def test_an_open_matter_stays_until_it_is_far_enough_away() -> None:
    standing = Standing(registered_on=ago(9), right_until=ahead(RULES.right_days + 5))
    assert rules_of(standing) == []
    assert rules_of(replace(standing, open=frozenset({(Matter.WAITING, None)}))) == ["right_lapses"]
    hours = Standing(places=(place("started"),), ue_used=RULES.cap_ue - RULES.hours_left_ue - 10)
    assert rules_of(hours) == []
    assert rules_of(replace(hours, open=frozenset({(Matter.HOURS, COURSE)}))) == ["hours_nearly_used"]


def test_each_matter_of_a_course_is_told_once_by_the_rule_that_tells_most() -> None:
    standing = Standing(
        places=(place("started"),),
        results=(result("language", ago(2), reached=False), result("section", ago(9), reached=False)),
    )
    (found,) = assess(standing, TODAY, RULES).values()
    assert (found.rule, found.also, found.since) == (Rule.EXAM_FAILED, (Rule.SECTION_BELOW,), ago(9))


DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))
STATES = st.sampled_from(
    ["reserved", "accepted", "confirmed", "started", "interrupted", "completed", "left", "course_cancelled"]
)
PLACES = st.builds(
    Place,
    course=st.sampled_from([COURSE, OTHER]),
    state=STATES,
    since=DAYS,
    starts_on=DAYS,
    expires_on=st.none() | DAYS,
    ended_on=st.none() | DAYS,
    integration=st.booleans(),
)
RESULTS = st.builds(
    Result,
    course=st.sampled_from([COURSE, OTHER]),
    day=DAYS,
    kind=st.sampled_from(["section", "language", "lid"]),
    reached=st.booleans(),
    sat=st.booleans(),
)


@given(
    st.builds(
        Standing,
        registered_on=st.none() | DAYS,
        withdrawn=st.booleans(),
        right_until=st.none() | DAYS,
        places=st.lists(PLACES, max_size=4).map(tuple),
        results=st.lists(RESULTS, max_size=4).map(tuple),
        ue_used=st.integers(0, 3000),
    ),
    DAYS,
)
def test_whatever_is_on_record_is_judged_and_at_most_once_a_matter(standing: Standing, today: date) -> None:
    found = assess(standing, today, RULES)
    assert all(key[0] is one.matter for key, one in found.items())
    assert all(len({one.rule, *one.also}) == 1 + len(one.also) for one in found.values())
    assert not found or not standing.withdrawn
