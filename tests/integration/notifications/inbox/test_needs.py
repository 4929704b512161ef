"""An office reports what is missing in a town, and sees what it has reported; never a person."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from schemas.identity import course_id
from schemas.measures import MeasureStated
from schemas.support import NeedReported
from services.notifications.counts import store as counts
from services.runtime.bookkeeping.publications import keep
from services.runtime.data.db import transaction
from services.runtime.disclosure.bands import Band
from services.runtime.disclosure.figures import Publication, publish
from services.runtime.disclosure.quarters import quarter_of
from services.texts.figures import COUNSELLING, FIGURES, NEEDS
from tests.notifications.pages import Pages, pages_on
from tests.notifications.topics import Said, Topics, allow_everything
from tests.notifications.world import DESK, JMD, MBE, PROVIDER, TODAY, World, office


@pytest.fixture
async def pages(world: World) -> AsyncIterator[Pages]:
    async with pages_on(world, MBE, JMD, DESK) as pages:
        yield pages


async def test_a_need_is_sent_as_one_event_without_a_person(world: World, pages: Pages) -> None:
    form = str(uuid4())
    for _ in range(2):
        answer = await pages[MBE].post(
            "/needs", form=form, need="childcare", town="99001001", month="2026-03"
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/needs")
    sent = pages.gateway.taken
    assert {one["id"] for one in sent} == {form}
    assert sent[0]["data"] == {"need": "childcare", "town": "99001001", "month": "2026-03"}
    assert "Der Bedarf ist gemeldet." in await pages[MBE].page("/needs")
    assert world


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"town": "99001001", "month": "2026-03"}, "need"),
        ({"need": "pony", "town": "99001001", "month": "2026-03"}, "need"),
        ({"need": "bus", "month": "2026-03"}, "town"),
        ({"need": "bus", "town": "09162000", "month": "2026-03"}, "town"),
        ({"need": "bus", "town": "Maria Muster", "month": "2026-03"}, "town"),
        ({"need": "bus", "town": "99001001", "month": "2026-04"}, "month"),
        ({"need": "bus", "town": "99001001", "month": "' OR 1=1"}, "month"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_sent(
    pages: Pages, values: dict[str, str], field: str
) -> None:
    answer = await pages[MBE].post("/needs", form=str(uuid4()), **values)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert pages.gateway.taken == []


async def test_an_office_sees_its_own_reports_only(world: World, pages: Pages) -> None:
    topics = Topics(world)
    await allow_everything(world)
    need = NeedReported(need="bus", town="99001001", month="2026-03")
    await topics.write(Said(MBE, need, "one"))
    assert ">Bus<" in await pages[MBE].page("/needs")
    assert "noch nichts gemeldet" in await pages[JMD].page("/needs")
    assert (await pages[DESK].get("/needs")).status_code == 403


def measure(version: int = 1, **changes: Any) -> MeasureStated:  # noqa: ANN401 - fields of the event
    fields: dict[str, Any] = {
        "measure": UUID(int=7),
        "version": version,
        "kreis": "99001",
        "need": "bus",
        "agreed": "Die Linie 12 fährt ab Mai <b>abends</b> bis zur VHS.",
        "course": course_id(PROVIDER, "k-1"),
        "begins_on": date(2025, 5, 2),
    }
    return MeasureStated(**(fields | changes))


async def test_an_office_sees_what_became_of_its_need(world: World, pages: Pages) -> None:
    topics = Topics(world)
    await allow_everything(world)
    await topics.write(Said(MBE, NeedReported(need="bus", town="99001001", month="2026-03"), "one"))
    await topics.write(Said(MBE, NeedReported(need="other", town="99001001", month="2026-03"), "two"))
    assert "Was der Kreis zum gemeldeten Bedarf vereinbart hat" not in await pages[MBE].page("/needs")
    await world.announce()
    await world.say(None, measure(), measure(measure=UUID(int=8), kreis="99009", agreed="Nebenan fährt er."))
    quarter = quarter_of(date(2025, 5, 2))
    async with transaction(world.worker) as conn:
        told = Publication("99001", "needs", quarter, quarter.closes_on, 5, {"bus": Band(10, 14)})
        await keep(conn, told)
    page = await pages[MBE].page("/needs")
    assert page.count(f'href="#measure-{UUID(int=7)}"') == page.count("Maßnahme ab 02.05.2025") == 1
    assert page.count("noch nichts eingetragen") == 1
    assert "&lt;b&gt;abends" in page
    assert "Deutsch am Vormittag" in page
    assert "Nebenan" not in page
    assert "beginnt in diesem Quartal" in page
    assert "10 bis 14" in page
    await world.say(None, measure(3, ended_on=date(2025, 9, 1)), measure(2, need="childcare"))
    page = await pages[MBE].page("/needs")
    assert "beendet am 01.09.2025" in page, "an older state changes nothing"
    assert f'href="#measure-{UUID(int=7)}"' not in page, "it was over before the month of the report"


async def test_towns_are_counted_for_needs_and_those_with_courses_come_first(world: World) -> None:
    await allow_everything(world)
    topics, quarter = Topics(world), quarter_of(TODAY)
    for number, town in enumerate(["99001002", "99001002", "99001001", "99009001"]):
        await topics.write(Said(MBE, NeedReported(need="bus", town=town, month="2026-03"), str(number)))
    for town in ("99001001", "99001002", "99001003", "99009001"):
        await world.rows(
            "INSERT INTO places.town (ags, valid_from, valid_to, name, kreis_name, postcodes, successors)"
            " VALUES ($1, '-infinity', 'infinity', 'Ort', 'Kreis', '{}', '{}')",
            town,
        )
    await world.stated("k-1", town="99001002")
    async with transaction(world.worker) as conn:
        counted = await counts.needs(conn, "99001", quarter, TODAY)
        figure = await counts.add_towns(conn, "99001", quarter, NEEDS)
    towns = [part.name for part in figure.parts if part.of == "bus"]
    assert towns == ["town_99001002_bus", "town_99001001_bus"], "the last one gets no part"
    assert (counted["bus"], counted["town_99001002_bus"], counted["town_99001001_bus"]) == (3, 2, 1)
    publish(figure, "99001", quarter, counted, k=5, today=quarter.closes_on)


async def test_where_nobody_fits_is_counted_and_never_told_as_a_person(world: World) -> None:
    await world.load_offices(office(MBE, catchment=["99002"]), office(JMD, age_below=None))
    await world.announce()
    for number, slug in enumerate((MBE, MBE, JMD)):
        person = await world.register(f"a-{number}")
        await world.consent(f"a-{number}", "enrolment_notice", office_=slug)
        await world.enrol(person)
    await world.settle()
    await world.rows("UPDATE placement SET state = 'started'")
    async with transaction(world.worker) as conn:
        counted = await counts.counselling(conn, "99001", quarter_of(TODAY), TODAY)
    assert {name: counted[name] for name in ("began", "announced", "unsuited")} == {
        "began": 3,
        "announced": 3,
        "unsuited": 2,
    }
    part = next(part for part in FIGURES[COUNSELLING.name].parts if part.name == "unsuited")
    assert part.of == "announced"
