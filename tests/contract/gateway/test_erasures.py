"""Somebody is erased at the doors: references, numbers, imports, mailboxes; the office hears of it."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

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


MADE = "file-7a70abc3e77f07e1d2c4b5a69788a0b1c2d3e4f7"  # the form of an id that an import makes


@pytest.mark.parametrize(
    ("reference", "own", "foreign"),
    [
        ("7", ["7", "reg-7", "7/2", "reg:7:v1"], ["17", "72", "reg-70", "a7", "7a", MADE]),
        ("a7", ["a7", "x_a7"], ["ba7", "a70", "A7", MADE]),
        ("0", ["0"], ["10", "100", MADE]),
        ("7.a", ["7.a", "reg-7.a-2"], ["7xa", "7.ab", MADE]),
        ("A-1", ["A-1", "A-1/exit"], ["A-10", "AA-1", "A1", MADE]),
        (MADE.removeprefix("file-"), [f"reg-{MADE}"], [MADE, f"{MADE}0"]),
        (MADE, [f"reg-{MADE}"], [MADE]),
    ],
)
async def test_a_short_reference_takes_no_findings_and_ids_of_others_away(
    world: World, reference: str, own: list[str], foreign: list[str]
) -> None:
    person = participant_id("amt", reference)
    await world.worker.execute(
        "INSERT INTO minted_reference (publisher, mac, organisation, reference, participant)"
        " VALUES ('amt', decode(repeat('ab', 32), 'hex'), 'amt', $1, $2)",
        reference,
        person,
    )
    for publisher in ("amt", "beratung"):
        for number, id_ in enumerate([*own, *foreign]):
            await world.worker.execute(
                "INSERT INTO finding (publisher, number, organisation, id, family, kind, code, params,"
                " event_id, raised_at) VALUES ($1, $2, $1, $3, 'in', 'rejected', 'x', '{}', $4, now())",
                publisher,
                number,
                uuid4(),
                id_,
            )
            await world.worker.execute(
                "INSERT INTO accepted (publisher, family, event_id, hash) VALUES ($1, 'in', $2,"
                " decode(repeat('cd', 32), 'hex'))",
                publisher,
                id_,
            )
    await read(world, "erasures", incoming(erasing(person), "amt"))
    for table in ("finding", "accepted"):
        rows = await world.rows(f"SELECT publisher, event_id FROM {table}")
        left = {
            name: {row["event_id"] for row in rows if row["publisher"] == name}
            for name in ("amt", "beratung")
        }
        assert left == {"amt": set(foreign), "beratung": {*own, *foreign}}
