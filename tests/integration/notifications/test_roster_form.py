"""The provider's form of a course day: it refuses what cannot be, and loses nothing that was entered."""

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from tests.notifications.pages import Pages, pages_on
from tests.notifications.world import PROVIDER, TODAY, World, enrolment


@pytest.fixture
async def people(world: World) -> list[UUID]:
    """Seat two people in k-1, of whom the second starts tomorrow week, and one in k-2."""
    for course in ("k-1", "k-2"):
        await world.announce(course)
    seated = [await world.register(reference) for reference in ("a-1", "a-2", "a-3")]
    await world.say(None, enrolment(seated[0]))
    await world.say(None, enrolment(seated[1], starts_on=TODAY + timedelta(days=7)))
    await world.say(None, enrolment(seated[2], "k-2"))
    world.now += timedelta(days=8)
    return seated


async def course_of(world: World) -> UUID:
    course: UUID = await world.value("SELECT course_id FROM course WHERE own_id = 'k-1'")
    return course


def form(day: date | str, marks: dict[UUID, str], *, units: str = "5") -> dict[str, str]:
    told = day if isinstance(day, str) else day.isoformat()
    return {"form": str(uuid4()), "day": told, "units": units} | {
        f"mark-{person}": mark for person, mark in marks.items()
    }


async def refused(world: World, pages: Pages, entered: dict[str, str]) -> str:
    answer = await pages[PROVIDER].post(f"/roster/{await course_of(world)}/attendance", **entered)
    assert answer.status_code == 422, answer.text[:2000]
    assert pages.gateway.taken == []
    return answer.text


async def test_a_day_is_sent_with_everybody_who_attends(world: World, people: list[UUID]) -> None:
    today = TODAY + timedelta(days=8)
    async with pages_on(world, PROVIDER) as pages:
        path = f"/roster/{await course_of(world)}/attendance"
        answer = await pages[PROVIDER].post(path, **form(today, {people[0]: "U", people[1]: "X"}))
        assert answer.status_code == 303
        # Before the second one started, only the first is in the list.
        answer = await pages[PROVIDER].post(path, **form(TODAY, {people[0]: "E", people[1]: "X"}))
        assert answer.status_code == 303
    entries = [
        {entry["participant"]: entry["mark"] for entry in event["data"]["entries"]}
        for event in pages.gateway.taken
    ]
    assert entries == [{str(people[0]): "U", str(people[1]): "X"}, {str(people[0]): "E"}]


@pytest.mark.parametrize(
    ("day", "what"),
    [
        (TODAY + timedelta(days=9), "kommt erst noch"),
        (TODAY - timedelta(days=1), "keinen Unterricht"),
        ("9999-12-31", "kommt erst noch"),
        ("0001-01-01", "keinen Unterricht"),
        ("gestern", "Bitte geben Sie den Tag ein"),
        ("", "Bitte geben Sie den Tag ein"),
    ],
)
async def test_a_wrong_day_is_refused_and_the_marks_stay(
    world: World, people: list[UUID], day: date | str, what: str
) -> None:
    async with pages_on(world, PROVIDER) as pages:
        page = await refused(world, pages, form(day, {people[0]: "U", people[1]: "E"}, units="4.5"))
    assert what in page
    for person, mark in ((people[0], "U"), (people[1], "E")):
        assert f'name="mark-{person}" value="{mark}" checked' in page
        assert f'name="mark-{person}" value="X" checked' not in page
    assert 'value="4.5"' in page


@pytest.mark.parametrize("units", ["", "0", "-1", "12.25", "0.3", "nan", "inf", "1e3", "fünf"])
async def test_wrong_units_are_refused_and_day_and_marks_stay(
    world: World, people: list[UUID], units: str
) -> None:
    async with pages_on(world, PROVIDER) as pages:
        page = await refused(world, pages, form(TODAY, {people[0]: "U"}, units=units))
    assert "Unterrichtseinheiten des Tages" in page
    assert f'value="{TODAY.isoformat()}"' in page
    assert f'name="mark-{people[0]}" value="U" checked' in page


async def test_somebody_of_another_course_or_of_none_is_refused(world: World, people: list[UUID]) -> None:
    async with pages_on(world, PROVIDER) as pages:
        for stranger in (people[2], uuid4()):
            page = await refused(world, pages, form(TODAY, {people[0]: "X", stranger: "U"}))
            assert "nicht in diesem Kurs" in page
            assert str(stranger) not in page
        page = await refused(world, pages, form(TODAY, {}) | {"mark-'><script>": "U"})
        assert "nicht in diesem Kurs" in page


async def test_somebody_who_did_not_attend_on_that_day_cannot_be_missing(
    world: World, people: list[UUID]
) -> None:
    async with pages_on(world, PROVIDER) as pages:
        page = await refused(world, pages, form(TODAY, {people[0]: "X", people[1]: "U"}))
    assert "an diesem Tag nicht im Kurs war" in page


async def test_a_mark_that_the_form_does_not_have_is_refused(world: World, people: list[UUID]) -> None:
    async with pages_on(world, PROVIDER) as pages:
        for mark in ("W", "Z", "", "x"):
            assert "wählen Sie" in await refused(world, pages, form(TODAY, {people[0]: mark}))


async def test_a_day_on_which_nobody_attends_is_refused(world: World) -> None:
    await world.announce()
    async with pages_on(world, PROVIDER) as pages:
        assert "niemand in diesem Kurs" in await refused(world, pages, form(TODAY, {}))
