"""A school enters what its class has signed: it counts as the registering office's, who alone sees more."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from schemas.erasures import ParticipantErased
from schemas.identity import event_uuid, participant_id
from schemas.placements import EnrolmentEnded
from schemas.support import ConsentCollected, ConsentGranted
from schemas.topics import EVENT_TYPES, Family
from services.notifications.erasures.handlers import Erasures
from services.notifications.people.domain import Contact
from services.runtime.data.db import transaction
from services.runtime.events.subscription import Applied, Problem, Rejected
from tests.identity import IDENTITY_KEY
from tests.notifications.pages import Gateway, pages_on
from tests.notifications.world import (
    DESK,
    JOBCENTER,
    MBE,
    NOW,
    OTHER,
    PROVIDER,
    SISTERS,
    TODAY,
    World,
    enrolment,
    office,
    step,
)
from tests.rejected import check

FAULT = "gab es an diesem Tag noch nicht"
PAPER = "Schule, Schrank 2"
NOT_SEATED = Rejected(Problem("participant_not_in_course", field="participant"))


async def seated(world: World, *references: str, desk: str = DESK) -> tuple[UUID, list[UUID]]:
    course = await world.announce()
    people = []
    for reference in references:
        person = await world.register(reference, desk=desk)
        await world.keep(reference, Contact(family_name="Beispiel", given_name=reference), desk=desk)
        await world.say(None, enrolment(person, office=desk))
        people.append(person)
    await world.load_offices(office(MBE), office(OTHER))
    return course, people


def entered(ticks: dict[UUID | str, Any], form_id: str = "", **changes: str) -> dict[str, Any]:
    fields = {
        "form_id": form_id or str(uuid4()), "office": MBE, "form": "paper_1", "language": "ar",
        "given_on": TODAY.isoformat(), "paper": PAPER,
    }  # fmt: skip
    return fields | {f"ticked-{person}": purposes for person, purposes in ticks.items()} | changes


def collected(person: UUID, *purposes: str, course: str = "k-1", to: str = MBE) -> ConsentCollected:
    return ConsentCollected(
        course=course, participant=person, office=to, purposes=purposes, given_on=TODAY, form="paper_1"
    )


async def arrive(world: World, gateway: Gateway) -> None:
    """Let the support side read what the gateway took of the school."""
    for event in gateway.taken:
        said = ConsentCollected.model_validate(event["data"])
        await world.read(world.incoming(PROVIDER, said, id_=event["id"]))


def without_ids(page: str) -> str:
    return re.sub(r'value="[^"]*"', "", page)


async def consents(world: World) -> list[tuple[Any, ...]]:
    rows = await world.rows(
        "SELECT participant_id, office, purpose, registrar, ended_at IS NULL FROM consent ORDER BY 1, 2, 3"
    )
    return [tuple(row.values()) for row in rows]


async def test_the_school_enters_and_the_registering_office_has_it(world: World) -> None:
    course, (one, two, _three) = await seated(world, "a-1", "a-2", "a-3")
    path, form = f"/roster/{course}/consents", str(uuid4())
    async with pages_on(world, PROVIDER, DESK) as pages:
        assert path in await pages[PROVIDER].page(f"/roster/{course}")
        shown = await pages[PROVIDER].page(path)
        assert "Beispiel, a-3" in shown
        assert "a-1</span>" not in shown  # the office's reference is none of the school's
        ticks: dict[UUID | str, Any] = {one: ["enrolment_notice", "after_course"], two: ["dropout_support"]}
        for _ in range(2):  # sent twice, it is one entry
            answer = await pages[PROVIDER].post(path, **entered(ticks, form))
            assert answer.status_code == 303, answer.text
        assert len({event["id"] for event in pages.gateway.taken}) == 2
        assert PAPER not in str(pages.gateway.taken)
        assert "Beispiel" not in str(pages.gateway.taken)
        await arrive(world, pages.gateway)
        assert await consents(world) == sorted([
            (one, MBE, "after_course", DESK, True),
            (one, MBE, "enrolment_notice", DESK, True),
            (two, MBE, "dropout_support", DESK, True),
        ])  # fmt: skip
        assert "von 2 Personen" in await pages[PROVIDER].page(path)
        shown = await pages[PROVIDER].page(path)
        assert shown.count("Ihre Schule hat am 02.03.2026 ein Blatt eingetragen.") == 2
        assert "Bisher erlaubt" not in shown
        assert PAPER not in shown
        at_desk = await pages[DESK].page(f"/people/{one}")
        assert PAPER in at_desk
        assert "eingetragen von" in at_desk
        assert "Bisher erlaubt:" in await pages[DESK].page(f"/classes/{course}")
        await pages[DESK].post(f"/people/{one}/revoke", form=str(uuid4()))
        assert pages.gateway.taken[-1]["type"] == "de.kurslotse.consent-revoked.v1"
        await world.revoke("a-1")
        assert (one, MBE, "after_course", DESK, False) in await consents(world)
        after = await pages[PROVIDER].page(path)
        assert without_ids(after) == without_ids(shown)  # what became of it is the school's to know nowhere
    proofs = await world.rows("SELECT cause, organisation, office, entered_by FROM consent_evidence")
    assert {row["cause"] for row in proofs} == {
        event_uuid(PROVIDER, Family.SUPPORT, event["id"])
        for event in pages.gateway.taken
        if event["type"] == ConsentCollected.type_
    }
    assert {(row["organisation"], row["office"], row["entered_by"]) for row in proofs} == {
        ("vhs", PROVIDER, PROVIDER)
    }
    assert EVENT_TYPES[ConsentCollected.type_].family is Family.SUPPORT  # steering cannot read that topic


async def test_an_alert_follows_as_from_any_consent(world: World) -> None:
    _, (one, _) = await seated(world, "a-1", "a-2")
    assert await world.say(PROVIDER, collected(one, "enrolment_notice")) == [Applied()]
    await world.settle()
    assert [row["participant_id"] for row in await world.rows("SELECT participant_id FROM alert")] == [one]


async def test_who_may_read_what_proves_it(world: World) -> None:
    course, (one,) = await seated(world, "a-1")
    other, (two,) = await seated(world, "b-1", desk=JOBCENTER)
    assert course == other
    async with pages_on(world, PROVIDER) as pages:
        ticks: dict[UUID | str, Any] = {one: ["dropout_support"], two: ["dropout_support"]}
        await pages[PROVIDER].post(f"/roster/{course}/consents", **entered(ticks))
        await arrive(world, pages.gateway)

    async def seen(organisation: str, *offices: str) -> set[UUID]:
        async with world.visiting(organisation, *offices) as conn:
            return {row["participant_id"] for row in await conn.fetch("SELECT * FROM consent_evidence")}

    assert await seen("vhs", PROVIDER) == {one, two}
    assert await seen("vhs", SISTERS[PROVIDER]) == set()
    assert await seen("treff", DESK) == {one}
    assert await seen("treff", SISTERS[DESK]) == set()
    assert await seen("jobcenter") == set()  # an authority reads none, not even of its own people
    assert await seen("wohlfahrt") == set()
    async with world.visiting("vhs", PROVIDER) as conn:
        assert await conn.fetch("SELECT FROM consent") == []
        assert await conn.fetch("SELECT FROM alert") == []


async def test_a_school_speaks_of_its_own_courses_and_of_who_sits_there(world: World) -> None:
    course, (one, left) = await seated(world, "a-1", "a-2")
    waits = await world.register("a-3")
    ended = step(
        EnrolmentEnded, left, version=9, from_state="started", to_state="left", ended_on=TODAY, office=DESK
    )
    await world.say(None, ended)
    foreign = SISTERS[PROVIDER]
    nobody = participant_id(DESK, "a-99")
    for publisher, said in (
        (PROVIDER, collected(waits, "dropout_support")),
        (PROVIDER, collected(left, "dropout_support")),
        (PROVIDER, collected(nobody, "dropout_support")),
        (PROVIDER, collected(one, "dropout_support", course="k-2")),
        (foreign, collected(one, "dropout_support")),
    ):
        assert await world.say(publisher, said) == [NOT_SEATED]
    assert await consents(world) == []
    async with pages_on(world, PROVIDER, foreign, DESK) as pages:
        path = f"/roster/{course}/consents"
        assert (await pages[foreign].get(path)).status_code == 404
        assert (await pages[foreign].post(path, **entered({one: ["after_course"]}))).status_code == 404
        assert (await pages[DESK].get(path)).status_code == 403
        ticks: dict[UUID | str, Any] = {
            one: ["enrolment_notice", "enrolment_notice", "alles"], left: ["enrolment_notice"],
            waits: ["enrolment_notice"], nobody: ["after_course"], "<script>": ["after_course"],
        }  # fmt: skip
        assert (await pages[PROVIDER].post(path, **entered(ticks))).status_code == 303
        (event,) = pages.gateway.taken
        assert event["data"]["participant"] == str(one)
        assert event["data"]["purposes"] == ["enrolment_notice"]
        assert "sitzen nicht mehr in diesem Kurs" in await pages[PROVIDER].page(path)
        await world.say(
            None, ended.model_copy(update={"participant": one, "placement": enrolment(one).placement})
        )
        assert (await pages[PROVIDER].get(path)).status_code == 404  # nobody sits there any more
        await arrive(world, pages.gateway)
    assert (
        await consents(world) == []
    )  # who left while it was on its way is no longer the school's to tell of


RUBBISH = (
    ({"office": "gibt-es-nicht"}, "office"),
    ({"form": "paper_99"}, "form"),
    ({"language": "xx"}, "language"),
    ({"given_on": "0001-01-01"}, "given_on"),
    ({"given_on": (TODAY + timedelta(days=1)).isoformat()}, "given_on"),
    ({"given_on": date(2020, 1, 1).isoformat()}, "given_on"),
    ({"paper": "x" * 101}, "paper"),
    ({"paper": "Akte BEISPIEL"}, "paper"),
)


async def test_rubbish_is_named_at_its_field_and_ticks_stay(world: World) -> None:
    course, (one,) = await seated(world, "a-1")
    path = f"/roster/{course}/consents"
    async with pages_on(world, PROVIDER) as pages:
        for changes, field in RUBBISH:
            answer = await pages[PROVIDER].post(path, **entered({one: ["enrolment_notice"]}, **changes))
            assert check(path, answer) == []
            assert f'href="#{field}"' in answer.text, changes
            assert answer.text.count(" checked") == 1
        unoffered: list[dict[UUID | str, Any]] = [{}, {one: ["alles"]}]
        for ticks in unoffered:
            answer = await pages[PROVIDER].post(path, **entered(ticks))
            assert check(path, answer) == []
            assert 'href="#people"' in answer.text
        assert pages.gateway.taken == []
    assert await world.rows("SELECT FROM consent_evidence") == []


@pytest.mark.parametrize("where", [PROVIDER, DESK])
async def test_no_paper_is_older_than_its_words(world: World, where: str) -> None:
    course, (one,) = await seated(world, "a-1")
    world.now = datetime(2026, 12, 7, 9, tzinfo=UTC)
    path = f"/roster/{course}/consents" if where == PROVIDER else f"/classes/{course}/consent"
    async with pages_on(world, where) as pages:
        for day, status in (("2026-11-29", 422), ("2026-11-30", 303)):
            answer = await pages[where].post(path, **entered({one: ["after_course"]}, given_on=day))
            assert answer.status_code == status
            assert (FAULT in answer.text) is (status == 422)
        assert len(pages.gateway.taken) == 1
        if where == DESK:
            fields = {
                "office": MBE,
                "purpose": "after_course",
                "form": str(uuid4()),
                "given_on": "2026-11-29",
            }
            assert (await pages[DESK].post(f"/people/{one}/consent", **fields)).status_code == 422


async def test_two_hundred_people_in_one_form(world: World) -> None:
    course, people = await seated(world, *(f"a-{number}" for number in range(200)))
    ticks: dict[UUID | str, Any] = {
        person: ["enrolment_notice", "dropout_support", "after_course"] for person in people
    }
    async with pages_on(world, PROVIDER) as pages:
        answer = await pages[PROVIDER].post(f"/roster/{course}/consents", **entered(ticks))
        assert answer.status_code == 303
        assert len(pages.gateway.taken) == 200
        await arrive(world, pages.gateway)
    assert len(await consents(world)) == 600


async def test_the_erased_come_back_by_no_paper(world: World) -> None:
    course, (one, two) = await seated(world, "a-1", "a-2")
    async with pages_on(world, PROVIDER) as pages:
        ticks: dict[UUID | str, Any] = {one: ["after_course"], two: ["after_course"]}
        shown = await pages[PROVIDER].get(f"/roster/{course}/consents")
        assert shown.status_code == 200
        await erase(world, one)
        answer = await pages[PROVIDER].post(f"/roster/{course}/consents", **entered(ticks))
        assert answer.status_code == 303
        assert {event["data"]["participant"] for event in pages.gateway.taken} == {str(two)}
        assert await world.say(PROVIDER, collected(one, "after_course")) == [NOT_SEATED]
        await arrive(world, pages.gateway)
    assert {row[0] for row in await consents(world)} == {two}
    assert {row["participant_id"] for row in await world.rows("SELECT * FROM consent_evidence")} == {two}


async def erase(world: World, person: UUID) -> None:
    erased = ParticipantErased(
        erasure=uuid4(), tombstones=(IDENTITY_KEY.tombstone(person).hex(),), office=DESK, erased_on=TODAY,
        decided_at=NOW,
    )  # fmt: skip
    async with transaction(world.worker) as conn:
        await Erasures(world.secrets, world.policy.retention).read(
            conn, [world.incoming(None, erased)], world.now
        )


async def test_a_school_takes_its_own_entry_back_and_learns_nothing_by_it(world: World) -> None:
    _, (one, two) = await seated(world, "a-1", "a-2")
    await world.consent("a-2", "after_course", office_=OTHER)
    for person in (one, two):
        said = collected(person, "after_course")
        await world.read(world.incoming(PROVIDER, said, id_=f"e-{person}"))
    await world.revoke("a-2", office_=MBE)
    for person in (one, two):  # of one it still holds, of the other not: the same answer
        said = collected(person, "after_course")
        back = world.incoming(PROVIDER, said, id_=f"b-{person}", retracts=f"e-{person}")
        assert await world.read(back) == [Applied()]
    assert [row for row in await consents(world) if row[-1]] == [(two, OTHER, "after_course", DESK, True)]


async def test_a_corrected_entry_ends_what_it_leaves_out(world: World) -> None:
    _, (one,) = await seated(world, "a-1")
    first = world.incoming(PROVIDER, collected(one, "after_course", "dropout_support"), id_="e-1")
    await world.read(first)
    second = world.incoming(PROVIDER, collected(one, "dropout_support"), id_="e-2", corrects="e-1")
    assert await world.read(second) == [Applied()]
    assert [row[2] for row in await consents(world) if row[-1]] == ["dropout_support"]


async def test_nobody_signs_on_a_day_that_is_still_to_come(world: World) -> None:
    _, (one, two) = await seated(world, "a-1", "a-2")
    ahead = Rejected(Problem("given_in_future", field="given_on"))
    for days in (2, 3650):
        day = TODAY + timedelta(days=days)
        later = collected(one, "dropout_support").model_copy(update={"given_on": day})
        assert await world.say(PROVIDER, later) == [ahead]
        granted = ConsentGranted(reference="a-1", office=MBE, purposes=("dropout_support",), given_on=day)
        assert await world.say(DESK, granted) == [ahead]
    assert await consents(world) == []
    tomorrow = collected(two, "dropout_support").model_copy(update={"given_on": TODAY + timedelta(days=1)})
    assert await world.say(PROVIDER, tomorrow) == [Applied()]  # their clock may be ahead of ours
