from collections import Counter
from datetime import date, timedelta
from statistics import median

import pytest

from schemas.codes import AccessRoute, AsylumPhase
from services.simulator.actors.behaviour import answer, course_path, mark
from services.simulator.world import kreis
from services.simulator.world.courses import programme
from services.simulator.world.people import ROUTE_CLOSES, Person, population

START = date(2025, 10, 6)
SEED = 7
COUNT = 1500


@pytest.fixture(scope="module")
def people() -> tuple[Person, ...]:
    return population(SEED, START, COUNT)


def test_the_same_seed_gives_the_same_people_and_another_seed_others() -> None:
    again = population.__wrapped__(SEED, START, 50)
    assert again == population.__wrapped__(SEED, START, 50)
    assert again != population.__wrapped__(SEED + 1, START, 50)


def test_everybody_lives_and_is_registered_in_the_invented_kreis(people: tuple[Person, ...]) -> None:
    assert len(people) == COUNT
    assert {person.town for person in people} <= set(kreis.TOWN)
    assert {person.office for person in people} == {
        one["slug"] for one in kreis.OFFICE_PUBLISHERS if "office" in one["kinds"]
    }
    assert len({(person.office, person.reference) for person in people}) == COUNT


def test_a_few_live_in_the_neighbouring_kreis_and_are_registered_there(people: tuple[Person, ...]) -> None:
    near = [person for person in people if kreis.TOWN[person.town].kreis == kreis.NEIGHBOUR]
    assert 0.03 < len(near) / len(people) < 0.10
    assert {person.office for person in near} == {kreis.NEXT_JOBCENTER}
    assert all(person.office != kreis.NEXT_JOBCENTER for person in people if person not in near)


def test_arrivals_fill_the_year_after_a_backlog(people: tuple[Person, ...]) -> None:
    assert sum(person.arrives < START + timedelta(days=14) for person in people) > COUNT * 0.1
    assert max(person.arrives for person in people) > START + timedelta(days=350)
    assert all(person.arrives.weekday() < 5 for person in people)


def test_over_a_third_come_by_admission_until_the_route_closes(people: tuple[Person, ...]) -> None:
    before = [person for person in people if person.arrives < ROUTE_CLOSES]
    after = [person for person in people if person.arrives >= ROUTE_CLOSES]
    share = sum(person.route is AccessRoute.ADMISSION for person in before) / len(before)
    assert 0.31 < share < 0.40
    late = [person for person in after if person.route is AccessRoute.ADMISSION]
    assert 0 < len(late) < len(after) * 0.12


def test_youth_is_a_month_and_only_for_the_young(people: tuple[Person, ...]) -> None:
    for person in people:
        born = person.contact.birth_date
        turns_27 = date(born.year + 27, born.month, 1)
        if person.youth_until is not None:
            year, month = map(int, person.youth_until.split("-"))
            assert date(year, month, 1) < turns_27
        else:
            assert turns_27 <= person.arrives + timedelta(days=31)


def test_a_third_never_consents_and_half_of_the_others_later_in_class(people: tuple[Person, ...]) -> None:
    plans = [one.consent for one in people if kreis.TOWN[one.town].kreis == kreis.KREIS]
    assert 0.27 < sum(plan is None for plan in plans) / len(plans) < 0.37
    given = [plan for plan in plans if plan is not None]
    assert 0.25 < sum(plan.at_registration for plan in given) / len(given) < 0.55
    assert any(plan.revoked_after is not None for plan in given)


def test_consent_names_the_office_that_is_responsible(people: tuple[Person, ...]) -> None:
    for person in people:
        if person.consent is None:
            continue
        if person.asylum_phase in {AsylumPhase.PROCEDURE, AsylumPhase.TOLERATED}:
            assert person.consent.office == kreis.ASYLUM
        elif person.youth_until is not None:
            assert person.consent.office == kreis.JMD


def test_names_are_canaries(people: tuple[Person, ...]) -> None:
    families = Counter(person.contact.family_name for person in people)
    assert max(families.values()) == 1
    assert min(len(name) for name in families) >= 12
    assert all(person.contact.birth_date.year < 2009 for person in people)


def test_exits_and_returns_follow_the_field() -> None:
    paths = [course_path(SEED, person, "KURS") for person in range(4000)]
    started = [path for path in paths if not path.no_show]
    left = [path for path in started if path.leaves_at is not None]
    assert 0.35 < len(left) / len(started) < 0.41
    assert sum(path.returns_after is not None for path in left) / len(left) > 1 / 3
    assert median(path.leaves_at for path in left if path.leaves_at is not None) < 30
    assert 0.03 < 1 - len(started) / len(paths) < 0.07


def test_absences_cluster_before_an_exit() -> None:
    near, far = Counter[str](), Counter[str]()
    for person in range(1500):
        path = course_path(SEED, person, "KURS")
        if path.no_show or path.leaves_at is None or path.leaves_at < 12:
            continue
        for lesson in range(path.leaves_at):
            in_cluster = lesson >= path.leaves_at - path.cluster
            (near if in_cluster else far)[mark(SEED, person, "KURS", lesson)] += 1
    assert near["U"] / near.total() > 0.5
    assert far["U"] / far.total() < 0.06


def test_a_draw_does_not_depend_on_the_order_of_questions() -> None:
    forward = [mark(SEED, 3, "KURS", lesson) for lesson in range(40)]
    backward = [mark(SEED, 3, "KURS", lesson) for lesson in reversed(range(40))]
    assert forward == backward[::-1]
    assert answer(SEED, 3, "KURS") == answer(SEED, 3, "KURS")


def test_courses_of_all_providers_are_held_on_teaching_days_with_whole_sections() -> None:
    courses = programme(SEED, START)
    assert {course.provider for course in courses} == {record["slug"] for record in kreis.PROVIDERS}
    assert len({(course.provider, course.own_id) for course in courses}) == len(courses)
    for course in courses:
        days = [day for part in course.sections for day in part.days]
        assert days == sorted(set(days))
        assert all(day.weekday() in course.track.weekdays for day in days)
        assert not any(date(2025, 12, 22) <= day <= date(2026, 1, 4) for day in days)


def test_three_providers_announce_the_same_course_at_the_same_place() -> None:
    rivals = {course.provider for course in programme(SEED, START) if course.track.town == "99001007"}
    assert len(rivals) == 3


def test_some_of_the_backlog_waited_until_their_entitlement_lapses_within_weeks(
    people: tuple[Person, ...],
) -> None:
    opens = START + timedelta(days=49)
    lapsed = [one for one in people if one.valid_until is not None and one.valid_until < opens]
    assert 5 < len(lapsed) < 30
    assert all(one.arrives < START + timedelta(days=20) for one in lapsed)
