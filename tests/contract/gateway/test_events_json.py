"""POST /v1/events: JSON that readers understand differently, or not at all, is refused event by event."""

import base64

import orjson
import pytest

from tests.contract.gateway.events import BATCH, STRUCTURED, post
from tests.fixtures.gateway.world import World, course, structured

TYPE = "de.kurslotse.course-announced.v1"
GOOD = orjson.dumps(structured("course-announced", "good", course()))
ANNOUNCED = orjson.dumps(course())


def deep(depth: int) -> bytes:
    """Return data with an unknown field that is nested so deeply."""
    return ANNOUNCED[:-1] + b',"x":' + b"[" * depth + b"]" * depth + b"}"


def event(data: bytes, id_: str = "bad") -> bytes:
    return b'{"specversion":"1.0","id":"%s","type":"%s","data":%s}' % (id_.encode(), TYPE.encode(), data)


BAD = {
    "deeper than can be written": (deep(300), "json_too_deep"),
    "deeper than can be read": (deep(1_100), "json_too_deep"),
    "very deep": (deep(20_000), "json_too_deep"),
    "deep objects": (
        ANNOUNCED[:-1] + b',"x":' + b'{"a":' * 2_000 + b"1" + b"}" * 2_000 + b"}",
        "json_too_deep",
    ),
    "a number beyond every type": (ANNOUNCED[:-1] + b',"x":' + b"9" * 5_000 + b"}", "number_not_canonical"),
    "a field twice": (b'{"title":"A",' + ANNOUNCED[1:], "field_twice"),
    "a field twice, deeper": (ANNOUNCED[:-1] + b',"x":[{"a":1,"b":{"c":1,"c":2}}]}', "field_twice"),
}
UNREADABLE = {
    "not a number": ANNOUNCED[:-1] + b',"x":NaN}',
    "infinite": ANNOUNCED[:-1] + b',"x":-Infinity}',
    "half a character": ANNOUNCED[:-1] + b',"x":"\\ud800"}',
    "not UTF-8": ANNOUNCED[:-1] + b',"x":"\xff"}',
    "UTF-16": ANNOUNCED.decode().encode("utf-16"),
    "a control character": ANNOUNCED[:-1] + b',"x":"\x01"}',
    "more after it": ANNOUNCED + b"{}",
    "a comma too many": ANNOUNCED[:-1] + b",}",
    "a comment": ANNOUNCED + b"//",
}


@pytest.mark.parametrize("case", sorted(BAD))
async def test_one_event_of_a_batch_that_cannot_be_read_does_not_stop_the_others(
    world: World, case: str
) -> None:
    data, code = BAD[case]
    answer = await post(world, "schule", b"[" + GOOD + b" , " + event(data) + b"]", BATCH)
    assert answer.status_code == 207
    good, bad = answer.json()["results"]
    assert (good["id"], good["accepted"]) == ("good", True)
    assert (bad["id"], bad["accepted"]) == ("bad", False)
    assert [problem["code"] for problem in bad["problems"]] == [code]
    assert len(await world.outbox()) == 1


@pytest.mark.parametrize("case", sorted(BAD))
@pytest.mark.parametrize("mode", ["structured", "binary", "base64"])
async def test_such_an_event_alone_is_refused_by_the_same_code(world: World, case: str, mode: str) -> None:
    data, code = BAD[case]
    headers = {"ce-specversion": "1.0", "ce-id": "bad", "ce-type": TYPE}
    if mode == "structured":
        answer = await post(world, "schule", event(data))
    elif mode == "binary":
        answer = await post(world, "schule", data, "application/json", **headers)
    else:
        whole = {
            "specversion": "1.0",
            "id": "bad",
            "type": TYPE,
            "data_base64": base64.b64encode(data).decode(),
        }
        answer = await post(world, "schule", whole)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("case", sorted(UNREADABLE))
@pytest.mark.parametrize("mode", ["structured", "binary", "batch"])
async def test_what_is_no_json_is_refused(world: World, case: str, mode: str) -> None:
    data = UNREADABLE[case]
    headers = {"ce-specversion": "1.0", "ce-id": "bad", "ce-type": TYPE}
    if mode == "binary":
        answer = await post(world, "schule", data, "application/json", **headers)
    else:
        body = event(data) if mode == "structured" else b"[" + event(data) + b"]"
        answer = await post(world, "schule", body, STRUCTURED if mode == "structured" else BATCH)
    assert (answer.status_code, answer.json()["code"]) == (400, "json_malformed")
    assert await world.outbox() == []


@pytest.mark.parametrize("case", sorted(set(UNREADABLE) - {"UTF-16", "more after it", "a comment"}))
async def test_an_event_that_is_no_json_does_not_stop_the_others(world: World, case: str) -> None:
    body = b"[" + event(UNREADABLE[case]) + b"," + GOOD + b"]"
    answer = await post(world, "schule", body, BATCH)
    assert answer.status_code == 207
    assert [item["accepted"] for item in answer.json()["results"]] == [False, True]


async def test_a_batch_that_was_cut_off_is_refused_as_a_whole(world: World) -> None:
    answer = await post(world, "schule", b"[" + GOOD + b"," + GOOD[:-9], BATCH)
    assert (answer.status_code, answer.json()["code"]) == (400, "json_malformed")
    assert await world.outbox() == []


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"[" * 200_000 + b"]" * 200_000, b'[{"a":' * 50_000, b"[]]"]
)
async def test_a_batch_of_brackets_is_refused(world: World, body: bytes) -> None:
    assert (await post(world, "schule", body, BATCH)).status_code in {400, 422}


@pytest.mark.parametrize("other", [{"course": "K-ANDERS"}, [], "", 0])
async def test_data_in_two_ways_are_refused_naming_both(world: World, other: object) -> None:
    encoded = base64.b64encode(ANNOUNCED).decode()
    both = structured("course-announced", "e-1", course()) | {"data": other, "data_base64": encoded}
    answer = await post(world, "schule", both)
    problem = answer.json()["problems"][0]
    assert (answer.status_code, problem["code"], problem["field"]) == (400, "data_twice", "data, data_base64")
    batch = await post(world, "schule", [both, structured("course-announced", "e-2", course())], BATCH)
    assert [item["accepted"] for item in batch.json()["results"]] == [False, True]


@pytest.mark.parametrize("absent", ["data", "data_base64"])
async def test_data_that_are_null_are_not_there(world: World, absent: str) -> None:
    sent = structured("course-announced", "e-1", course())
    if absent == "data":
        sent |= {"data": None, "data_base64": base64.b64encode(ANNOUNCED).decode()}
    else:
        sent |= {"data_base64": None}
    assert (await post(world, "schule", sent)).status_code == 202


async def test_the_same_event_in_every_mode_is_one_event(world: World) -> None:
    time = "2027-01-01T08:00:00+01:00"
    whole = structured("course-announced", 'e"1', course(), time=time, correlationid="run-1")
    encoded = {name: value for name, value in whole.items() if name != "data"}
    encoded["data_base64"] = base64.b64encode(ANNOUNCED).decode()
    plain = {
        "ce-specversion": "1.0",
        "ce-id": 'e"1',
        "ce-type": TYPE,
        "ce-time": time,
        "ce-correlationid": "run-1",
    }
    quoted = {
        "ce-specversion": '"1.0"',
        "ce-id": '"e\\"1"',
        "ce-type": f'"{TYPE}"',
        "ce-time": '"2027-01-01T08:00:00%2B01:00"',
        "ce-correlationid": '"run-1"',
    }
    answers = [
        await post(world, "schule", whole),
        await post(world, "schule", encoded),
        await post(world, "schule", [whole], BATCH),
        await post(world, "schule", course(), "application/json", **plain),
        await post(world, "schule", course(), "application/json", **quoted),
    ]
    assert [answer.status_code for answer in answers] == [202] * 5
    assert [answer.json()["accepted"] for answer in answers] == [['e"1']] * 5
    (row,) = await world.outbox()
    assert (row["headers"]["ce_id"], row["headers"]["ce_time"]) == ('e"1', time)


@pytest.mark.parametrize("number", [1524831183200260097, -(2**63), 2**64 - 1, 2**70, 1e300, 5e-324])
async def test_a_number_in_an_unknown_field_is_dropped_with_it(world: World, number: float) -> None:
    raw = ANNOUNCED[:-1] + f',"x_db_id":{number!r}}}'.encode()
    headers = {"ce-specversion": "1.0", "ce-id": "e-1", "ce-type": TYPE}
    answers = [await post(world, "schule", event(raw, "e-1"))]
    answers.append(await post(world, "schule", b"[" + event(raw, "e-1") + b"]", BATCH))
    answers.append(await post(world, "schule", raw, "application/json", **headers))
    assert [answer.status_code for answer in answers] == [202] * 3
    for answer in answers:
        assert [one["code"] for one in answer.json()["results"][0]["warnings"]] == ["field_unknown"]
    (row,) = await world.outbox()
    assert orjson.loads(row["payload"]) == course()


async def test_an_attribute_sent_twice_is_refused(world: World) -> None:
    headers = [(name, value) for name, value in world.auth("schule").items()]
    headers += [("Content-Type", "application/json"), ("ce-specversion", "1.0"), ("ce-type", TYPE)]
    headers += [("ce-id", "e-1"), ("CE-ID", "e-2")]
    answer = await world.client.post("/v1/events", content=ANNOUNCED, headers=headers)
    problem = answer.json()["problems"][0]
    assert (answer.status_code, problem["code"], problem["field"]) == (400, "header_twice", "ce-id")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"id":"r-1","event":{"x":' + b"[" * 2_000 + b"]" * 2_000 + b"}}", "json_too_deep"),
        (b'{"id":"r-1","id":"r-2","event":{}}', "field_twice"),
        (b'{"id":"r-1","event":{"x":NaN}}', "json_malformed"),
        (b'{"id":"r-1","event":{"x":"\\ud800"}}', "json_malformed"),
        (b"\xff", "json_malformed"),
    ],
)
@pytest.mark.parametrize("door", ["registrations", "imports/open-qcat/settings"])
async def test_the_other_doors_read_json_by_the_same_rules(
    world: World, door: str, body: bytes, code: str
) -> None:
    method, slug = ("POST", "amt") if door == "registrations" else ("PUT", "schule")
    answer = await world.client.request(
        method, f"/v1/{door}", content=body, headers=world.auth(slug, **{"Content-Type": "application/json"})
    )
    assert (answer.status_code, answer.json()["code"]) == (400, code)
