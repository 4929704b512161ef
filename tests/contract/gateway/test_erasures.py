"""Somebody is erased at the doors: references, numbers, imports, mailboxes; the office hears of it."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import orjson

from schemas.base import Payload
from schemas.envelope import Event
from schemas.erasures import ErasureAcknowledged, ParticipantErased
from schemas.identity import event_uuid, participant_id
from schemas.placements import EnrolmentConfirmed, PlacementAdvanced, Reason
from schemas.topics import EVENT_TYPES
from services.gateway.consumer import subscriptions
from services.gateway.erasures.handlers import Erasures
from services.runtime.data.db import connect, transaction
from services.runtime.events.subscription import Applied, Incoming, RecordPosition, Verdict
from tests.contract.gateway.test_imports_door import LIST, MAPPING, post, save
from tests.erasure.search import Needles, in_database
from tests.fixtures.gateway.world import NOW, World
from tests.identity import IDENTITY_KEY


def incoming(payload: Payload, *audience: str) -> Incoming:
    family = EVENT_TYPES[payload.type_].family
    event = Event(str(uuid4()), payload.type_, "/allocation", NOW, payload, audience=audience)
    cause = event_uuid("", family, event.id)
    return Incoming(RecordPosition(family, 0, 0), family, None, event, cause, payload.subject_key(""))


def erasing(*people: UUID) -> ParticipantErased:
    return ParticipantErased(
        erasure=uuid4(),
        tombstones=tuple(IDENTITY_KEY.tombstone(one).hex() for one in people),
        office="amt",
        erased_on=NOW.date(),
        decided_at=NOW,
    )


def step(person: UUID, kind: type = EnrolmentConfirmed, **changes: Any) -> Payload:  # noqa: ANN401
    fields: dict[str, Any] = {
        "placement": uuid4(),
        "version": 3,
        "participant": person,
        "course": uuid4(),
        "provider": "schule",
        "own_course": "IK-1",
        "office": "amt",
        "kreis": "99001",
        "entry_section": 1,
        "starts_on": date(2027, 1, 11),
        "ends_on": date(2027, 9, 1),
        "from_state": "accepted",
        "to_state": "confirmed",
        "reason": Reason(code="confirmed_by_provider"),
        "decided_at": NOW,
    }
    made: Payload = kind(**(fields | changes))
    return made


async def read(world: World, name: str, *events: Incoming) -> Sequence[Verdict]:
    found = {one.name: one for one in subscriptions("", IDENTITY_KEY)}
    async with transaction(world.worker) as conn:
        return await found[name].handler(conn, events, NOW)


async def places(world: World, **texts: str) -> set[str]:
    conn = await connect(world.admin, name="looking")
    try:
        return {one.place for one in await in_database(conn, Needles(texts))}
    finally:
        await conn.close()


UNDERWAY = {"runtime.outbox.aggregateid", "runtime.outbox.payload", "runtime.outbox.headers"}


async def test_somebody_imported_with_a_number_leaves_no_trace(world: World) -> None:
    await save(world, "amt", "participants", MAPPING)
    for _ in range(2):
        await post(world, "amt", "participants", LIST.replace(b"A-00", b"REF-00"))
    (reference,) = {
        row["row_key"] for row in await world.rows("SELECT row_key FROM imported ORDER BY row_key LIMIT 1")
    }
    person = participant_id("amt", reference)
    confirmed = step(person, own_number="S-4711")
    await read(world, "addressed", incoming(confirmed, "amt", "schule"))
    await world.worker.execute(
        "INSERT INTO minted_reference (publisher, mac, organisation, reference, participant)"
        " VALUES ('amt', decode(repeat('ab', 32), 'hex'), 'amt', $1, $2)",
        reference,
        person,
    )
    needles = {"id": str(person), "reference": reference, "number": "S-4711"}
    before = await places(world, **needles)
    assert {
        "public.minted_reference.reference", "public.own_number.number", "public.imported.row_key",
        "public.addressed.event",
    } <= before  # fmt: skip
    said = erasing(person)
    assert await read(world, "erasures", incoming(said, "amt")) == [Applied()]
    assert await places(world, **needles) <= UNDERWAY
    outbox = await world.outbox()
    (report,) = [orjson.loads(row["payload"]) for row in outbox if row["type"] == ErasureAcknowledged.type_]
    rows = {one["table"]: one["rows"] for one in report["erased"]}
    assert rows["minted_reference"] == rows["own_number"] == 1
    assert rows["addressed"] == 2
    assert rows["imported"] >= 1
    told = [row["aggregatetype"] for row in outbox if row["type"] == ParticipantErased.type_]
    assert told == ["kurslotse.out.amt"]
    again = await read(world, "erasures", incoming(said, "amt"))
    assert again == [Applied()]


async def test_recipients_are_told_that_a_place_has_ended_and_hear_nothing_old(world: World) -> None:
    person = uuid4()
    await read(world, "erasures", incoming(erasing(person), "amt"))
    why = Reason(code="participant_withdrawn", params={"reason": "erased"})
    ended = step(person, PlacementAdvanced, from_state="reserved", to_state="released", reason=why)
    old = step(person, own_number="S-4711")
    await read(world, "addressed", incoming(old, "schule"), incoming(ended, "schule"))
    assert await world.rows("SELECT 1 FROM own_number") == []
    (row,) = await world.rows("SELECT event FROM addressed WHERE publisher = 'schule'")
    assert row["event"]["data"]["to_state"] == "released"


async def test_who_comes_back_with_a_backup_is_found_by_the_tombstone(world: World) -> None:
    person = uuid4()
    erasures = Erasures(IDENTITY_KEY, "")
    await read(world, "erasures", incoming(erasing(person), "amt"))
    await world.worker.execute(
        "INSERT INTO own_number (publisher, number, organisation, participant)"
        " VALUES ('schule', 'S-1', 's', $1)",
        person,
    )
    assert await erasures.again(world.worker, NOW) == 1
    assert await places(world, id=str(person)) == set()
    assert await erasures.again(world.worker, NOW) == 0


async def test_others_keep_what_they_have(world: World) -> None:
    await save(world, "amt", "participants", MAPPING)
    await post(world, "amt", "participants", LIST)
    before = await world.rows("SELECT * FROM imported ORDER BY row_key")
    await read(world, "erasures", incoming(erasing(uuid4()), "amt"))
    assert await world.rows("SELECT * FROM imported ORDER BY row_key") == before
