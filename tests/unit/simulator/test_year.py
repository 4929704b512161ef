"""The invented year: the same for everybody by seed, and within the rules in every world."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest

from services.allocation.steering.matching.domain import EntryKey
from services.allocation.steering.matching.eligibility import eligibility_of
from services.simulator.world.kreis import KREIS
from services.simulator.year.first_come_first_served import FirstComeFirstServed
from services.simulator.year.model import Answer, Setting, answer, year_of
from services.simulator.year.steering import live, runs, snapshot_on
from services.simulator.year.world import CourseState, PersonState, Seat, SeatState, World

SMALL = Setting(seed=5, people=220, weeks=26, people_a_course=12)
WORLDS = ("steered", "unsteered", "one list")


class Watched(World):
    """Looks every morning whether everything is as it has to be."""

    def begin(self, day: date) -> None:
        self.check()
        super().begin(day)
        self.check()

    def check(self) -> None:
        holding: Counter[int] = Counter()
        for course in self.courses.values():
            for section in range(1, course.plan.sections + 1):
                assert course.taken(section) <= course.plan.capacity
            for seat in course.seats:
                holding[seat.person] += seat.taken
                assert not (seat.taken and course.state is CourseState.CANCELLED)
                if seat.taken:
                    assert self.lives[seat.person].seat is seat
            if course.state is CourseState.RUNNING and course.decided_on is not None:
                assert course.at_start >= course.plan.minimum or course.plan.stubborn
        assert all(number <= 1 for number in holding.values())


def lived(name: str, setting: Setting = SMALL) -> World:
    """Live a year through under observation."""
    world = Watched(year_of(setting))
    if name == "steered":
        for _ in live(world, "weekly"):
            pass
    else:
        FirstComeFirstServed(world, shared=name == "one list").live()
    world.check()
    return world


@pytest.fixture(scope="module")
def lives_through() -> dict[str, World]:
    return {name: lived(name) for name in WORLDS}


def test_a_year_is_a_function_of_its_seed() -> None:
    assert year_of(SMALL) == year_of(SMALL)
    other = year_of(Setting(seed=6, people=220, weeks=26, people_a_course=12))
    assert [one.arrives for one in other.people] != [one.arrives for one in year_of(SMALL).people]


def test_people_arrive_within_the_year_and_an_eighth_waits_before() -> None:
    year = year_of(SMALL)
    before = [one for one in year.people if one.arrives < SMALL.start]
    assert len(before) == SMALL.people // 8
    assert len(year.people) == SMALL.people + len(before)
    assert all(one.arrives < SMALL.end for one in year.people)
    assert len({one.facts.id for one in year.people}) == len(year.people)


def test_providers_announce_the_same_course_at_the_same_place() -> None:
    plans = year_of(Setting()).plans
    same = Counter((one.course_type, one.town, one.time, one.target_level) for one in plans)
    twins = [
        (one, other)
        for one in plans
        for other in plans
        if one.provider < other.provider
        and (one.course_type, one.town, one.time) == (other.course_type, other.town, other.time)
        and abs((one.starts_on - other.starts_on).days) <= 21
    ]
    assert max(same.values()) > 3
    assert len(twins) >= 5
    assert 55 <= sum(SMALL.start <= one.starts_on < Setting().end for one in plans) <= 120


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_sees_the_same_people_and_keeps_the_rules(
    name: str, lives_through: dict[str, World]
) -> None:
    world, steered = lives_through[name], lives_through["steered"]
    assert [life.someone for life in world.lives] == [life.someone for life in steered.lives]
    assert [course.plan for course in world.courses.values()] == [
        course.plan for course in steered.courses.values()
    ]
    assert all(life.state is not PersonState.TO_COME for life in world.lives)
    started = [life for life in world.lives if life.started_on is not None]
    assert len(started) > 25
    for life in started:
        assert life.started_on is not None
        assert life.started_on > life.someone.arrives - timedelta(days=1)
    decided = Counter(course.state for course in world.courses.values() if course.decided_on)
    assert decided[CourseState.RUNNING] > 3
    assert decided[CourseState.CANCELLED] > 0


@pytest.mark.parametrize("name", WORLDS)
def test_the_law_holds_in_every_world(name: str, lives_through: dict[str, World]) -> None:
    world = lives_through[name]
    for course in world.courses.values():
        for seat in course.seats:
            someone = world.lives[seat.person].someone
            assert course.plan.course_type in someone.facts.course_types
            assert someone.tested_on <= seat.since
            assert not someone.facts.needs_childcare or course.plan.childcare
            assert not someone.facts.available or course.plan.time in someone.facts.available
            if course.plan.kind == "integration":
                assert seat.section == someone.section
            if someone.facts.valid_until is not None and course.plan.kind != "other" and not course.shift:
                assert course.starts_on(seat.section) <= someone.facts.valid_until


@pytest.mark.parametrize("name", WORLDS)
def test_a_world_is_a_function_of_its_year(name: str) -> None:
    short = Setting(seed=8, people=60, weeks=8, people_a_course=6)
    assert lived(name, short).lives == lived(name, short).lives


def test_runs_place_people_where_they_may_go() -> None:
    seen, short = 0, Setting(people=100, weeks=12, people_a_course=10)
    for run in runs(5, short):
        known = eligibility_of(run.snapshot)
        place = {entry.key: at for at, entry in enumerate(known.entries)}
        for number, person in enumerate(run.snapshot.people):
            entry = run.result.places.get(person.id)
            assert entry is None or known.eligible(number) >> place[entry] & 1
        seen += 1
        assert run.snapshot.region == KREIS
    assert seen == short.weeks


def first_offer(world: World, kind: str) -> tuple[int, EntryKey, date]:
    """Look for somebody who waits on the first day and would say this to an entry."""
    day = SMALL.start
    snapshot = snapshot_on(world, day)
    known = eligibility_of(snapshot)
    for number, person in enumerate(snapshot.people):
        for at, entry in enumerate(known.entries):
            who = world.number[person.id]
            said: Answer = answer(world.seed, who, str(entry.course.id), world.minutes(who, entry.course.id))
            stays = world.lives[who].someone.moves_on > day + timedelta(days=40)
            if known.eligible(number) >> at & 1 and said.kind == kind and stays and not entry.late:
                return who, entry.key, day
    raise AssertionError(kind)


def test_an_unanswered_offer_holds_the_seat_for_the_days_of_the_policy() -> None:
    world = Watched(year_of(SMALL))
    world.begin(SMALL.start)
    person, entry, day = first_offer(world, "silence")
    free = world.courses[entry.course].free(entry.section)
    assert world.offer(person, entry, day)
    assert world.courses[entry.course].free(entry.section) == free - 1
    for after in range(1, world.year.policy.reservation.days + 1):
        world.begin(day + timedelta(days=after))
    assert world.lives[person].state is PersonState.SEATED
    world.begin(day + timedelta(days=world.year.policy.reservation.days + 1))
    assert world.lives[person].state is PersonState.WAITING
    assert world.lives[person].excluded == [entry.course]
    assert (world.lives[person].expired, world.lives[person].declined) == (1, 0)


def test_who_declines_waits_again_without_that_course() -> None:
    world = Watched(year_of(SMALL))
    world.begin(SMALL.start)
    person, entry, day = first_offer(world, "decline")
    assert not world.offer(person, entry, day, in_the_room=True)
    assert world.lives[person].state is PersonState.WAITING
    assert world.lives[person].excluded == [entry.course]
    assert all(seat.person != person for seat in world.courses[entry.course].seats)


def test_a_full_course_takes_nobody() -> None:
    world = World(year_of(SMALL))
    world.begin(SMALL.start)
    person, entry, day = first_offer(world, "accept")
    course = world.courses[entry.course]
    course.seats += [
        Seat(number, entry.course, entry.section, day, day, SeatState.ACCEPTED)
        for number in range(course.free(entry.section))
    ]
    with pytest.raises(ValueError, match="cannot have a seat"):
        world.offer(person, entry, day)
