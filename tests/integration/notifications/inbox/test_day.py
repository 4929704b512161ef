"""The inbox for a day's work: order, filter, search, several at once, handing over, first words, verdicts."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.notifications.delivery.domain import reference_of
from services.notifications.offices.domain import USUAL, OfficeHours
from services.notifications.pages.inbox import store
from services.notifications.pages.inbox.filters import mark_of
from services.notifications.pages.inbox.team import responses_of
from services.notifications.people.domain import Contact
from tests.notifications.pages import Pages, further, pages_on, said
from tests.notifications.world import DESK, JMD, MBE, NOW, OTHER, TODAY, World, office, school_days

LEAD, COLLEAGUE = "leitung", "kollegin"
PEOPLE = further((LEAD, MBE, "team_lead"), (COLLEAGUE, MBE, "counsellor"))
ENROLMENT, DROPOUT = "enrolment_notice", "dropout_support"
NAMES = {"a-1": "Muster", "a-2": "Yilmaz", "a-3": "Olschewski"}


@pytest.fixture
async def people(world: World) -> dict[str, UUID]:
    """Three people in a course, whose beginning the office hears of."""
    await world.announce()
    found = {}
    for reference, name in NAMES.items():
        found[reference] = await world.register(reference)
        await world.keep(reference, Contact(family_name=name, given_name="Ada", languages=("ar",)))
        await world.consent(reference, ENROLMENT, DROPOUT)
        await world.enrol(found[reference])
    await world.settle()
    return found


@pytest.fixture
async def pages(world: World, people: dict[str, UUID]) -> AsyncIterator[Pages]:
    assert people
    async with pages_on(world, MBE, JMD, OTHER, DESK, LEAD, COLLEAGUE, people=PEOPLE) as pages:
        yield pages


async def alerts(world: World) -> dict[UUID, UUID]:
    """Participant -> the alert about the beginning of the course."""
    rows = await world.rows("SELECT participant_id, alert_id FROM alert WHERE kind = 'enrolment'")
    return {row["participant_id"]: row["alert_id"] for row in rows}


async def state(world: World, alert: UUID) -> tuple[str, str | None]:
    (row,) = await world.rows("SELECT state, taken_by FROM alert WHERE alert_id = $1", alert)
    return row["state"], row["taken_by"]


async def risk(world: World, person: UUID) -> UUID:
    """Let a person be missing, and return the alert about it."""
    for day in school_days(TODAY, 2):
        await world.attend("k-1", day, {person: "U"})
    await world.settle()
    found: UUID = await world.value("SELECT alert_id FROM alert WHERE kind = 'risk'")
    return found


def listed(page: str) -> list[str]:
    return re.findall(r'href="/inbox/[0-9a-f-]{36}">(KL-[0-9A-F]{8})<', page)


async def test_the_most_urgent_come_first_and_filters_narrow(
    world: World, pages: Pages, people: dict[str, UUID]
) -> None:
    notice = await alerts(world)
    urgent = await risk(world, people["a-2"])
    first, second = notice[people["a-1"]], notice[people["a-3"]]
    await world.rows("UPDATE alert SET escalated_at = raised_at WHERE alert_id = $1", second)
    await pages[MBE].post(f"/inbox/{first}/accept")
    page = await pages[MBE].page("/inbox")
    assert listed(page) == [reference_of(one) for one in (second, urgent, notice[people["a-2"]], first)]
    await world.rows("UPDATE alert SET severity = 'high' WHERE alert_id = $1", first)
    narrowed = await pages[MBE].page("/inbox?severity=high")
    assert listed(narrowed) == [reference_of(urgent), reference_of(first)]
    assert ">dringend<" in narrowed
    assert listed(await pages[MBE].page("/inbox?state=mine")) == [reference_of(first)]
    assert listed(await pages[COLLEAGUE].page("/inbox?state=mine")) == []
    assert listed(await pages[MBE].page("/inbox?kind=risk")) == [reference_of(urgent)]
    assert len(listed(await pages[MBE].page("/inbox?state=unanswered"))) == 3
    assert listed(await pages[LEAD].page(f"/inbox?who={mark_of(MBE)}")) == [reference_of(first)]
    assert listed(await pages[LEAD].page(f"/inbox?who={mark_of('niemand')}")) == []
    # Who is not the lead sees no colleague's pile; what an address does not know limits nothing.
    assert len(listed(await pages[MBE].page(f"/inbox?who={mark_of(COLLEAGUE)}"))) == 4
    assert (
        len(listed(await pages[MBE].page("/inbox?severity=x&state=%27&kind=%00&who=zz&sort=1&page=-1"))) == 4
    )
    assert MBE not in re.findall(r'action="([^"]*)"', await pages[LEAD].page(f"/inbox?who={mark_of(MBE)}"))


async def test_two_counsellors_accept_the_same_at_once_and_one_has_it(
    world: World, pages: Pages, people: dict[str, UUID]
) -> None:
    for alert in (await alerts(world)).values():
        answers = await asyncio.gather(
            *(pages[who].post(f"/inbox/{alert}/accept") for who in (MBE, COLLEAGUE))
        )
        assert sorted(one.status_code for one in answers) == [303, 409]
        winner = (MBE, COLLEAGUE)[[one.status_code for one in answers].index(303)]
        assert await state(world, alert) == ("accepted", winner)
        assert (
            await world.value(
                "SELECT count(*) FROM alert_step WHERE alert_id = $1 AND to_state = 'accepted'", alert
            )
            == 1
        )
    assert people


async def test_several_at_once_and_the_page_says_which_are_not_done(
    world: World, pages: Pages, people: dict[str, UUID]
) -> None:
    notice = await alerts(world)
    taken = notice[people["a-2"]]
    await pages[COLLEAGUE].post(f"/inbox/{taken}/accept")
    answer = await pages[MBE].post(
        "/inbox/several?kind=enrolment&page=1",
        alert=[str(one) for one in notice.values()],
        do="accept",
        reason="Sprechstunde am Montag",
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox?kind=enrolment&page=1")
    page = await pages[MBE].page(answer.headers["location"])
    assert "2 Hinweise sind angenommen." in page
    assert f"Nicht erledigt: {reference_of(taken)} ist schon in Arbeit." in page
    assert await state(world, taken) == ("accepted", COLLEAGUE)
    for reference in ("a-1", "a-3"):
        assert await state(world, notice[people[reference]]) == ("accepted", MBE)
    reasons = await world.rows("SELECT DISTINCT reason FROM alert_step WHERE to_state = 'accepted'")
    assert {row["reason"] for row in reasons} == {"accept", "Sprechstunde am Montag"}
    page = await pages[MBE].page(f"/inbox/{notice[people['a-1']]}")
    assert "Sprechstunde am Montag" in page

    everything = [str(one) for one in notice.values()]
    await pages[MBE].post("/inbox/several", alert=everything, do="hand-over", person=COLLEAGUE)
    assert {await state(world, one) for one in notice.values()} == {("handed_over", COLLEAGUE)}
    await pages[MBE].post("/inbox/several", alert=everything, do="done")
    assert {(await state(world, one))[0] for one in notice.values()} == {"done"}


async def test_what_is_wrong_with_several_is_said_and_nothing_is_done(
    world: World, pages: Pages, people: dict[str, UUID]
) -> None:
    notice = [str(one) for one in (await alerts(world)).values()]
    for values, text in (
        ({"do": "accept"}, "mindestens einen Hinweis"),
        ({"do": "accept", "alert": ["x", "' OR 1=1", ""]}, "mindestens einen Hinweis"),
        ({"alert": notice}, "was mit den angekreuzten"),
        ({"alert": notice, "do": "decline"}, "was mit den angekreuzten"),
        ({"alert": notice, "do": "hand-over"}, "wählen Sie eine"),
        ({"alert": notice, "do": "hand-over", "person": JMD}, "wählen Sie eine"),
        ({"alert": notice, "do": "accept", "reason": "x" * 201}, "höchstens 200 Zeichen"),
    ):
        answer = await pages[MBE].post("/inbox/several", **values)
        assert (answer.status_code, text in answer.text) == (422, True), values
        if notice[0] in values.get("alert", ()):
            assert answer.text.count(" checked") == len(notice)
    assert {row["state"] for row in await world.rows("SELECT state FROM alert")} == {"new"}
    # Foreign and unknown ids change nothing and tell nothing.
    answer = await pages[JMD].post("/inbox/several", alert=[*notice, str(uuid4())], do="accept")
    page = await pages[JMD].page(answer.headers["location"])
    assert page.count("ist kein Hinweis Ihrer Stelle (mehr)") == 4
    assert {row["state"] for row in await world.rows("SELECT state FROM alert")} == {"new"}
    assert people


async def test_handing_over_outside_needs_consent_for_that_office_and_purpose(
    world: World, pages: Pages, people: dict[str, UUID]
) -> None:
    alert = (await alerts(world))[people["a-1"]]
    assert "hat es keiner anderen Stelle erlaubt" in await pages[MBE].page(f"/inbox/{alert}")
    await world.consent("a-1", DROPOUT, office_=JMD)  # another purpose
    await world.settle()
    for forged in (JMD, OTHER, DESK, MBE, "niemand", "' OR 1=1"):
        answer = await pages[MBE].post(f"/inbox/{alert}/hand-over", office=forged)
        assert answer.status_code == 422, forged
        assert "hat nicht erlaubt, dass diese Stelle davon erfährt" in answer.text
    program = await pages[MBE].http.post(
        f"/inbox/{alert}/hand-over",
        json={"office": JMD},
        headers={"X-CSRF": pages[MBE].csrf, "Accept": "application/json"},
    )
    assert (program.status_code, program.json()["code"]) == (422, "no_consent")
    assert await state(world, alert) == ("new", None)
    await world.consent("a-1", ENROLMENT, office_=JMD)
    await world.settle()
    assert f'<option value="{JMD}"' in await pages[MBE].page(f"/inbox/{alert}")
    await world.revoke("a-1", office_=JMD)
    assert (await pages[MBE].post(f"/inbox/{alert}/hand-over", office=JMD)).status_code == 422
    await world.consent("a-1", ENROLMENT, office_=JMD, given=TODAY)
    await world.settle()
    answer = await pages[MBE].post(f"/inbox/{alert}/hand-over", office=JMD, reason="Weiterzug-Wort")
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox")
    await world.settle()
    assert await world.value("SELECT office FROM alert WHERE alert_id = $1", alert) == JMD
    assert "hat es Ihrer übergeben" in await pages[JMD].page(f"/inbox/{alert}")
    assert "Weiterzug-Wort" not in await pages[JMD].page(f"/inbox/{alert}")
    assert (await pages[MBE].get(f"/inbox/{alert}")).status_code == 404
    # It can be given back only to who has not declined it: the office that handed it over has.
    assert (await pages[JMD].post(f"/inbox/{alert}/hand-over", office=MBE)).status_code == 422


async def test_a_counsellor_hands_over_to_a_colleague_only(
    world: World, pages: Pages, people: dict[str, UUID]
) -> None:
    alert = (await alerts(world))[people["a-1"]]
    for stranger in (JMD, "niemand", ""):
        answer = await pages[MBE].post(f"/inbox/{alert}/hand-over", person=stranger)
        assert answer.status_code == 422
        assert 'href="#person"' in answer.text
    assert await state(world, alert) == ("new", None)
    answer = await pages[MBE].post(
        f"/inbox/{alert}/hand-over", person=COLLEAGUE, reason="Sie spricht Arabisch"
    )
    assert answer.status_code == 303
    assert await state(world, alert) == ("handed_over", COLLEAGUE)
    assert "Sie spricht Arabisch" in await pages[COLLEAGUE].page(f"/inbox/{alert}")


async def test_search_by_name_and_reference_inside_the_own_office(
    world: World, pages: Pages, people: dict[str, UUID]
) -> None:
    notice = await alerts(world)
    alert = notice[people["a-2"]]
    await world.forget("disclosure_log")

    async def found(who: str, text: str) -> list[str]:
        answer = await pages[who].post("/inbox/search", name=text)
        assert answer.status_code == 200, said(answer.text)
        return listed(answer.text)

    assert await found(MBE, "jilmas") == [reference_of(alert)]
    looks = await world.rows("SELECT participant_id, purpose, actor FROM disclosure_log")
    assert [tuple(row) for row in looks] == [(people["a-2"], ENROLMENT, MBE)]
    assert reference_of(alert) in await found(MBE, reference_of(alert).lower())
    assert reference_of(alert) in await found(MBE, reference_of(alert)[:7])
    digit = re.search(r"\d", reference_of(alert))
    assert digit is not None
    assert reference_of(alert) in await found(MBE, reference_of(alert)[3 : max(5, digit.end())])
    assert await found(MBE, "a-2") == []  # the registering office's own reference
    for who in (JMD, OTHER):
        assert await found(who, "Yilmaz") == []
        assert await found(who, reference_of(alert)) == []
    await world.revoke("a-2")
    assert await found(MBE, "jilmas") == []
    assert (await pages[MBE].get("/inbox/search")).headers["location"] == "/inbox"
    for wrong in ("", "y", "x" * 501):
        assert (await pages[MBE].post("/inbox/search", name=wrong)).status_code == 422


async def test_a_name_is_looked_for_in_no_reference(
    world: World, pages: Pages, people: dict[str, UUID]
) -> None:
    first = (await alerts(world))[people["a-1"]]
    other = "de" + str(first)[2:]
    admin = await asyncpg.connect(world.database.admin)
    try:
        async with admin.transaction():
            await admin.execute("SET CONSTRAINTS ALL DEFERRED")
            await admin.execute("SET session_replication_role = replica")
            for table in ("alert", "alert_step", "escalation", "delivery"):
                await admin.execute(
                    f"UPDATE {table} SET alert_id = $2 WHERE alert_id = $1", first, UUID(other)
                )
    finally:
        await admin.close()
    reference = reference_of(UUID(other))
    for text, is_found in (("De", False), ("DE", False), ("KL-De", True), ("kl-de", True), ("KL", False)):
        answer = await pages[MBE].post("/inbox/search", name=text)
        assert (reference in listed(answer.text)) is is_found, text


async def test_how_soon_an_office_answers_is_counted_from_when_it_got_the_alert(
    world: World, pages: Pages, people: dict[str, UUID]
) -> None:
    alert = (await alerts(world))[people["a-1"]]
    await world.consent("a-1", ENROLMENT, office_=JMD)
    await world.settle()
    world.now += timedelta(days=3)
    await pages[MBE].post(f"/inbox/{alert}/decline")
    await world.settle()
    got = world.now
    world.now += timedelta(hours=1)
    await pages[JMD].post(f"/inbox/{alert}/accept")
    since = world.now - timedelta(days=90)
    async with world.visiting("jugend", JMD) as conn:
        (row,) = await store.answers(conn, "jugend", JMD, since)
    assert (row["got_at"], row["answered_at"]) == (got, world.now)
    assert responses_of([row], OfficeHours(USUAL)).median == 1.0
    async with world.visiting("wohlfahrt", MBE) as conn:
        rows = await store.answers(conn, "wohlfahrt", MBE, since)
    assert {row["got_at"] for row in rows} == {NOW}


async def test_verdicts_are_kept_of_risks_when_they_end(
    world: World, pages: Pages, people: dict[str, UUID]
) -> None:
    notice = (await alerts(world))[people["a-1"]]
    alert = await risk(world, people["a-1"])
    for one in (notice, alert):
        await pages[MBE].post(f"/inbox/{one}/accept", verdict="useful")
    assert "Was war der Hinweis wert?" not in await pages[MBE].page(f"/inbox/{notice}")
    assert "Was war der Hinweis wert?" in await pages[MBE].page(f"/inbox/{alert}")
    assert await world.value("SELECT count(*) FROM alert WHERE verdict IS NOT NULL") == 0
    await pages[MBE].post(f"/inbox/{notice}/done", verdict="useful")
    await pages[MBE].post(f"/inbox/{alert}/done", verdict="false_alarm")
    rows = await world.rows("SELECT kind, state, verdict FROM alert WHERE state = 'done' ORDER BY kind")
    assert [tuple(row) for row in rows] == [("enrolment", "done", None), ("risk", "done", "false_alarm")]
    assert "Fehlalarm: es war nicht so" in await pages[MBE].page(f"/inbox/{alert}")


async def test_a_verdict_that_is_none_is_not_kept(
    world: World, pages: Pages, people: dict[str, UUID]
) -> None:
    alert = await risk(world, people["a-1"])
    await pages[MBE].post(f"/inbox/{alert}/accept")
    assert (await pages[MBE].post(f"/inbox/{alert}/done", verdict="'; DROP TABLE alert")).status_code == 303
    assert await world.value("SELECT verdict FROM alert WHERE alert_id = $1", alert) is None


async def test_the_lead_sees_caseloads_and_the_offices_figures_but_no_persons_pace(
    world: World, pages: Pages, people: dict[str, UUID]
) -> None:
    notice = await alerts(world)
    alert = await risk(world, people["a-2"])
    await pages[MBE].post("/inbox/several", alert=[str(one) for one in notice.values()], do="accept")
    await pages[MBE].post(f"/inbox/{alert}/accept")
    await pages[MBE].post(f"/inbox/{alert}/done", verdict="useful")
    page = await pages[LEAD].page("/inbox/team")
    text = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert "3 offene Hinweise von höchstens 50" in text
    assert f"Person {MBE} 3 0" in text
    await risk(world, people["a-3"])
    later = await world.value("SELECT alert_id FROM alert WHERE state = 'new'")
    await pages[MBE].post(f"/inbox/{later}/snooze", days="1")
    page = await pages[LEAD].page("/inbox/team")
    off = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert "4 offene Hinweise von höchstens 50" in off
    assert re.search("noch niemand 0 0 . 1", off), "what the link leaves out is counted apart"
    assert 'href="/inbox?state=off">1</a>' in page
    assert listed(await pages[LEAD].page("/inbox?state=unanswered")) == []
    assert len(set(listed(await pages[LEAD].page("/inbox?state=off")))) == 1
    assert f"Person {COLLEAGUE} 0 0" in text
    assert "Die Hälfte der Antworten kam innerhalb von (Stunden) 0" in text  # three counsellors
    assert "kam gar nicht 1 1 0 0 100 % von 1" in text
    await world.rows("UPDATE accounts.person SET active = false, ended_at = now() WHERE key = $1", COLLEAGUE)
    assert "Bei weniger als 3 Beratenden wäre es die Zahl einer Person" in await pages[LEAD].page(
        "/inbox/team"
    )
    for who in (MBE, JMD, DESK):
        assert (await pages[who].get("/inbox/team")).status_code == 403


async def test_first_words_come_in_the_persons_language_once_contact_is_asked_for(
    world: World, pages: Pages, people: dict[str, UUID]
) -> None:
    alert = (await alerts(world))[people["a-1"]]
    assert 'dir="rtl"' not in await pages[MBE].page(f"/inbox/{alert}")
    page = (await pages[MBE].post(f"/inbox/{alert}/contact")).text
    assert '<p class="kern-body" lang="ar" dir="rtl">مرحباً' in page
    assert "Guten Tag. Ich rufe von einer Beratungsstelle an." in page


async def test_the_alert_says_in_words_why_it_came_and_why_not_to_others(
    world: World, pages: Pages, people: dict[str, UUID]
) -> None:
    await world.load_offices(
        office(MBE, languages=["ar"], closed_days=[TODAY], stand_in=JMD),
        office(JMD, age_below=None),
        office(OTHER, kind="municipal"),
    )
    await world.register("b-1")
    await world.keep("b-1", Contact(family_name="Neu", languages=("ar",)))
    person = await world.register("b-1")
    for slug in (MBE, JMD, OTHER):
        await world.consent("b-1", ENROLMENT, office_=slug)
    await world.enrol(person)
    await world.settle()
    alert = (await alerts(world))[person]
    german = await pages[JMD].page(f"/inbox/{alert}")
    for text in (
        f"An der Reihe war Stelle {MBE}; dort ist geschlossen. Ihre Stelle vertritt sie.",
        "Sie ist für den Kreis der Person da.",
        "Sie gehört einem freien Träger",
        "Sie hat heute geschlossen.",
        "Sie spricht keine Sprache der Person.",
    ):
        assert text in german, text
    await pages[JMD].post("/preferences", language="en", back="/inbox")
    english = await pages[JMD].page(f"/inbox/{alert}")
    assert f"It was the turn of Stelle {MBE}, which is closed. Your office stands in for it." in english
    assert "It is closed today." in english
    assert people


async def test_the_page_says_truthfully_who_is_asked_after_declining(
    world: World, pages: Pages, people: dict[str, UUID]
) -> None:
    found = await alerts(world)
    await world.consent("a-1", ENROLMENT, office_=JMD)
    await world.consent("a-2", DROPOUT, office_=JMD)  # for another purpose
    await world.settle()
    nobody = "Die Person hat keiner weiteren Stelle zugestimmt."
    for reference, others in (("a-1", True), ("a-2", False), ("a-3", False)):
        alert = found[people[reference]]
        assert (nobody in await pages[MBE].page(f"/inbox/{alert}")) is not others
        answer = await pages[MBE].post(f"/inbox/{alert}/decline")
        page = await pages[MBE].page(answer.headers["location"])
        assert ("Die nächste Stelle, der die Person zugestimmt hat" in page) is others
        assert ("deshalb wird niemand sonst gefragt" in page) is not others
    await world.settle()
    # The second of two offices is the last: the first has declined.
    alert = found[people["a-1"]]
    assert await world.value("SELECT office FROM alert WHERE alert_id = $1", alert) == JMD
    assert nobody in await pages[JMD].page(f"/inbox/{alert}")
    answer = await pages[JMD].post(f"/inbox/{alert}/decline")
    assert "deshalb wird niemand sonst gefragt" in await pages[JMD].page(answer.headers["location"])
