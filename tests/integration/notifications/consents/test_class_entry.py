"""A class's consents are entered in one go: each person once, with evidence, and nothing for who left."""

from datetime import date, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import httpx

from schemas.identity import event_uuid
from schemas.placements import EnrolmentEnded
from schemas.support import ConsentGranted
from schemas.topics import Family
from services.notifications.people.domain import Contact
from services.notifications.retention import Retention
from tests.notifications.pages import Gateway, Pages, pages_on, said
from tests.notifications.world import DESK, JOBCENTER, MBE, TODAY, World, enrolment, office, step
from tests.rejected import check

NOBODY = "99999999-9999-4999-8999-999999999999"
Ticks: TypeAlias = dict[UUID | str, Any]
PAPER = "Schrank 2, Ordner C-17"


async def seated(world: World, *references: str, desk: str = DESK) -> tuple[UUID, list[UUID]]:
    course = await world.announce()
    people = []
    for reference in references:
        person = await world.register(reference, desk=desk)
        await world.keep(reference, Contact(family_name="Beispiel", given_name=reference), desk=desk)
        await world.say(None, enrolment(person, office=desk))
        people.append(person)
    return course, people


def entered(form_id: str, ticks: Ticks, **changes: str) -> dict[str, Any]:
    fields = {
        "form_id": form_id, "office": MBE, "form": "paper_1", "language": "ar",
        "given_on": TODAY.isoformat(), "paper": PAPER,
    }  # fmt: skip
    return fields | {f"ticked-{person}": purposes for person, purposes in ticks.items()} | changes


async def arrive(world: World, gateway: Gateway, desk: str = DESK) -> None:
    """Let the support side read what the gateway took."""
    for event in gateway.taken:
        granted = ConsentGranted.model_validate(event["data"])
        await world.read(world.incoming(desk, granted, id_=event["id"]))


async def test_a_class_is_entered_in_one_go_with_what_proves_it(world: World) -> None:
    course, (one, two, _three) = await seated(world, "a-1", "a-2", "a-3")
    form = str(uuid4())
    async with pages_on(world, DESK) as pages:
        await world.load_offices(office(MBE))
        assert "Beispiel, a-3" in await pages[DESK].page(f"/classes/{course}")
        ticks: Ticks = {one: ["enrolment_notice", "after_course"], two: ["dropout_support"]}
        for _ in range(2):  # sent twice, it is one entry
            answer = await pages[DESK].post(f"/classes/{course}/consent", **entered(form, ticks))
            assert answer.status_code == 303, answer.text
        assert "von 2 Personen" in await pages[DESK].page(f"/classes/{course}")
        sent = {event["id"]: event["data"] for event in pages.gateway.taken}
        assert len(sent) == 2
        assert {(data["reference"], *data["purposes"]) for data in sent.values()} == {
            ("a-1", "enrolment_notice", "after_course"),
            ("a-2", "dropout_support"),
        }
        assert {data["form"] for data in sent.values()} == {"paper_1"}
        assert PAPER not in str(pages.gateway.taken)  # where papers lie never leaves
        await arrive(world, pages.gateway)
        shown = await pages[DESK].page(f"/classes/{course}")
        assert "Bisher erlaubt:" in shown
    proofs = await world.rows("SELECT * FROM consent_evidence ORDER BY participant_id")
    assert {row["cause"] for row in proofs} == {event_uuid(DESK, Family.SUPPORT, id_) for id_ in sent}
    assert {(row["paper"], row["form"], row["language"], row["entered_by"]) for row in proofs} == {
        (PAPER, "paper_1", "ar", DESK)
    }
    rested = await world.rows("SELECT c.purpose FROM consent AS c JOIN consent_evidence AS e USING (cause)")
    assert sorted(row["purpose"] for row in rested) == ["after_course", "dropout_support", "enrolment_notice"]


RUBBISH = (
    ({"office": "gibt-es-nicht"}, "office"),
    ({"form": "paper_99"}, "form"),
    ({"language": "xx"}, "language"),
    ({"given_on": "bald"}, "given_on"),
    ({"given_on": "0001-01-01"}, "given_on"),
    ({"given_on": (TODAY + timedelta(days=1)).isoformat()}, "given_on"),
    ({"given_on": date(2020, 1, 1).isoformat()}, "given_on"),
    ({"paper": ""}, "paper"),
    ({"paper": "x" * 101}, "paper"),
    ({"paper": "\x00 \x07"}, "paper"),
    ({"paper": "Ordner BEISPIEL"}, "paper"),
    ({"ticked": "x"}, "people"),
)


async def test_rubbish_is_named_at_its_field_and_ticks_stay(world: World) -> None:
    course, (one,) = await seated(world, "a-1")
    await world.load_offices(office(MBE))
    path = f"/classes/{course}/consent"
    async with pages_on(world, DESK) as pages:
        for changes, field in RUBBISH:
            ticks: Ticks = {} if field == "people" else {one: ["enrolment_notice", "unsinn"]}
            answer = await pages[DESK].post(path, **entered(str(uuid4()), ticks, **changes))
            assert check(path, answer) == []
            assert f'href="#{field}"' in answer.text, changes
            assert answer.text.count(" checked") == len(ticks)
        assert (
            await pages[DESK].post(path, **entered("kein-uuid", {one: "after_course"}))
        ).status_code == 422
        assert pages.gateway.taken == []
    assert await world.rows("SELECT FROM consent_evidence") == []


async def test_who_left_meanwhile_doubles_and_foreign_people_get_nothing(world: World) -> None:
    course, (stays, leaves) = await seated(world, "a-1", "a-2")
    _, (foreign,) = await seated(world, "b-1", desk=JOBCENTER)
    await world.load_offices(office(MBE))
    ended = step(
        EnrolmentEnded, leaves, version=9, from_state="started", to_state="left", ended_on=TODAY, office=DESK
    )
    await world.say(None, ended)
    ticks: Ticks = {
        stays: ["enrolment_notice", "enrolment_notice"],
        str(stays).upper(): ["enrolment_notice"],
        leaves: ["enrolment_notice"],
        foreign: ["enrolment_notice"],
        NOBODY: ["enrolment_notice"],
        "<script>": ["enrolment_notice"],
    }
    async with pages_on(world, DESK) as pages:
        answer = await pages[DESK].post(f"/classes/{course}/consent", **entered(str(uuid4()), ticks))
        assert answer.status_code == 303
        assert [event["data"]["reference"] for event in pages.gateway.taken] == ["a-1"]
        assert pages.gateway.taken[0]["data"]["purposes"] == ["enrolment_notice"]
        page = await pages[DESK].page(f"/classes/{course}")
        assert "sitzen nicht mehr in diesem Kurs" in page
        foreign_course = await pages[DESK].get(f"/classes/{NOBODY}")
        assert foreign_course.status_code == 404
    assert {
        row["participant_id"] for row in await world.rows("SELECT participant_id FROM consent_evidence")
    } == {stays}


async def test_an_authority_writes_and_cannot_read(world: World) -> None:
    course, (one,) = await seated(world, "b-1", desk=JOBCENTER)
    await world.load_offices(office(MBE))
    async with pages_on(world, JOBCENTER) as pages:
        ticks: Ticks = {one: ["dropout_support"]}
        answer = await pages[JOBCENTER].post(f"/classes/{course}/consent", **entered(str(uuid4()), ticks))
        assert answer.status_code == 303
        await arrive(world, pages.gateway, JOBCENTER)
        for path in (f"/classes/{course}", f"/people/{one}"):
            page = await pages[JOBCENTER].page(path)
            assert "nicht lesen" in page
            assert "Bisher erlaubt" not in page
            assert PAPER not in page
    assert len(await world.rows("SELECT FROM consent_evidence")) == 1
    async with world.visiting("jobcenter") as conn:
        assert await conn.fetch("SELECT * FROM consent_evidence") == []
        assert await conn.fetch("SELECT * FROM consent") == []
    async with world.visiting("treff") as conn:  # nor does anybody else
        assert await conn.fetch("SELECT * FROM consent_evidence") == []


async def test_when_the_gateway_goes_away_the_rest_can_be_sent_again(world: World) -> None:
    course, people = await seated(world, "a-1", "a-2", "a-3")
    await world.load_offices(office(MBE))
    form = str(uuid4())
    ticks: Ticks = {person: ["enrolment_notice"] for person in people}
    async with pages_on(world, DESK) as pages:
        gateway = breaks_after(pages, 1)
        answer = await pages[DESK].post(f"/classes/{course}/consent", **entered(form, ticks))
        assert answer.status_code == 200
        assert answer.text.count(" checked") == 2
        assert f'value="{form}"' in answer.text
        gateway.left = 99
        answer = await pages[DESK].post(f"/classes/{course}/consent", **entered(form, ticks))
        assert answer.status_code == 303
        assert len({event["id"] for event in pages.gateway.taken}) == 3
        assert said(await pages[DESK].page(f"/classes/{course}"))
    assert len(await world.rows("SELECT FROM consent_evidence")) == 3


class Breaking(Gateway):
    """A gateway that is there for some events."""

    left: int = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.left <= 0:
            return httpx.Response(503)
        self.left -= 1
        return super().answer(request)


def breaks_after(pages: Pages, events: int) -> Breaking:
    breaking = Breaking(pages.gateway.taken)
    breaking.left = events
    pages.gateway.answer = breaking.answer  # type: ignore[method-assign]
    return breaking


async def test_evidence_goes_with_the_person_and_stays_with_nothing_that_arrived(world: World) -> None:
    course, (one, two) = await seated(world, "a-1", "a-2")
    await world.load_offices(office(MBE))
    async with pages_on(world, DESK) as pages:
        ticks: Ticks = {one: ["enrolment_notice"], two: ["enrolment_notice"]}
        await pages[DESK].post(f"/classes/{course}/consent", **entered(str(uuid4()), ticks))
        arrived = pages.gateway.taken[:1]
        pages.gateway.taken[:] = arrived
        await arrive(world, pages.gateway)
    retention = Retention(world.worker, world.policy, world.secrets)
    await retention.clean(world.now + timedelta(days=29))
    assert len(await world.rows("SELECT FROM consent_evidence")) == 2
    await retention.clean(world.now + timedelta(days=31))
    assert len(await world.rows("SELECT FROM consent_evidence")) == 1
