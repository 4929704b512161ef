"""The pages of people: coordinators hold, exclude and place a person with a reason."""

from datetime import date, timedelta

import pytest

from tests.allocation.builders import NOW, OFFICE, OTHER_PROVIDER, PROVIDER, course, left, levelled, person
from tests.integration.allocation.console.client import WHY, ConsoleClient, only_row, person_address


async def test_hold_and_end_of_hold(client: ConsoleClient) -> None:
    assert "zurückgestellt" in await client.done(f"{person_address()}/hold", reason=WHY, until="20.2.2026")
    page = await client.page(person_address())
    assert "Wieder gesteuert ab 20.02.2026." in page
    assert WHY in page
    assert "Jana Vogt" in page
    await client.sign_in("peter-lindner")
    assert "beendet" in await client.done(f"{person_address()}/hold/end")
    assert "von Peter Lindner" in await client.page(person_address())
    assert await only_row(client.world, "SELECT actor, lifted_by FROM steering_hold") == (
        "jana-vogt",
        "peter-lindner",
    )
    assert "schon beendet" in await client.done(f"{person_address()}/hold/end")


@pytest.mark.parametrize(
    ("form", "values", "said"),
    [
        ("hold", {"reason": "kurz"}, "mindestens zehn Zeichen"),
        ("hold", {"reason": WHY, "until": "neulich"}, "künftigen Tag"),
        ("hold", {"reason": WHY, "until": "31.01.2026"}, "künftigen Tag"),
        ("hold", {"reason": WHY * 20}, "höchstens 500"),
        ("exclude", {"reason": WHY, "what": "course:nonsense"}, "Kurs oder den Träger"),
        ("exclude", {"reason": WHY}, "Kurs oder den Träger"),
        ("deviation", {"reason": WHY}, "Abschnitt oder ein Niveau"),
        ("deviation", {"reason": WHY, "section": "99", "level": "Z9"}, "Abschnitt oder ein Niveau"),
        ("deviation", {"section": "2"}, "mindestens zehn Zeichen"),
        ("place", {"reason": WHY, "entry": "x/1"}, "Bitte wählen Sie"),
    ],
)
async def test_half_a_form_comes_back_with_what_was_entered(
    client: ConsoleClient, form: str, values: dict[str, str], said: str
) -> None:
    answer = await client.form(f"{person_address()}/{form}", **values)
    assert answer.status_code == 422
    assert said in answer.text
    assert values.get("reason", "") in answer.text
    for table in ("steering_hold", "steering_exclusion", "level_deviation", "placement"):
        assert await client.world.rows(f"SELECT FROM {table}") == []


async def test_exclude_a_course_and_a_provider(client: ConsoleClient) -> None:
    await client.done(f"{person_address()}/exclude", reason=WHY, what=f"course:{course()}")
    await client.done(f"{person_address()}/exclude", reason=WHY, what=f"provider:{OTHER_PROVIDER}")
    page = await client.page(person_address())
    assert page.count("Ausschluss beenden") == 2
    assert await client.world.propose("p1") == []
    rows = await client.world.rows("SELECT id FROM steering_exclusion ORDER BY decided_at, course")
    for row in rows:
        assert "beendet" in await client.done(f"{person_address()}/exclusions/{row['id']}/end")
    assert len(await client.world.propose("p1")) == 1


async def test_a_deviation_from_the_test(client: ConsoleClient) -> None:
    await client.done(f"{person_address()}/deviation", reason=WHY, section="3", level="A2")
    assert "Abschnitt 3, A2" in await client.page(person_address())
    assert "gilt wieder" in await client.done(f"{person_address()}/deviation/end")


async def test_what_speaks_against_a_place_is_shown_first(client: ConsoleClient) -> None:
    entry = f"{course('k2')}/1"
    answer = await client.form(f"{person_address()}/place", reason=WHY, entry=entry)
    assert answer.status_code == 200
    assert "Gegen diesen Kurs sprechen Regeln" in answer.text
    assert "<li>Einstufungstest</li>" in answer.text
    assert WHY in answer.text
    assert await client.world.rows("SELECT FROM placement") == []
    said = await client.done(f"{person_address()}/place", reason=WHY, entry=entry, known=entry, present="1")
    assert "hat den Platz" in said
    assert "Ein Platz ist vergeben" in await client.page(person_address())
    assert await only_row(client.world, "SELECT state, expires_at FROM placement") == (
        "reserved",
        NOW + timedelta(days=3),
    )


async def test_a_place_that_nothing_speaks_against_is_given_at_once(client: ConsoleClient) -> None:
    await client.world.must(OFFICE, levelled())
    assert "hat den Platz" in await client.done(
        f"{person_address()}/place", reason=WHY, entry=f"{course('k2')}/1"
    )
    assert await only_row(client.world, "SELECT state FROM placement") == ("reserved",)


async def test_a_foreign_kreis_sees_and_changes_nothing(client: ConsoleClient) -> None:
    for table in ("participant", "course", "course_section"):
        await client.world.rows(f"UPDATE {table} SET kreis = '99002'")
    assert (await client.http.get(person_address())).status_code == 404
    assert (await client.http.get(f"/courses/{course()}")).status_code == 404
    for path, body, code in (
        (f"/people/{person()}/hold", {"reason": WHY}, "participant_unknown"),
        (f"/courses/{course()}/ruling", {"reason": WHY, "decision": "close"}, "course_unknown"),
    ):
        answer = await client.api(path, body)
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert await client.world.rows("SELECT FROM steering_hold") == []


async def test_since_when_somebody_waits_is_shown_with_what_it_is_counted_from(
    client: ConsoleClient,
) -> None:
    assert "05.01.2026 (Anmeldung)" in await client.page(person_address())
    assert "05.01.2026 (Anmeldung)" in await client.page("/waiting")
    await client.world.enrolled()
    client.world.terms_now.steps = frozenset({"start"})
    assert await client.world.timers.start(NOW + timedelta(days=40)) == 1
    page = await client.page(person_address())
    assert "nein, sitzt in einem Kurs" in page
    assert "Wartet seit" not in page
    await client.world.must(PROVIDER, left(kind="transfer", left_on=date(2026, 3, 20)))
    client.watch.at = NOW + timedelta(days=58)
    for path in (person_address(), "/waiting"):
        assert "20.03.2026 (Ende des letzten Kurses)" in await client.page(path)
    assert "11 Tage" in await client.page("/waiting")
