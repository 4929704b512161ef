"""A counselling office enters that somebody takes consent back; after it the office knows nothing more."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from schemas.placements import ParticipantsMerged
from services.notifications.alerts.domain import AlertCommand
from services.notifications.alerts.handlers import answer
from services.notifications.people.domain import Contact
from tests.notifications.pages import Pages, pages_on
from tests.notifications.world import (
    DESK,
    JMD,
    MBE,
    OTHER,
    PROVIDER,
    TODAY,
    World,
    enrolment,
    office,
    school_days,
)
from tests.rejected import check

CANARY = "Frau Beispiel ist beim Arzt"
ALL = ("enrolment_notice", "dropout_support", "after_course")


async def consenting(world: World, *purposes: str) -> tuple[UUID, UUID]:
    """Return a person who allows one office all of it and another one some, and the office's first alert."""
    await world.load_offices(office(MBE), office(OTHER, catchment=["99002"]))
    await world.announce()
    person = await world.register("a-1")
    await world.keep("a-1", Contact(family_name="Beispiel", given_name="Berta", phone="0151 4711"))
    await world.say(None, enrolment(person))
    await world.consent("a-1", *(purposes or ALL))
    await world.consent("a-1", "after_course", office_=OTHER)
    await world.settle()
    return person, await world.value("SELECT alert_id FROM alert WHERE office = $1", MBE)


async def take_back(pages: Pages, alert: UUID, **changes: Any) -> Any:  # noqa: ANN401 - an answer
    fields = {"purpose": list(ALL), "said_on": TODAY.isoformat(), "how": "telephone"} | changes
    return await pages[MBE].post(f"/inbox/{alert}/take-back", **fields)


async def open_consents(world: World) -> set[tuple[str, str]]:
    rows = await world.rows("SELECT office, purpose FROM consent WHERE ended_at IS NULL")
    return {(row["office"], row["purpose"]) for row in rows}


async def test_it_counts_at_once_and_nothing_of_the_person_is_left_to_the_office(world: World) -> None:
    person, alert = await consenting(world)
    for day in school_days(TODAY, 5):
        world.now += timedelta(days=1)
        await world.attend("k-1", day, {person: "U"})
    await world.settle()
    assert len(await world.rows("SELECT FROM alert WHERE office = $1", MBE)) == 2
    async with world.visiting("wohlfahrt", MBE) as conn:
        await answer(conn, alert, AlertCommand.ACCEPT, world.now, reason=CANARY, person="x")
    async with pages_on(world, MBE, DESK) as pages:
        shown = await pages[MBE].post(f"/inbox/{alert}/contact")
        assert "Beispiel" in shown.text
        assert (await take_back(pages, alert)).status_code == 303
        assert await open_consents(world) == {(OTHER, "after_course")}
        page = await pages[MBE].page(f"/inbox/{alert}")
        after = await pages[MBE].post(f"/inbox/{alert}/contact")
        for text in (page, after.text, await pages[MBE].page("/inbox")):
            assert "Beispiel" not in text
            assert "0151 4711" not in text
        assert "zurückgenommen" in page
        assert f"/inbox/{alert}/take-back" not in page
        assert (await take_back(pages, alert)).status_code == 409  # sent twice
        desk = await pages[DESK].page(f"/people/{person}")
        assert "zurückgenommen am" in desk
        assert "am Telefon" not in desk  # that the person spoke with a counselling office is theirs
        assert "eingetragen von" not in desk
    assert await world.rows("SELECT FROM attendance") == []
    assert await world.rows("SELECT FROM risk") == []
    assert {row["state"] for row in await world.rows("SELECT state FROM alert WHERE office = $1", MBE)} == {
        "withdrawn"
    }
    assert await world.rows("SELECT FROM alert WHERE office = $1 AND participant_id IS NOT NULL", MBE) == []
    assert {
        (row["routing"] == {}, tuple(row["chain"]), row["reason"]["params"] == {})
        for row in await world.rows("SELECT routing, chain, reason FROM alert WHERE office = $1", MBE)
    } == {(True, (), True)}
    assert {row["reason"] for row in await world.rows("SELECT reason FROM alert_step")} == {
        "",
        "consent_ended",
    }
    assert await world.rows("SELECT FROM disclosure WHERE office = $1 AND ended_at IS NULL", MBE) == []
    assert await world.rows("SELECT FROM person_key WHERE organisation = 'wohlfahrt'") == []
    (proof,) = await world.rows("SELECT * FROM consent_evidence")
    assert (proof["told"], proof["entered_by"], proof["office"]) == ("telephone", MBE, MBE)
    steps = await world.rows("SELECT purpose, said_on FROM consent_step WHERE cause = $1", proof["cause"])
    assert {(row["purpose"], row["said_on"]) for row in steps} == {(purpose, TODAY) for purpose in ALL}
    for organisation in ("wohlfahrt", "treff", "jobcenter", "vhs", "fern"):  # no page reads how it was said
        async with world.visiting(organisation) as conn:
            assert await conn.fetch("SELECT FROM consent_evidence") == []


async def test_a_part_is_taken_back_and_the_rest_holds(world: World) -> None:
    _, alert = await consenting(world)
    async with pages_on(world, MBE) as pages:
        assert (await take_back(pages, alert, purpose=["after_course", "alles"])).status_code == 303
        page = await pages[MBE].page(f"/inbox/{alert}")
        assert 'id="purpose-enrolment_notice"' in page
        assert 'id="purpose-after_course"' not in page
    assert await open_consents(world) == {
        (OTHER, "after_course"),
        (MBE, "enrolment_notice"),
        (MBE, "dropout_support"),
    }
    assert await world.value("SELECT state FROM alert WHERE alert_id = $1", alert) == "new"


async def test_rubbish_changes_nothing_and_keeps_the_ticks(world: World) -> None:
    _, alert = await consenting(world)
    before = await open_consents(world)
    async with pages_on(world, MBE) as pages:
        for changes, field in (
            ({"purpose": []}, "purpose"),
            ({"purpose": ["alles"]}, "purpose"),
            ({"said_on": "gestern"}, "said_on"),
            ({"said_on": (TODAY + timedelta(days=1)).isoformat()}, "said_on"),
            ({"said_on": (TODAY - timedelta(days=1)).isoformat()}, "said_on"),
            ({"said_on": "0001-01-01"}, "said_on"),
            ({"how": "brieftaube"}, "how"),
        ):
            wrong: dict[str, Any] = {"purpose": ["after_course"]} | changes
            answer = await take_back(pages, alert, **wrong)
            assert check(f"/inbox/{alert}/take-back", answer) == [], changes
            assert f'href="#{field}"' in answer.text, changes
            assert answer.text.count(" checked") == (0 if field == "purpose" else 1)
    assert await open_consents(world) == before
    assert await world.rows("SELECT FROM consent_evidence") == []


async def test_no_other_office_school_or_desk_can(world: World) -> None:
    _, alert = await consenting(world)
    before = await open_consents(world)
    path = f"/inbox/{alert}/take-back"
    fields = {"purpose": list(ALL), "said_on": TODAY.isoformat(), "how": "talk"}
    async with pages_on(world, OTHER, JMD, DESK, PROVIDER) as pages:
        for who, status in ((OTHER, 404), (JMD, 404), (DESK, 403), (PROVIDER, 403)):
            assert (await pages[who].post(path, **fields)).status_code == status, who
    assert await open_consents(world) == before


async def test_who_was_merged_takes_it_back_under_each_id(world: World) -> None:
    person, alert = await consenting(world)
    twin = await world.register("a-2")
    await world.consent("a-2", "dropout_support")
    await world.say(None, ParticipantsMerged(merged=twin, into=person, kreis="99001", decided_at=world.now))
    async with pages_on(world, MBE) as pages:
        assert (await take_back(pages, alert)).status_code == 303
    assert await open_consents(world) == {(OTHER, "after_course")}


async def test_what_the_office_ended_can_be_given_again(world: World) -> None:
    person, alert = await consenting(world)
    async with pages_on(world, MBE) as pages:
        await take_back(pages, alert)
        await world.consent("a-1", "enrolment_notice")
        await world.settle()
        assert "Beispiel" in (await pages[MBE].post(f"/inbox/{alert}/contact")).text
    assert await world.value("SELECT participant_id FROM alert WHERE alert_id = $1", alert) == person
