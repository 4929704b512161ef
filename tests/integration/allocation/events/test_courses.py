"""Courses change under seated people: nobody loses a seat by a number, and the provider is told."""

from datetime import timedelta

import pytest

from schemas.providers import CourseChanged
from services.allocation.acts.placements import Done
from services.allocation.placements.results import DecidedBy
from services.runtime.data.db import transaction
from services.runtime.events.subscription import Applied, Problem, Rejected
from tests.allocation.builders import (
    NOW,
    OFFICE,
    OTHER_OFFICE,
    PROVIDER,
    START,
    accepted,
    after_section,
    announced,
    assigned,
    cancelled,
    completed,
    confirmed,
    left,
    levelled,
    person,
    registered,
    sections,
    withdrawn,
)
from tests.allocation.world import World, refusal


async def _three_sit(world: World) -> None:
    await world.must(PROVIDER, announced(capacity=3))
    for reference in ("p1", "p2", "p3"):
        await world.must(OFFICE, registered(reference))
        await world.enrolled(reference)


async def _sections(world: World) -> list[tuple[int, int]]:
    rows = await world.rows("SELECT capacity, taken FROM course_section WHERE NOT removed ORDER BY number")
    return [(row["capacity"], row["taken"]) for row in rows]


async def test_capacity_below_what_is_taken_stays_at_taken(world: World) -> None:
    await _three_sit(world)
    verdict = await world.say(PROVIDER, CourseChanged(course="k1", capacity=1))
    assert verdict == Applied((Problem("capacity_below_taken", "capacity", {"capacity": 1, "taken": 3}),))
    assert await _sections(world) == [(3, 3), (3, 3), (3, 3)]
    await world.must(PROVIDER, left(person("p1"), left_on=START - timedelta(days=1)))
    assert await _sections(world) == [(2, 2), (2, 2), (2, 2)]  # a freed seat above the capacity is gone
    await world.check()


async def test_seats_given_away_elsewhere_count(world: World) -> None:
    await world.must(PROVIDER, announced(capacity=3, taken_elsewhere=2))
    for reference in ("p1", "p2"):
        await world.must(OFFICE, registered(reference))
    first, second = await world.propose("p1", "p2")
    assert isinstance(await world.release(first), Done)
    assert refusal(await world.release(second)) == "no_seat"
    verdict = await world.say(PROVIDER, CourseChanged(course="k1", taken_elsewhere=3))
    assert verdict == Applied((Problem("capacity_below_taken", "capacity", {"capacity": 3, "taken": 4}),))
    await world.check()


async def test_a_section_with_people_in_it_is_kept(world: World) -> None:
    await _three_sit(world)
    verdict = await world.say(PROVIDER, CourseChanged(course="k1", sections=sections(2)))
    assert verdict == Applied((Problem("section_kept", "sections", {"section": 3, "people": 3}),))
    assert len(await _sections(world)) == 3
    await world.must(PROVIDER, CourseChanged(course="k1", sections=sections(4)))
    assert await _sections(world) == [(3, 3)] * 4  # who sits in the course sits in the new section too
    await world.check()


async def test_a_section_without_people_goes(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    (placement,) = await world.propose("p1")
    await world.must(PROVIDER, CourseChanged(course="k1", sections=sections(3)[1:]))
    assert await world.state(placement) == "superseded"  # its entry is gone
    assert len(await _sections(world)) == 2
    await world.must(PROVIDER, CourseChanged(course="k1", sections=sections(3)))
    assert len(await _sections(world)) == 3


async def test_a_cancelled_course_puts_everybody_back(world: World) -> None:
    await _three_sit(world)
    await world.must(OFFICE, registered("p4"))
    await world.must(PROVIDER, cancelled())
    states = await world.rows("SELECT state, count(*) AS n FROM placement GROUP BY state")
    assert {row["state"]: row["n"] for row in states} == {"course_cancelled": 3}
    assert await world.taken() == [0, 0, 0]
    assert "course_cancelled" in await world.reruns()
    rows = await world.rows("SELECT status FROM participant")
    assert {row["status"] for row in rows} == {"active"}
    ended = [data for kind, data, _ in await world.told() if kind == "enrolment-ended"]
    assert len(ended) == 3
    verdict = await world.say(PROVIDER, CourseChanged(course="k1", capacity=9))
    assert verdict == Rejected(Problem("course_cancelled", field="course"))
    await world.must(PROVIDER, announced(capacity=5))  # its opposite
    assert await _sections(world) == [(5, 0)] * 3
    await world.check()


async def test_after_a_section_seats_move(world: World) -> None:
    await _three_sit(world)
    await world.must(OFFICE, registered("p4"))
    await world.timers.start(NOW + timedelta(days=40))
    verdict = await world.say(
        PROVIDER,
        after_section(
            1,
            (person("p1"), "continues", None),
            (person("p2"), "skips", 3),
            (person("p3"), "repeats", None),
            (person("p4"), "continues", None),
        ),
    )
    assert verdict == Applied((Problem("participant_not_in_course", field="steps.3"),))
    assert await world.taken() == [3, 1, 2]
    rows = await world.rows(
        "SELECT reference, status, p.section, state FROM participant p JOIN placement USING (participant)"
        " ORDER BY reference"
    )
    assert [tuple(row) for row in rows] == [
        ("p1", "active", None, "started"),
        ("p2", "active", None, "started"),
        ("p3", "active", 1, "transferred"),
    ]
    await world.must(PROVIDER, after_section(2, (person("p1"), "pauses", None)))
    verdict = await world.say(PROVIDER, after_section(1, (person("p1"), "ends", None)))
    assert verdict == Applied((Problem("later_section_known", "section", {"section": 2}),))
    await world.must(PROVIDER, completed())
    rows = await world.rows(
        "SELECT reference, status, state FROM participant JOIN placement USING (participant) ORDER BY 1"
    )
    assert [tuple(row) for row in rows] == [
        ("p1", "left", "left"),  # interrupted to the end
        ("p2", "completed", "completed"),
        ("p3", "active", "transferred"),
    ]
    await world.check()


async def test_who_ends_with_the_last_section_is_completed_and_has_not_left(world: World) -> None:
    await _three_sit(world)
    await world.timers.start(NOW + timedelta(days=40))
    for section in (1, 2):
        steps = [(person(one), "continues", None) for one in ("p1", "p2")]
        ends = (person("p3"), "ends" if section == 2 else "continues", None)
        await world.must(PROVIDER, after_section(section, *steps, ends))
    await world.must(PROVIDER, after_section(3, *((person(one), "ends", None) for one in ("p1", "p2"))))
    await world.must(PROVIDER, completed())
    rows = await world.rows(
        "SELECT reference, status, state FROM participant JOIN placement USING (participant) ORDER BY 1"
    )
    assert [tuple(row) for row in rows] == [
        ("p1", "completed", "completed"),
        ("p2", "completed", "completed"),
        ("p3", "left", "left"),
    ]
    await world.check()


async def test_totals_sent_again_replace_and_are_told_to_their_provider_exactly(world: World) -> None:
    await world.must(PROVIDER, announced(capacity=20, taken_elsewhere=14))
    await world.must(PROVIDER, completed(finished=2, sat=2, b1=1, a2=1, below=0, lid=1, both=1))
    await world.must(PROVIDER, completed(finished=10, sat=10, b1=6, a2=2, below=1, lid=6, both=5))
    reported = [data for kind, data, _ in await world.told() if kind == "course-outcome-reported"]
    assert [(data["started"], data["finished"], data["qualified"]) for data in reported] == [
        (14, 2, 1),
        (14, 10, 5),
    ]
    assert await world.say(PROVIDER, announced()) == Rejected(Problem("course_completed", field="course"))


async def test_an_assignment_by_the_authority_overrides(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(PROVIDER, announced("k2"))
    await world.must(OFFICE, registered())
    mine = await world.reserved("p1", "k2")
    await world.must(OFFICE, assigned())
    rows = await world.rows("SELECT course, state, expires_at FROM placement ORDER BY proposed_at, state")
    assert [(row["state"], row["expires_at"]) for row in rows] == [("accepted", None), ("released", None)]
    assert await world.state(mine) == "released"
    assert (await world.taken("k1"), await world.taken("k2")) == ([1, 1, 1], [0, 0, 0])
    (placement,) = [
        row["placement"] for row in await world.rows("SELECT * FROM placement WHERE state='accepted'")
    ]
    await world.must(PROVIDER, confirmed(placement))
    assert await world.timers.start(NOW + timedelta(days=40)) == 1
    assert await world.say(OFFICE, assigned("p1", "k2")) == Rejected(
        Problem("already_placed", field="course")
    )
    await world.check()


async def test_who_withdraws_gives_the_seat_back_and_may_return(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    await world.reserved()
    await world.must(OFFICE, withdrawn())
    assert await world.taken() == [0, 0, 0]
    await world.must(OFFICE, registered(registered_on=NOW.date()))
    (row,) = await world.rows("SELECT status, returns, registered_on, first_registered_on FROM participant")
    assert (row["status"], row["returns"]) == ("active", 1)
    assert row["first_registered_on"] < row["registered_on"] == NOW.date()
    placement = await world.enrolled()
    await world.timers.start(NOW + timedelta(days=40))
    assert await world.say(OFFICE, withdrawn()) == Applied((Problem("still_in_course"),))
    assert await world.state(placement) == "started"


@pytest.mark.parametrize("enrolled", [False, True])
async def test_two_ids_of_one_person_are_merged(world: World, *, enrolled: bool) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    await world.must(OTHER_OFFICE, registered())
    placement = await (world.enrolled() if enrolled else world.reserved())
    into = person("p1", OTHER_OFFICE)
    async with transaction(world.pool) as conn:
        assert await world.placements.merge(conn, DecidedBy("jana", NOW), person(), into) is None
    async with transaction(world.pool) as conn:
        again = await world.placements.merge(conn, DecidedBy("jana", NOW), person(), into)
    assert again is not None
    assert again.code == "already_merged"
    kind, data, headers = (await world.told())[-1]
    assert (kind, data["merged"], data["into"]) == ("participants-merged", str(person()), str(into))
    assert headers["ce_audience"] == f"{OFFICE},{OTHER_OFFICE}"
    (row,) = await world.rows("SELECT participant FROM placement")
    assert row["participant"] == into
    # The office and the provider still know the person by the old id.
    if enrolled:
        await world.must(PROVIDER, left())
        assert await world.state(placement) == "left"
    else:
        await world.must(OFFICE, accepted(placement))
        await world.must(PROVIDER, confirmed(placement))
    verdict = await world.say(OFFICE, levelled())
    assert verdict == Applied((Problem("participant_merged", field="reference"),))
    await world.check()


async def test_facts_cannot_be_retracted_and_decisions_not_corrected(world: World) -> None:
    await world.must(PROVIDER, announced())
    assert await world.say(PROVIDER, announced(), retracts="e0") == Rejected(
        Problem("not_retractable", field="ce_retracts")
    )
    assert await world.say(PROVIDER, cancelled(), corrects="e0") == Rejected(
        Problem("not_correctable", field="ce_corrects")
    )


async def test_the_kind_of_a_course_with_people_stays(world: World) -> None:
    await _three_sit(world)
    verdict = await world.say(PROVIDER, CourseChanged(course="k1", course_type="vocational"))
    assert verdict == Rejected(Problem("course_has_people", field="course_type"))
