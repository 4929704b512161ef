"""POST /v1/events: what is taken, what is refused, and what the sender is told."""

# ruff: noqa: ANN401 - tests hand on any JSON value

import asyncio
from typing import Any

import orjson
import pytest

from schemas.topics import EVENT_TYPES
from services.gateway.http.context import MAX_REQUEST
from services.runtime.data.db import connect
from tests.fixtures.gateway.world import SERVICE_KEYS, World, course, person, structured

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


async def post(world: World, slug: str, body: Any, kind: str = STRUCTURED, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return await world.client.post(
        "/v1/events", content=content, headers=world.auth(slug, **{"Content-Type": kind}) | headers
    )


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


async def test_a_key_given_twice_hides_nothing(world: World) -> None:
    raw = (
        b'{"specversion":"1.0","id":"e-1","type":"de.kurslotse.course-announced.v1","data":'
        b'{"title":"Frau Kanarienvogel",' + orjson.dumps(course())[1:] + b"}"
    )
    assert (await post(world, "schule", raw)).status_code == 202
    (row,) = await world.outbox()
    assert b"Kanarienvogel" not in row["payload"]


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


BAD: list[tuple[str, Any, dict[str, str], str, int, str]] = [
    ("malformed JSON", b'{"specversion": ', {}, STRUCTURED, 400, "json_malformed"),
    (
        "malformed data",
        b"{",
        {"ce-specversion": "1.0", "ce-id": "1", "ce-type": "de.kurslotse.course-announced.v1"},
        "application/json",
        400,
        "json_malformed",
    ),
    ("no attributes", course(), {}, "application/json", 400, "attribute_missing"),
    (
        "not UTF-8",
        course(),
        {"ce-specversion": "1.0", "ce-id": "%ff%fe"},
        "application/json",
        400,
        "header_malformed",
    ),
    ("bad id", structured("course-announced", "a b", course()), {}, STRUCTURED, 400, "id_malformed"),
    (
        "id is a number",
        structured("course-announced", "1", course()) | {"id": 1},
        {},
        STRUCTURED,
        400,
        "attribute_malformed",
    ),
    (
        "bad version",
        structured("course-announced", "1", course()) | {"specversion": "2.0"},
        {},
        STRUCTURED,
        400,
        "specversion_unknown",
    ),
    (
        "bad time",
        structured("course-announced", "1", course(), time="gestern"),
        {},
        STRUCTURED,
        400,
        "time_malformed",
    ),
    (
        "both",
        structured("course-announced", "1", course(), corrects="a", retracts="b"),
        {},
        STRUCTURED,
        400,
        "corrects_and_retracts",
    ),
    ("unknown type", structured("course-invented", "1", course()), {}, STRUCTURED, 422, "type_unknown"),
    (
        "no data",
        {"specversion": "1.0", "id": "1", "type": "de.kurslotse.course-announced.v1"},
        {},
        STRUCTURED,
        400,
        "data_missing",
    ),
    (
        "field missing",
        structured("course-announced", "1", {"course": "IK"}),
        {},
        STRUCTURED,
        422,
        "field_missing",
    ),
    (
        "field invalid",
        structured("course-announced", "1", course(capacity="viele")),
        {},
        STRUCTURED,
        422,
        "field_invalid",
    ),
    (
        "wrong publisher",
        structured("participant-registered", "1", person()),
        {},
        STRUCTURED,
        403,
        "not_allowed",
    ),
    ("a service's type", structured("place-reserved", "1", {}), {}, STRUCTURED, 403, "not_allowed"),
    ("not a list", structured("course-announced", "1", course()), {}, BATCH, 400, "batch_malformed"),
    ("other content", b"a;b", {}, "text/csv", 415, "content_type_unknown"),
    ("too many", [structured("course-announced", "1", course())] * 1001, {}, BATCH, 413, "batch_too_long"),
    ("too large", b" " * (MAX_REQUEST + 1), {}, STRUCTURED, 413, "too_large"),
    (
        "data too large",
        structured("course-announced", "1", course(title="x" * 70_000)),
        {},
        STRUCTURED,
        413,
        "data_too_large",
    ),
    (
        "number",
        b'{"specversion":"1.0","id":"1","type":"de.kurslotse.course-announced.v1","data":{"a":9007199254740993,'
        + orjson.dumps(course())[1:]
        + b"}",
        {},
        STRUCTURED,
        422,
        "number_not_canonical",
    ),
]


@pytest.mark.parametrize(
    ("body", "headers", "kind", "status", "code"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
@pytest.mark.parametrize("spoken", ["de", "en"])
async def test_what_is_wrong_is_said_with_what_to_do(  # noqa: PLR0917 - a table
    world: World, body: Any, headers: dict[str, str], kind: str, status: int, code: str, spoken: str
) -> None:
    answer = await post(world, "schule", body, kind, **headers, **{"Accept-Language": spoken})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-language"] == spoken
    problem = answer.json()["problems"][0]
    assert problem["code"] == code
    assert len(problem["message"]) > 10
    assert len(problem["what_to_do"]) > 10
    assert await world.outbox() == []
    good = await post(world, "schule", structured("course-announced", "good", course()))
    assert good.status_code == 202


@pytest.mark.parametrize(
    ("authorization", "speaks_for", "status", "code"),
    [
        (None, None, 401, "key_missing"),
        ("Basic abc", None, 401, "key_missing"),
        ("Bearer kl_000000000000_wrong", None, 401, "key_unknown"),
        ("Bearer nonsense", None, 401, "key_unknown"),
        ("own", "akademie", 403, "publisher_not_yours"),
        (f"Bearer {SERVICE_KEYS['allocation']}", None, 400, "publisher_missing"),
        (f"Bearer {SERVICE_KEYS['allocation']}", "nobody", 404, "publisher_unknown"),
    ],
)
async def test_requests_without_a_valid_key_are_rejected(
    world: World, authorization: str | None, speaks_for: str | None, status: int, code: str
) -> None:
    given = world.auth("schule")["Authorization"] if authorization == "own" else authorization
    headers = {"Content-Type": STRUCTURED}
    headers |= {"Authorization": given} if given else {}
    headers |= {"X-Kurslotse-Publisher": speaks_for} if speaks_for else {}
    answer = await world.client.post(
        "/v1/events", json=structured("course-announced", "1", course()), headers=headers
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_key_with_the_right_prefix_and_another_secret_is_unknown(world: World) -> None:
    start = world.keys["schule"].rsplit("_", 1)[0]
    headers = {"Authorization": f"Bearer {start}_{'A' * 43}", "Content-Type": STRUCTURED}
    answer = await world.client.post("/v1/events", json={}, headers=headers)
    assert answer.status_code == 401


async def test_expired_revoked_and_scoped_keys(world: World) -> None:
    event = structured("course-announced", "1", course())
    await world.rows("UPDATE api_key SET scopes = '{feeds}' WHERE publisher = 'schule'")
    assert (await post(world, "schule", event)).json()["code"] == "scope_missing"
    await world.rows("UPDATE api_key SET expires_at = now() WHERE publisher = 'schule'")
    assert (await post(world, "schule", event)).json()["code"] == "key_unknown"
    await world.rows("UPDATE api_key SET revoked_at = now() WHERE publisher = 'akademie'")
    assert (await post(world, "akademie", event)).json()["code"] == "key_unknown"
    await world.rows("UPDATE publisher SET active = false WHERE slug = 'amt'")
    assert (await post(world, "amt", event)).json()["code"] == "publisher_inactive"


async def test_services_speak_only_on_their_side_of_the_wall(world: World) -> None:
    accepted = structured(
        "place-accepted",
        "1",
        {
            "reference": "A-1",
            "placement": "7d1c1ae4-5f0e-4b62-9a0e-3c7f0a4b6d21",
            "answered_on": "2027-01-04",
        },
    )
    consent = structured("consent-revoked", "2", {"reference": "A-1", "revoked_on": "2027-01-04"})

    async def speak(service: str, event: dict[str, Any]) -> int:
        headers = {
            "Authorization": f"Bearer {SERVICE_KEYS[service]}",
            "X-Kurslotse-Publisher": "amt",
            "Content-Type": STRUCTURED,
        }
        status: int = (await world.client.post("/v1/events", json=event, headers=headers)).status_code
        return status

    assert await speak("allocation", accepted) == 202
    assert await speak("allocation", consent) == 403
    assert await speak("notifications", consent) == 202


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


@pytest.mark.parametrize("more", [{}, {"specversion": "x"}])
async def test_a_malformed_id_is_neither_stored_nor_repeated(world: World, more: dict[str, str]) -> None:
    event = structured("participant-registered", "Frau Kanarienvogel", person(), **more)
    answer = await post(world, "schule", event)
    assert answer.status_code in {400, 403}
    assert "Kanarienvogel" not in answer.text
    assert await world.rows("SELECT 1 FROM finding") == []


async def test_too_many_events_are_rejected_with_a_time_to_wait(world: World) -> None:
    world.context.limits.burst = 2
    world.context.limits.rate = 1
    batch = [structured("course-announced", f"e-{n}", course()) for n in range(2)]
    assert (await post(world, "schule", batch, BATCH)).status_code == 202
    late = await post(world, "schule", batch, BATCH)
    assert (late.status_code, late.headers["retry-after"]) == (429, "2")
    assert (await post(world, "akademie", batch, BATCH)).status_code == 202


async def test_a_long_outbox_rejects_requests_for_a_while(world: World) -> None:
    await post(world, "schule", structured("course-announced", "1", course()))
    world.context.limits.longest_outbox, world.context.limits.look_every = 0, 0.0
    answer = await post(world, "schule", structured("course-announced", "2", course()))
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert answer.headers["retry-after"]


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
