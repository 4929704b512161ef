"""The provider's form of a course day: it refuses what cannot be, and loses nothing that was entered."""

import re
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from schemas.placements import EnrolmentEnded
from services.runtime.data.db import web_transaction
from services.runtime.events.subscription import Applied
from tests.notifications.pages import Pages, pages_on
from tests.notifications.world import MBE, PROVIDER, SISTERS, TODAY, World, enrolment, office, step


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


@pytest.fixture
async def reported(world: World) -> list[UUID]:
    """Report a day of four people: the first consented and was there, of the others two were missing."""
    await world.load_offices(office(MBE))
    await world.announce("k-1")
    seated = [await world.register(f"b-{number}") for number in range(4)]
    for person in seated:
        await world.say(None, enrolment(person))
    await world.consent("b-0", "dropout_support")
    marks = dict(zip(seated, ("X", "E", "U", "X"), strict=True))
    (verdict,) = await world.attend("k-1", TODAY, marks)
    assert isinstance(verdict, Applied)
    world.now += timedelta(days=1)
    return seated


async def test_a_reported_day_is_looked_at_and_corrected(world: World, reported: list[UUID]) -> None:
    path = f"/roster/{await course_of(world)}"
    async with pages_on(world, PROVIDER) as pages:
        browser = pages[PROVIDER]
        assert f'href="{path}?day={TODAY}#day-form"' in await browser.page(path)
        page = await browser.page(f"{path}?day={TODAY}")
        assert "2 von 4 waren da, 1 fehlten entschuldigt, 1 nicht entschuldigt" in page
        assert "nicht eingewilligt haben: 1 fehlten entschuldigt, 1 nicht entschuldigt" in page
        # The one with consent was excused after all; the two whose marks are not kept would be forgotten.
        forgetful = await refused(world, pages, form(TODAY, {reported[0]: "E"}))
        assert "deren Kreuze nicht aufbewahrt werden" in forgetful
        marks = {reported[0]: "E", reported[1]: "E", reported[2]: "U"}
        assert (await browser.post(f"{path}/attendance", **form(TODAY, marks))).status_code == 303
        nobody = form(TODAY, {reported[0]: "E"}) | {"none_missing": "1"}
        assert (await browser.post(f"{path}/attendance", **nobody)).status_code == 303
    assert [len(event["data"]["entries"]) for event in pages.gateway.taken] == [4, 4]


async def test_whoever_left_since_stays_in_the_list_of_a_day(world: World, reported: list[UUID]) -> None:
    left: dict[str, Any] = {"version": 4, "from_state": "started", "to_state": "left", "ended_on": TODAY}
    await world.say(None, step(EnrolmentEnded, reported[3], **left))
    path = f"/roster/{await course_of(world)}"
    async with pages_on(world, PROVIDER) as pages:
        assert f"mark-{reported[3]}" in await pages[PROVIDER].page(f"{path}?day={TODAY}")
        assert f"mark-{reported[3]}" not in await pages[PROVIDER].page(path)


@pytest.mark.usefixtures("reported")
async def test_another_provider_sees_no_day(world: World) -> None:
    other, course = SISTERS[PROVIDER], await course_of(world)
    async with pages_on(world, PROVIDER, other) as pages:
        assert (await pages[other].get(f"/roster/{course}?day={TODAY}")).status_code == 404
    async with web_transaction(world.web, organisation="vhs", offices=(other,), person="x") as conn:
        assert await conn.fetch("SELECT * FROM own_course_days($1)", course) == []
        assert await conn.fetch("SELECT * FROM own_course_marks($1, $2)", course, TODAY) == []
    async with web_transaction(world.web, organisation="vhs", offices=(PROVIDER,), person="x") as conn:
        assert len(await conn.fetch("SELECT * FROM own_course_marks($1, $2)", course, TODAY)) == 1


async def test_a_sunday_is_asked_about(world: World, people: list[UUID]) -> None:
    sunday = TODAY + timedelta(days=6 - TODAY.weekday())
    async with pages_on(world, PROVIDER) as pages:
        page = await refused(world, pages, form(sunday, {people[0]: "U"}))
        assert "Sonntag oder ein gesetzlicher Feiertag" in page
        assert f'name="mark-{people[0]}" value="U" checked' in page
        confirmed = form(sunday, {people[0]: "U"}) | {"held": "1"}
        answer = await pages[PROVIDER].post(f"/roster/{await course_of(world)}/attendance", **confirmed)
        assert answer.status_code == 303


async def test_whoever_is_confirmed_is_listed_before_the_first_day(world: World) -> None:
    await world.announce("k-1")
    person = await world.register("c-1")
    await world.say(None, enrolment(person, starts_on=TODAY + timedelta(days=7)))
    async with pages_on(world, PROVIDER) as pages:
        page = await pages[PROVIDER].page(f"/roster/{await course_of(world)}")
        assert "Bestätigt, kommen noch" in page
        numbers = re.findall(r'cell--numeric">\s*(\d+)', await pages[PROVIDER].page("/roster"))
        assert numbers == ["0", "0", "1", "0"]


@pytest.mark.usefixtures("reported")
async def test_a_provider_that_stops_reporting_is_told_and_no_other(world: World) -> None:
    other, course = SISTERS[PROVIDER], await course_of(world)
    await world.announce("k-9")
    async with pages_on(world, PROVIDER, other) as pages:
        assert "zuletzt" not in await pages[PROVIDER].page(f"/roster/{course}")
        world.now += timedelta(days=60)
        said = "Ohne Meldungen kann niemand"
        assert said in await pages[PROVIDER].page(f"/roster/{course}")
        listed = await pages[PROVIDER].page("/roster")
        assert said in listed
        assert "noch nicht gemeldet" in listed, "k-9 was never reported"
        assert said not in await pages[other].page("/roster")
    async with web_transaction(world.web, organisation="vhs", offices=(other,), person="x") as conn:
        assert await conn.fetch("SELECT * FROM own_course_reports($1)", TODAY) == []
