"""An office reports what is missing in a town, and sees what it has reported; never a person."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from schemas.support import NeedReported
from services.notifications.counts import store as counts
from services.runtime.data.db import transaction
from services.runtime.disclosure.quarters import quarter_of
from services.texts.figures import COUNSELLING, FIGURES
from tests.notifications.pages import Pages, pages_on
from tests.notifications.topics import Said, Topics, allow_everything
from tests.notifications.world import DESK, JMD, MBE, TODAY, World, office


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
