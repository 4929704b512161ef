"""The whole gateway on real servers: registration, doors, the way back, one bad publisher among good ones."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import aiokafka.errors
import pytest

from schemas.gateway import FindingRaised
from schemas.identity import addressed_id
from schemas.placements import EnrolmentConfirmed, PlaceReserved, Reason
from services.gateway.publishers.domain import Registration
from services.runtime.kafka.administration import parse_address
from tests.fixtures.gateway.process import NOON, PUBLISHERS, Gateway
from tests.fixtures.gateway.world import course, structured
from tests.waiting import wait_until

STRUCTURED = {"Content-Type": "application/cloudevents+json"}


async def test_publishers_are_registered_once_announced_and_can_speak(gateway: Gateway) -> None:
    again = await gateway.register(*PUBLISHERS)
    assert [(one.version, one.created, one.key) for one in again] == [(1, False, None)] * 2
    (changed,) = await gateway.register(
        Registration(
            "schule", "Schule am Markt (erfunden)", ("provider",), ("99001", "99002"), authority=False
        )
    )
    assert (changed.version, changed.key) == (2, None)
    await gateway.start()

    async def announced() -> list[tuple[str, int]]:
        found = await gateway.read(f"{gateway.prefix}kurslotse.publishers")
        return [(record.key, record.data["version"]) for record in found]

    await wait_until(lambda: _are(announced, [("schule", 1), ("amt", 1), ("schule", 2)]), 20)
    async with gateway.client("schule") as client:
        answer = await client.post(
            "/v1/events", json=structured("course-announced", "e-1", course()), headers=STRUCTURED
        )
        assert answer.status_code == 202
    topic = f"{gateway.prefix}kurslotse.in.schule"
    (record,) = await wait_until(lambda: gateway.read(topic), 20)
    assert (record.id, record.headers["ce_source"], record.data) == ("e-1", "/schule", course())
    assert await gateway.stop() == 0


async def _are(read: object, expected: object) -> bool:
    return bool(await read() == expected)  # type: ignore[operator]


async def test_a_publisher_writes_its_own_topics_only(gateway: Gateway) -> None:
    """The broker itself refuses; needs a broker with access control, which the embedded one has."""
    kafka = parse_address(gateway.servers.kafka)
    (made,) = await gateway.register(
        Registration("neu", "Neu (erfunden)", ("provider",), ("99001",), authority=False)
    )
    try:
        if not made.enforced:
            assert made.kafka_user is None
            return
        address = f"sasl://{made.kafka_user}:{made.kafka_password}@{kafka.servers}"
        async with gateway.producer(address) as producer:
            await producer.send_and_wait(f"{gateway.prefix}kurslotse.in.neu", b"{}")
            for forbidden in ("in.schule", "out.neu", "placements"):
                with pytest.raises(aiokafka.errors.TopicAuthorizationFailedError):
                    await producer.send_and_wait(f"{gateway.prefix}kurslotse.{forbidden}", b"{}")
    finally:
        gateway.admin.remove(users=[f"{gateway.prefix}pub.neu"])


def reserved(provider: str = "schule", office: str = "amt") -> PlaceReserved:
    return PlaceReserved(
        placement=uuid4(),
        version=2,
        participant=uuid4(),
        course=uuid4(),
        provider=provider,
        own_course="IK-1",
        office=office,
        kreis="99001",
        entry_section=1,
        starts_on=NOON.date(),
        ends_on=NOON.date(),
        from_state="proposed",
        to_state="reserved",
        reason=Reason(code="confirmed_by_person"),
        decided_at=NOON,
        expires_at=datetime(2027, 1, 7, tzinfo=UTC),
    )


async def test_what_is_addressed_to_a_publisher_reaches_it_once(gateway: Gateway) -> None:
    await gateway.start()
    topic = f"{gateway.prefix}kurslotse.placements"
    data = reserved()
    id_ = uuid4()
    for _ in range(2):  # delivered twice
        await gateway.say(
            topic, data, str(data.participant), id=str(id_), audience=("schule", "amt", "nobody")
        )
    confirmed = EnrolmentConfirmed(
        **(data.model_dump(exclude={"expires_at"}) | {"version": 3, "own_number": "TN-77"})
    )
    await gateway.say(topic, confirmed, str(data.participant), audience=("amt",))
    async with gateway.client("amt") as office, gateway.client("schule") as school:

        async def feed() -> list[str]:
            return [item["event"]["type"] for item in (await office.get("/v1/addressed")).json()["events"]]

        await wait_until(lambda: _are(feed, [PlaceReserved.type_, EnrolmentConfirmed.type_]), 25)
        (mine,) = (await school.get("/v1/addressed")).json()["events"]
    assert mine["event"]["id"] == str(addressed_id(id_, "schule"))
    assert mine["event"]["data"]["placement"] == str(data.placement)
    out = await wait_until(lambda: gateway.read(f"{gateway.prefix}kurslotse.out.schule"), 20)
    assert [(record.id, record.headers["ce_audience"]) for record in out] == [
        (str(addressed_id(id_, "schule")), "schule")
    ]
    async with gateway.client() as nobody:
        assert (await nobody.get("/v1/addressed")).status_code == 401
    from services.runtime.data.db import connect  # noqa: PLC0415

    conn = await connect(gateway.database.worker, name="test")
    rows = await conn.fetch("SELECT publisher, number, participant FROM own_number")
    await conn.close()
    assert [tuple(row) for row in rows] == [("schule", "TN-77", data.participant)]


def raised(slug: str, offset: int, **more: object) -> FindingRaised:
    values = {
        "publisher": slug,
        "kind": "rejected",
        "code": "course_unknown",
        "topic": f"kurslotse.in.{slug}",
        "partition": 0,
        "offset": offset,
        "raised_at": NOON,
    }
    return FindingRaised.model_validate(values | more)


async def test_findings_of_both_sides_come_back_and_unreadable_records_stop_nobody(gateway: Gateway) -> None:
    await gateway.start()
    steering = f"{gateway.prefix}kurslotse.findings.steering"
    support = f"{gateway.prefix}kurslotse.findings.support"
    async with gateway.producer() as producer:
        for value, headers in ((b"\xff\xfe", []), (b"{", [("ce_type", b"\xff")]), (None, [])):
            await producer.send_and_wait(steering, value, key=b"schule", headers=headers)
    await gateway.say(steering, raised("nobody", 1), "nobody")
    await gateway.say(steering, raised("schule", 1, event_id="e-1", field="course"), "schule")
    await gateway.say(steering, raised("schule", 9, kind="accepted", code="accepted"), "schule")
    await gateway.say(support, raised("schule", 2, code="mark_unknown"), "schule")
    async with gateway.client("schule") as school:

        async def codes() -> list[str]:
            found = (await school.get("/v1/findings")).json()["findings"]
            return sorted(item["code"] for item in found)

        await wait_until(lambda: _are(codes, ["course_unknown", "mark_unknown"]), 25)

        async def judged() -> list[int]:
            return [item["offset"] for item in (await school.get("/v1/findings")).json()["judged"]]

        await wait_until(lambda: _are(judged, [9]), 20)
        found = (await school.get("/v1/findings", headers={"Accept-Language": "de"})).json()["findings"]
    assert all(item["message"] and item["what_to_do"] for item in found)

    async def on_topic() -> list[str]:
        return sorted(
            record.data["code"] for record in await gateway.read(f"{gateway.prefix}kurslotse.out.schule")
        )

    await wait_until(lambda: _are(on_topic, ["accepted", "course_unknown", "mark_unknown"]), 20)
    assert all(UUID(record.id) for record in await gateway.read(f"{gateway.prefix}kurslotse.out.schule"))
    status = await gateway.status()
    assert status["figures"]["findings.in.rejected"] == 1
    assert status["figures"]["findings.support.rejected"] == 1
