"""Names: sealed at rest, read for a purpose and logged, gone with their keys."""

from datetime import date, timedelta
from uuid import uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from schemas.identity import participant_id
from schemas.offices import Entitlement, ParticipantRegistered
from schemas.placements import PlacementAdvanced
from services.notifications.people import handlers as people
from services.notifications.people.api import PeopleDoor, router
from services.notifications.people.crypto import SealError, unwrap
from services.notifications.people.domain import Contact, Purpose
from services.notifications.people.handlers import Reader
from services.notifications.people.registrations import begin, send_pending
from services.runtime.base.clock import SystemClock
from services.runtime.data.db import transaction, web_transaction
from services.runtime.http.gateway_client import GatewayClient
from tests.notifications.world import DESK, MBE, TODAY, TOWN, World, step

MINA = Contact(
    "Muster", "Mina", date(1999, 5, 2), "0123", "m@example.org", "Weg 1", "00100", "Ort", ("de", "ar")
)


async def look(world: World, organisation: str, purpose: Purpose, reference: str = "a-1") -> Contact | None:
    person = participant_id(DESK, reference)
    async with world.visiting(organisation) as conn:
        reader = Reader(organisation, "somebody", purpose)
        return (await people.read(conn, world.secrets, reader, [person], world.now)).get(person)


async def test_nothing_of_a_person_lies_readable_in_the_database(world: World) -> None:
    await world.keep("a-1", MINA)
    for table in ("person", "person_key", "reconsider", "disclosure_log"):
        text = str(await world.rows(f"SELECT t::text FROM {table} AS t"))
        for secret in ("Muster", "Mina", "1999-05-02", "0123", "m@example.org", "Weg 1"):
            assert secret not in text
            assert secret.encode().hex() not in text


async def test_each_purpose_sees_its_part_and_every_look_is_logged(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.keep("a-1", MINA)
    await world.consent("a-1", "enrolment_notice")
    await world.enrol(person)
    await world.settle()

    assert await look(world, "treff", Purpose.REGISTRATION) == MINA
    roster = await look(world, "vhs", Purpose.ROSTER)
    assert roster == Contact("Muster", "Mina")
    helper = await look(world, "wohlfahrt", Purpose.ENROLMENT_NOTICE)
    assert helper == Contact("Muster", "Mina", phone="0123", email="m@example.org", languages=("de", "ar"))

    rows = await world.rows("SELECT organisation, purpose FROM disclosure_log WHERE actor = 'somebody'")
    assert [tuple(row) for row in rows] == [
        ("treff", "registration"),
        ("vhs", "roster"),
        ("wohlfahrt", "enrolment_notice"),
    ]


async def test_organisations_without_a_disclosure_see_no_name(world: World) -> None:
    await world.register("a-1")
    await world.keep("a-1", MINA)
    for organisation in ("fern", "jugend", "jobcenter", "vhs", "wohlfahrt"):
        for purpose in Purpose:
            assert await look(world, organisation, purpose) is None, (organisation, purpose)
    assert await world.value("SELECT count(*) FROM disclosure_log") == 0


async def test_another_organisation_sees_no_row_of_anything(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.keep("a-1", MINA)
    await world.consent("a-1", "enrolment_notice", "dropout_support")
    await world.enrol(person)
    await world.settle()
    tables = (
        "person", "person_key", "disclosure", "registration", "participant_fact", "placement",
        "placement_offer", "consent", "alert", "alert_step", "escalation", "delivery",
    )  # fmt: skip
    for table in tables:
        async with world.visiting("fern") as conn:
            assert await conn.fetchval(f"SELECT count(*) FROM {table}") == 0, table
        async with web_transaction(world.web) as conn:
            assert await conn.fetchval(f"SELECT count(*) FROM {table}") == 0, table
    for table in ("attendance", "risk", "section_result", "exam_result", "consent_step", "course_day",
                  "disclosure_log"):  # fmt: skip
        async with world.visiting("wohlfahrt") as conn:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.fetchval(f"SELECT count(*) FROM {table}")


async def test_an_authority_writes_consent_and_cannot_read_it(world: World) -> None:
    await world.register("j-1", desk="jobcenter-probe")
    await world.consent("j-1", "dropout_support", desk="jobcenter-probe")
    await world.consent("a-1", "dropout_support")
    for organisation, expected in (("jobcenter", 0), ("treff", 1), ("wohlfahrt", 2)):
        async with world.visiting(organisation) as conn:
            assert await conn.fetchval("SELECT count(*) FROM consent") == expected, organisation


async def test_the_log_can_only_be_added_to(world: World) -> None:
    await world.keep("a-1", MINA)
    await look(world, "treff", Purpose.REGISTRATION)
    for statement in ("DELETE FROM disclosure_log", "UPDATE disclosure_log SET actor = 'nobody'"):
        async with world.worker.acquire() as conn:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(statement)
    before = world.now + timedelta(days=1)
    assert await world.value("SELECT erase_disclosure_log($1)", before) == 1


async def test_without_the_wrapped_key_nobody_can_read(world: World) -> None:
    await world.keep("a-1", MINA)
    row = (
        await world.rows(
            "SELECT sealed, wrapped, participant_id FROM person JOIN person_key USING (participant_id)"
        )
    )[0]
    person = row["participant_id"]
    secret = (await world.secrets.of([person]))[person]
    assert unwrap(row["wrapped"], secret, person, "treff")
    for other, whose, organisation in (
        (secret, person, "vhs"),
        (bytes(32), person, "treff"),
        (secret, uuid4(), "treff"),
    ):
        with pytest.raises(SealError):
            unwrap(row["wrapped"], other, whose, organisation)


async def test_a_roster_opens_with_acceptance_and_closes_with_refusal(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.keep("a-1", MINA)
    for version, before, after, seen in (
        (1, "proposed", "reserved", False),
        (2, "reserved", "accepted", True),
        (3, "accepted", "refused", False),
    ):
        await world.say(
            None, step(PlacementAdvanced, person, version=version, from_state=before, to_state=after)
        )
        assert (await look(world, "vhs", Purpose.ROSTER) is not None) is seen
    assert await world.value("SELECT count(*) FROM person_key") == 1


async def test_a_roster_closes_some_days_after_the_end(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.keep("a-1", MINA)
    await world.enrol(person)
    world.now += timedelta(days=200 + 14)
    assert await look(world, "vhs", Purpose.ROSTER) is not None
    world.now += timedelta(days=1)
    assert await look(world, "vhs", Purpose.ROSTER) is None
    async with transaction(world.worker) as conn:
        assert await people.end_expired_disclosures(conn, world.now) == 1
    assert await world.value("SELECT count(*) FROM person_key") == 1


async def test_contact_data_that_come_later_reach_who_may_read(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", "enrolment_notice")
    await world.enrol(person)
    await world.settle()
    await world.keep("a-1", MINA)
    await world.settle()
    assert await look(world, "wohlfahrt", Purpose.ENROLMENT_NOTICE) is not None


async def test_orphans_are_erased_and_registered_people_are_not(world: World) -> None:
    await world.keep("a-1", MINA)
    await world.keep("a-2", MINA)
    await world.register("a-2")
    world.now += timedelta(days=8)
    async with transaction(world.worker) as conn:
        assert await people.erase_orphans(conn, world.secrets, 7, world.now) == 1
    assert await world.value("SELECT reference FROM person") == "a-2"


def door_of(world: World, host: str = "127.0.0.1") -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(router(PeopleDoor(world.worker, SystemClock(), world.secrets, "people-key")))
    transport = httpx.ASGITransport(app=app, client=(host, 4711))
    headers = {"Authorization": "Bearer people-key"}
    return httpx.AsyncClient(transport=transport, base_url="http://notifications", headers=headers)


def body(reference: str = "a-1", **contact: object) -> dict[str, object]:
    return {"publisher": DESK, "organisation": "treff", "reference": reference, "contact": contact}


async def test_put_people_is_idempotent_and_adds(world: World) -> None:
    person = participant_id(DESK, "a-1")
    async with door_of(world) as client:
        for contact in (
            {"family_name": "Muster"},
            {"family_name": "Muster"},
            {"phone": "0123", "given_name": ""},
        ):
            answer = await client.put(f"/people/{person}", json=body(**contact))
            assert answer.status_code == 204
    assert await look(world, "treff", Purpose.REGISTRATION) == Contact("Muster", phone="0123")


async def test_put_people_refuses_without_repeating_what_was_said(world: World) -> None:
    person = participant_id(DESK, "a-1")
    async with door_of(world) as client:
        bad = await client.put(f"/people/{person}", json=body(email="Muster at home", birth_date="gestern"))
        assert bad.status_code == 422
        assert {p["field"] for p in bad.json()["problems"]} == {"contact.email", "contact.birth_date"}
        assert "Muster" not in bad.text
        assert "gestern" not in bad.text
        for year in ("0985", "1900", "2199"):
            born = await client.put(f"/people/{person}", json=body(birth_date=f"{year}-01-01"))
            assert born.status_code == 422
            assert born.json()["problems"] == [{"code": "field_invalid", "field": "contact.birth_date"}]
        other = await client.put(f"/people/{uuid4()}", json=body(family_name="Muster"))
        assert other.json()["problems"][0]["code"] == "participant_mismatch"
        foreign = body(family_name="Muster") | {"organisation": "fern"}
        assert (await client.put(f"/people/{person}", json=body(family_name="Muster"))).status_code == 204
        assert (await client.put(f"/people/{person}", json=foreign)).status_code == 409
        client.headers["Authorization"] = "Bearer wrong"
        assert (await client.put(f"/people/{person}", json=body())).status_code == 401
    async with door_of(world, host="192.0.2.7") as client:
        assert (await client.put(f"/people/{person}", json=body())).status_code == 403


async def test_the_desk_keeps_and_the_worker_sends_until_accepted(world: World) -> None:
    answers = [503, 202]
    asked: list[httpx.Request] = []

    def gateway(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(answers.pop(0), json={})

    said = ParticipantRegistered(
        reference="a-7",
        registered_on=TODAY,
        kreis="99001",
        town=TOWN,
        entitlement=Entitlement(standing="entitled", route="aufenthg_44_1"),
        course_types=("integration_general",),
    )
    data = said.model_dump(mode="json", exclude_none=True)
    async with world.visiting("treff") as conn:
        event = await begin(
            conn, world.secrets, office=DESK, organisation="treff", data=data, contact=MINA, now=world.now
        )
    async with httpx.AsyncClient(transport=httpx.MockTransport(gateway)) as client:
        door = GatewayClient(client, "https://gateway", "key")
        assert await send_pending(world.worker, door, world.now, only=event) == 0
        assert await world.value("SELECT state FROM registration") == "pending"
        assert await send_pending(world.worker, door, world.now) == 0  # not due yet
        assert await send_pending(world.worker, door, world.now, only=event) == 1
    assert await world.value("SELECT state FROM registration") == "accepted"
    assert {request.headers["X-Kurslotse-Publisher"] for request in asked} == {DESK}
    assert all(b"Muster" not in request.content for request in asked)
    assert await look(world, "treff", Purpose.REGISTRATION, "a-7") == MINA
    assert MBE not in str(asked)
