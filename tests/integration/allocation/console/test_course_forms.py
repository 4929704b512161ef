"""A provider announces, changes, cancels and ends courses by form; the real consumer judges each event."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import uuid4

import httpx
import pytest

from schemas.providers import CourseAnnounced, CourseCancelled, CourseCompleted
from services.accounts.domain import Side
from services.places.current import CurrentPlaces
from services.runtime.data.db import open_pool
from services.runtime.http.gateway_client import GatewayClient
from tests.accounts.people import people_of, put_people
from tests.allocation.builders import KREIS, PROVIDER, course
from tests.conftest import MakeDatabase
from tests.integration.allocation.console.client import ConsoleClient, console_on
from tests.integration.allocation.console.test_rejected_forms import PROVIDER as REJECTED
from tests.places.loaded import load_towns
from tests.rejected import check

EVENTS = {one.type_: one for one in (CourseAnnounced, CourseCancelled, CourseCompleted)}
TOWNS = ("99001001;Beispielhausen;99101;Musterland;;;", "99001002;Neustadt;99102;Musterland;;;")
DAYS = ("mon", "tue", "wed", "thu")
MORNINGS = {f"{day}_from": "8:30" for day in DAYS} | {f"{day}_to": "12.45" for day in DAYS}
COURSE: dict[str, str] = {
    "number": "N-7",
    "title": "Integrationskurs am Vormittag",
    "course_type": "integration_general",
    "town": "Neustadt",
    "capacity": "20",
    "minimum": "12",
    "venue_street": "Am Markt 1",
    "venue_postcode": "99102",
    "childcare": "1",
    "section1_from": "13.04.2026",
    "section1_to": "15.05.2026",
    "section1_ue": "100",
    "act": "send",
} | MORNINGS


@dataclass
class Forms:
    """A browser of a provider, and what the gateway was sent."""

    client: ConsoleClient
    sent: list[dict[str, Any]] = field(default_factory=list)
    answer: httpx.Response = field(default_factory=lambda: httpx.Response(202, json={}))

    def take(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(json.loads(request.content))
        return self.answer

    async def send(self, path: str, **values: str) -> httpx.Response:
        return await self.client.form(path, form=str(uuid4()), **values)

    async def effect(self) -> None:
        """Let the consumer judge what was sent last, which it has to apply."""
        event = self.sent[-1]
        await self.client.world.must(PROVIDER, EVENTS[event["type"]].model_validate(event["data"]))


@pytest.fixture
async def forms(database: MakeDatabase, prefix: str) -> AsyncIterator[Forms]:
    made = await database("allocation")
    await load_towns(made.admin, TOWNS, date(2025, 1, 1))
    pool = await open_pool(made.worker, name="places", max_size=1)
    places = CurrentPlaces(pool)
    await places.refreshed()
    await pool.close()
    opened: list[Forms] = []

    def take(request: httpx.Request) -> httpx.Response:
        return opened[0].take(request)

    transport = httpx.MockTransport(take)
    async with httpx.AsyncClient(transport=transport) as http:
        gateway = GatewayClient(http, "https://gateway.invalid", "key")
        async with console_on(made, prefix, gateway=gateway, places=places) as client:
            people = people_of(
                [
                    {
                        "slug": PROVIDER,
                        "name": "VHS",
                        "kind": "provider",
                        "kreise": [KREIS],
                        "tenant": PROVIDER,
                        "publisher": PROVIDER,
                    }
                ],
                [{"key": "mira", "name": "Mira", "organisation": PROVIDER, "roles": ["provider"]}],
            )
            await put_people(made.worker, Side.STEERING, people)
            await client.sign_in("mira")
            opened.append(Forms(client))
            yield opened[0]


async def test_a_course_is_announced_by_form(forms: Forms) -> None:
    page = await forms.client.page("/provider/courses/new")
    assert "Kurs anlegen" in page
    assert "Integrationskurs für Eltern" not in page  # ended by law (IntV § 13, none since 12/2024)
    answer = await forms.send("/provider/courses/new", **COURSE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/provider")
    data = forms.sent[-1]["data"]
    assert (data["course"], data["kreis"], data["town"]) == ("N-7", KREIS, "99001002")
    assert data["sections"] == [{"number": 1, "starts_on": "2026-04-13", "ends_on": "2026-05-15", "ue": 100}]
    assert data["lessons"][0] == {"weekday": "mon", "starts_at": "08:30:00", "ends_at": "12:45:00"}
    await forms.effect()
    assert "Integrationskurs am Vormittag" in await forms.client.page("/provider")


async def test_sent_twice_it_is_one_event(forms: Forms) -> None:
    once = str(uuid4())
    for _ in range(2):
        await forms.client.form("/provider/courses/new", form=once, **COURSE)
    assert {event["id"] for event in forms.sent} == {once}


async def test_dates_are_suggested_from_the_weekly_times(forms: Forms) -> None:
    asked = COURSE | {"act": "suggest", "first_day": "13.04.2026"}
    answer = await forms.send("/provider/courses/new", **asked)
    assert forms.sent == []
    rows = dict(re.findall(r'name="(section\d+_\w+)" type="text" value="([^"]*)"', answer.text))
    assert (rows["section1_from"], rows["section1_ue"]) == ("13.04.2026", "100")
    # Five units on four days of a week, none on 14 May (Ascension Day): five weeks and one day.
    assert rows["section1_to"] == "18.05.2026"
    assert (rows["section7_ue"], rows["section8_from"]) == ("100", "")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"number": ""}, "Bitte geben Sie Ihre eigene Kursnummer ein."),
        ({"number": "x" * 300}, "Bitte prüfen Sie diese Angabe."),
        ({"title": "\x07"}, "Bitte prüfen Sie diese Angabe."),
        ({"capacity": "0"}, "wie viele Personen teilnehmen können"),
        ({"capacity": "\uff19"}, "wie viele Personen teilnehmen können"),
        ({"minimum": "-1"}, "eine ganze Zahl"),
        ({"town": "Anderswo"}, "Ein Ort mit diesem N"),
        ({"course_type": "integration_parents"}, "die Art des Kurses"),
        ({"mon_from": "25:00"}, "zum Beispiel 08:30 bis 12:45"),
        ({"mon_from": "12:45", "mon_to": "12:45"}, "zum Beispiel 08:30 bis 12:45"),
        ({"section1_to": "12.04.2026"}, "den ersten und den letzten Tag des Abschnitts"),
        ({"section1_from": "", "section1_to": "", "section1_ue": ""}, "mindestens einen Abschnitt"),
        ({"section1_from": "31.02.2026"}, "Bitte geben Sie den Tag ein"),
        ({"section1_to": "01.01.9999"}, "Bitte geben Sie den Tag ein"),
        ({"section2_from": "01.01.2026", "section2_to": "02.02.2026"}, "nicht vor einem früheren"),
        ({"registration_until": "morgen"}, "Bitte geben Sie den Tag ein"),
        ({"venue_postcode": "1234"}, "fünf Ziffern"),
    ],
)
async def test_what_is_wrong_stands_at_its_field(forms: Forms, wrong: dict[str, str], said: str) -> None:
    answer = await forms.send("/provider/courses/new", **COURSE | wrong)
    assert answer.status_code == 422
    assert said in answer.text
    assert forms.sent == []
    if "title" not in wrong:
        assert "Integrationskurs am Vormittag" in answer.text  # nothing that was entered is lost


async def test_a_course_is_changed_and_whoever_was_slower_is_told(forms: Forms) -> None:
    address = f"/provider/courses/{course('k1')}/change"
    page = await forms.client.page(address)
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version
    assert 'value="Kurs k1"' in page
    shown = dict(re.findall(r'name="(section\d+_\w+)" type="text" value="([^"]+)"', page))
    changed = COURSE | dict.fromkeys(["section1_from", "section1_to", "section1_ue"], "") | shown
    answer = await forms.send(address, **changed, version=version[1])
    assert answer.status_code == 303, answer.text
    assert forms.sent[-1]["data"]["course"] == "k1"
    await forms.effect()
    assert await forms.client.world.rows("SELECT 1 FROM course WHERE title = 'Integrationskurs am Vormittag'")
    late = await forms.send(address, **changed, version=version[1])
    assert late.status_code == 422
    assert "inzwischen geändert" in late.text


async def test_a_number_is_taken_once(forms: Forms) -> None:
    answer = await forms.send("/provider/courses/new", **COURSE | {"number": "k1"})
    assert answer.status_code == 422
    assert "schon einen Kurs mit dieser Nummer" in answer.text


async def test_another_providers_course_is_not_there(forms: Forms) -> None:
    other = course("o1", "caritas-kurse")
    for page in ("change", "end"):
        assert (await forms.client.http.get(f"/provider/courses/{other}/{page}")).status_code == 404
    assert (await forms.send(f"/provider/courses/{other}/cancel", reason="other")).status_code == 404
    assert forms.sent == []


async def test_a_course_is_cancelled(forms: Forms) -> None:
    address = f"/provider/courses/{course('k1')}/cancel"
    assert (await forms.send(address, reason="whim")).status_code == 422
    assert (await forms.send(address, reason="too_few_participants")).status_code == 303
    await forms.effect()
    assert (await forms.client.http.get(f"/provider/courses/{course('k1')}/end")).status_code == 404


async def test_a_course_ends_with_totals_that_add_up(forms: Forms) -> None:
    address = f"/provider/courses/{course('k1')}/end"
    totals = {"finished": "14", "sat": "13", "b1": "8", "a2": "4", "below": "1", "lid": "12", "both": "8"}
    wrong = await forms.send(address, completed_on="01.06.2026", **totals | {"both": "9"})
    assert wrong.status_code == 422
    assert "mehr Ergebnisse als Prüfungen" in wrong.text
    missing = await forms.send(address, completed_on="01.06.2026", **totals | {"sat": ""})
    assert "0 für niemanden" in missing.text
    assert forms.sent == []
    assert (await forms.send(address, completed_on="01.06.2026", **totals)).status_code == 303
    await forms.effect()


async def test_what_the_gateway_does_not_take_stays_in_the_form(forms: Forms) -> None:
    problem = {"problems": [{"code": "x", "message": "So nicht.", "what_to_do": "Bitte anders."}]}
    forms.answer = httpx.Response(422, json=problem)
    answer = await forms.send("/provider/courses/new", **COURSE)
    assert answer.status_code == 200
    assert "So nicht. Bitte anders." in answer.text
    assert "Integrationskurs am Vormittag" in answer.text
    forms.answer = httpx.Response(503)
    assert "in ein paar Minuten" in (await forms.send("/provider/courses/new", **COURSE)).text
    ended = f"/provider/courses/{course('k1')}/end"
    totals = {"finished": "14", "sat": "13", "b1": "8", "a2": "4", "below": "1", "lid": "12", "both": "7"}
    answer = await forms.send(ended, completed_on="01.06.2026", **totals)
    assert "in ein paar Minuten" in answer.text
    for name, value in (totals | {"completed_on": "01.06.2026"}).items():
        assert re.search(rf'name="{name}"[^>]*value="{re.escape(value)}"', answer.text), name
    answer = await forms.send(f"/provider/courses/{course('k1')}/cancel", reason="no_teacher")
    assert '<option value="no_teacher" selected>' in answer.text
    again = {event["id"] for event in forms.sent[-2:]}
    assert again == set(re.findall(r'name="form" value="([^"]+)"', answer.text)) | {forms.sent[-2]["id"]}


async def test_each_form_leads_to_what_is_wrong_with_it(forms: Forms) -> None:
    await forms.send("/provider/courses/new", **COURSE)
    await forms.effect()
    sent, found = len(forms.sent), list[str]()
    for path, values in REJECTED:
        found += check(path, await forms.send(path.replace("{course}", str(course("N-7"))), **values))
    assert found == []
    assert len(forms.sent) == sent
