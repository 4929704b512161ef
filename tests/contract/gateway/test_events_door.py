"""POST /v1/events: good events are accepted once, without names and unknown fields, whatever happens."""

import asyncio

import orjson

from schemas.envelope import Decoded, decode_attributes
from schemas.topics import EVENT_TYPES
from services.runtime.data.db import connect
from tests.contract.gateway.events import BATCH, STRUCTURED, post
from tests.fixtures.gateway.world import World, course, structured
from tests.identity import IDENTITY_KEY


async def test_a_structured_event_is_on_its_way_when_answered(world: World) -> None:
    answer = await post(world, "schule", structured("course-announced", "e-1", course()))
    assert answer.status_code == 202
    assert answer.json()["accepted"] == ["e-1"]
    (row,) = await world.outbox()
    assert row["aggregatetype"] == f"{world.context.prefix}kurslotse.in.schule"
    assert row["headers"]["ce_source"] == "/schule"
    assert row["headers"]["ce_id"] == "e-1"
    assert orjson.loads(row["payload"]) == course()


async def test_binary_mode_reads_attributes_from_headers(world: World) -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "b-1",
        "ce-type": "de.kurslotse.course-announced.v1",
        "ce-source": "/somebody-else",
        "ce-time": "2027-01-01T08:00:00%2B01:00",
    }
    answer = await post(world, "schule", course(), "application/json", **headers)
    assert answer.status_code == 202
    (row,) = await world.outbox()
    assert row["headers"]["ce_source"] == "/schule"
    assert row["headers"]["ce_time"] == "2027-01-01T08:00:00+01:00"


async def test_an_event_sent_to_kafka_directly_too_is_the_same_event(world: World) -> None:
    """The gateway takes an unknown field out and reads an unknown code as `other`; so does every reader."""
    data = course(target_level="as_frau_k_can", note="Frau K. ist krank")
    sent = structured("course-announced", "e-1", data)
    assert (await post(world, "schule", sent)).status_code == 202
    (row,) = await world.outbox()
    assert orjson.loads(row["payload"]) != data
    head = {name: text for name, text in sent.items() if name != "data"} | {"source": "/schule"}
    read = [decode_attributes(head, raw) for raw in (row["payload"], orjson.dumps(data))]
    hashes = {one.hash for one in read if isinstance(one, Decoded)}
    (accepted,) = await world.rows("SELECT hash FROM accepted")
    assert {IDENTITY_KEY.of_event(one) for one in hashes} == {accepted["hash"]}


async def test_a_batch_is_answered_event_by_event(world: World) -> None:
    batch = [
        structured("course-announced", "e-1", course()),
        structured("course-announced", "e-2", course(capacity=0)),
        structured("nonsense", "e-3", {}),
        "no event",
    ]
    answer = await post(world, "schule", batch, BATCH)
    assert answer.status_code == 207
    body = answer.json()
    assert body["accepted"] == ["e-1"]
    assert [item["accepted"] for item in body["results"]] == [True, False, False, False]
    codes = [[problem["code"] for problem in item["problems"]] for item in body["results"]]
    assert codes == [[], ["field_invalid"], ["type_unknown"], ["batch_malformed"]]
    for item in body["results"][1:]:
        assert all(problem["message"] and problem["what_to_do"] for problem in item["problems"])
    assert len(await world.outbox()) == 1


async def test_a_batch_with_nothing_good_is_422(world: World) -> None:
    answer = await post(world, "schule", [structured("nonsense", "e-1", {})], BATCH)
    assert answer.status_code == 422


async def test_the_same_event_again_gets_the_same_answer(world: World) -> None:
    event = structured("course-announced", "e-1", course())
    first, second = await post(world, "schule", event), await post(world, "schule", event)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert len(await world.outbox()) == 1


async def test_the_same_event_at_the_same_time_is_one_event(world: World) -> None:
    event = structured("course-announced", "e-1", course())
    answers = await asyncio.gather(*(post(world, "schule", event) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len(await world.outbox()) == 1


async def test_key_order_and_unknown_fields_do_not_make_another_event(world: World) -> None:
    reordered = dict(reversed(course(colour="blue").items()))
    assert (await post(world, "schule", structured("course-announced", "e-1", course()))).status_code == 202
    assert (await post(world, "schule", structured("course-announced", "e-1", reordered))).status_code == 202
    assert len(await world.outbox()) == 1


async def test_an_id_used_for_other_content_is_refused(world: World) -> None:
    await post(world, "schule", structured("course-announced", "e-1", course()))
    answer = await post(world, "schule", structured("course-announced", "e-1", course(capacity=19)))
    assert answer.status_code == 409
    assert answer.json()["problems"][0]["code"] == "id_reused"
    in_one_batch = [
        structured("course-announced", "e-2", course()),
        structured("course-announced", "e-2", course(capacity=19)),
        structured("course-announced", "e-2", course()),
    ]
    results = (await post(world, "schule", in_one_batch, BATCH)).json()["results"]
    assert [item["accepted"] for item in results] == [True, False, True]


async def test_the_same_id_of_two_publishers_or_families_are_two_events(world: World) -> None:
    event = structured("course-announced", "e-1", course())
    attendance = structured(
        "attendance-recorded", "e-1", {"course": "IK-1", "day": "2027-02-01", "ue_held": 5, "entries": []}
    )
    for slug, body in (("schule", event), ("akademie", event), ("schule", attendance)):
        assert (await post(world, slug, body)).status_code == 202
    assert [row["aggregatetype"].rpartition("kurslotse.")[2] for row in await world.outbox()] == [
        "in.schule",
        "in.akademie",
        "support.schule",
    ]


async def test_unknown_fields_are_taken_out_and_warned_about(world: World) -> None:
    event = structured("course-announced", "e-1", course(teacher="Frau Kanarienvogel"))
    answer = await post(world, "schule", event)
    assert answer.status_code == 202
    (warning,) = answer.json()["results"][0]["warnings"]
    assert warning["code"] == "field_unknown"
    assert "Kanarienvogel" not in answer.text
    (row,) = await world.outbox()
    assert b"Kanarienvogel" not in row["payload"]
    found = (await world.client.get("/v1/findings", headers=world.auth("schule"))).json()["findings"]
    assert [(item["kind"], item["code"], item["event_id"]) for item in found] == [
        ("warning", "field_unknown", "e-1")
    ]


async def test_a_field_given_twice_is_refused_and_hides_nothing(world: World) -> None:
    raw = (
        b'{"specversion":"1.0","id":"e-1","type":"de.kurslotse.course-announced.v1","data":'
        b'{"title":"Frau Kanarienvogel",' + orjson.dumps(course())[1:] + b"}"
    )
    answer = await post(world, "schule", raw)
    assert (answer.status_code, answer.json()["code"]) == (400, "field_twice")
    assert "Kanarienvogel" not in answer.text
    assert await world.outbox() == []


async def test_attributes_carry_no_free_text(world: World) -> None:
    event = structured(
        "course-announced", "e-1", course(), correlationid="Frau Kanarienvogel", teacher="Kanarienvogel"
    )
    answer = await post(world, "schule", event)
    assert [warning["code"] for warning in answer.json()["results"][0]["warnings"]] == ["attribute_dropped"]
    (row,) = await world.outbox()
    assert "Kanarienvogel" not in str(row["headers"])
    assert (
        await post(world, "schule", structured("course-announced", "e-2", course(), correlationid="c-17"))
    ).json()["results"][0]["warnings"] == []


async def test_nobody_names_an_audience(world: World) -> None:
    await post(world, "schule", structured("course-announced", "e-1", course(), audience="akademie"))
    (row,) = await world.outbox()
    assert "ce_audience" not in row["headers"]


async def test_a_dry_run_leaves_no_trace(world: World) -> None:
    event = structured("course-announced", "1", course(colour="blue"))
    headers = world.auth("schule", **{"Content-Type": STRUCTURED})
    answer = await world.client.post("/v1/events?dry_run=1", json=event, headers=headers)
    assert answer.status_code == 202
    assert answer.json()["results"][0]["warnings"]
    assert await world.outbox() == []
    assert await world.rows("SELECT 1 FROM accepted UNION ALL SELECT 1 FROM finding") == []


async def test_a_dry_run_knows_what_was_sent_before(world: World) -> None:
    await post(world, "schule", structured("course-announced", "1", course()))
    headers = world.auth("schule", **{"Content-Type": STRUCTURED})
    event = structured("course-announced", "1", course(capacity=7))
    answer = await world.client.post("/v1/events?dry_run=1", json=event, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "id_reused")


async def test_every_publishers_type_has_a_door(world: World) -> None:
    for name, type_ in EVENT_TYPES.items():
        if not type_.kinds:
            continue
        slug = "schule" if "provider" in type_.kinds else "beratung"
        answer = await post(world, slug, {"specversion": "1.0", "id": "1", "type": name, "data": {}})
        assert answer.json()["problems"][0]["code"] == "field_missing", name


async def test_a_database_that_hiccups_is_a_503_and_nothing_is_lost_or_doubled(world: World) -> None:
    """Backends are terminated at any moment; who got a 202 has one row, who did not sends again."""
    answered: set[str] = set()
    statuses: set[int] = set()

    async def send(number: int) -> None:
        event = structured("course-announced", f"e-{number}", course(course=f"IK-{number}"))
        for _ in range(50):
            status = (await post(world, "schule", event)).status_code
            statuses.add(status)
            if status == 202:
                answered.add(f"e-{number}")
                return
            await asyncio.sleep(0.01)

    async def cut() -> None:
        for _ in range(8):
            await asyncio.sleep(0.05)
            await killer.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'test' AND datname = $1",
                name,
            )

    name = (await world.rows("SELECT current_database() AS name"))[0]["name"]
    killer = await connect(world.admin, name="killer")
    await asyncio.gather(cut(), *(send(number) for number in range(60)))
    await killer.close()
    assert statuses <= {202, 503}
    assert len(answered) == 60
    assert sorted(row["headers"]["ce_id"] for row in await world.outbox()) == sorted(answered)
