"""POST /v1/events: malformed events, missing rights and overload are refused, and the sender is told why."""

# ruff: noqa: ANN401 - tests hand on any JSON value

import asyncio
import threading
from typing import Any

import httpx
import orjson
import pytest

from services.gateway.http import cloudevents
from services.gateway.http.app import create_app
from services.gateway.http.context import MAX_REQUEST
from services.runtime.base.addresses import Proxies
from services.runtime.http.door import Door
from tests.contract.gateway.events import BATCH, STRUCTURED, post
from tests.fixtures.gateway.world import SERVICE_KEYS, World, course, person, structured

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
    batch = [structured("course-announced", f"e-{n}", course(), padding="x" * 500) for n in range(2)]
    assert (await post(world, "schule", batch, BATCH)).status_code == 202
    late = await post(world, "schule", batch, BATCH)
    assert (late.status_code, late.headers["retry-after"]) == (429, "2")
    assert (await post(world, "akademie", batch, BATCH)).status_code == 202


JUNK = [
    b"[" + b"0," * 20_000 + b"0]",  # a batch that is too long
    b"[" * 40_000,
    b"{" + b" " * 40_000,
    b'{"a":' * 4_000 + b"1" + b"}" * 4_000,
    b"[" + b"[0],".ljust(60, b" ") * 999 + b"0]",  # as many elements as a batch may have, none an event
    b" " * 40_000,
]


@pytest.mark.parametrize("body", JUNK)
@pytest.mark.parametrize("kind", [BATCH, STRUCTURED])
async def test_what_cannot_be_read_costs_its_size_and_is_not_parsed_beyond_the_limit(
    world: World, body: bytes, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits, parsed = world.context.limits, 0
    limits.burst, limits.rate = 40.0, 1.0
    read = cloudevents.read_request

    def counted(*given: Any) -> Any:
        nonlocal parsed
        parsed += 1
        return read(*given)

    monkeypatch.setattr(cloudevents, "read_request", counted)
    answers = [(await post(world, "schule", body, kind)).status_code for _ in range(5)]
    assert answers[0] in {400, 413, 422}
    assert (answers[1:], parsed) == ([429] * 4, 1)
    assert (await post(world, "akademie", structured("course-announced", "1", course()))).status_code == 202


async def test_a_large_batch_that_can_be_read_costs_its_events(world: World) -> None:
    limits = world.context.limits
    limits.burst, limits.rate = 1_500.0, 1.0
    batch = [structured("course-announced", f"e-{n}", course(), padding="x" * 900) for n in range(300)]
    assert len(orjson.dumps(batch)) > 256 * 1024  # parsed in a thread
    codes = [(await post(world, "schule", batch, BATCH)).status_code for _ in range(4)]
    assert codes == [202, 202, 202, 429]
    small = [structured("course-announced", f"s-{n}", {}) for n in range(400)]
    codes = [(await post(world, "akademie", small, BATCH)).status_code for _ in range(4)]
    assert codes == [422, 422, 422, 429]
    longest = orjson.dumps(course()) + b" " * 4_096_000  # one event, as long as 500 long ones
    codes = [(await post(world, "amt", longest, "application/json")).status_code for _ in range(2)]
    assert codes == [400, 429]


async def test_while_a_large_body_is_parsed_others_are_answered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, read = threading.Event(), cloudevents.read_request

    def slow(kind: str | None, headers: Any, body: bytes) -> Any:
        if len(body) > 256 * 1024:
            assert goes_on.wait(20)
        return read(kind, headers, body)

    monkeypatch.setattr(cloudevents, "read_request", slow)
    deep = b"[" * 300_000
    parsing = asyncio.create_task(post(world, "schule", deep, BATCH))
    try:
        other = await post(world, "akademie", structured("course-announced", "1", course()))
        assert not parsing.done()
    finally:
        goes_on.set()
    assert other.status_code == 202
    answer = await parsing
    assert (answer.status_code, answer.json()["code"]) == (400, "json_too_deep")


async def test_large_requests_of_one_publisher_keep_no_other_out(world: World) -> None:
    door = Door(create_app(world.context), Proxies.parse("X", ""))
    taken = door._uploads  # noqa: SLF001 - as if two slow uploads were under way
    assert [taken.begin("schule") for _ in range(3)] == [0, 0, 429]
    batch = [structured("course-announced", f"e-{n}", course()) for n in range(300)]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://gateway") as client:

        async def send(slug: str) -> httpx.Response:
            headers = world.auth(slug, **{"Content-Type": BATCH, "Accept-Language": "de"})
            return await client.post("/v1/events", content=orjson.dumps(batch), headers=headers)

        refused = await send("schule")
        assert (refused.status_code, refused.json()["code"]) == (429, "uploads_of_yours")
        assert refused.headers["retry-after"] == "2"
        assert refused.json()["title"].endswith("wie Sie gleichzeitig senden dürfen.")
        assert (await send("akademie")).status_code == 202
        taken.end("schule")
        assert [(await send("schule")).status_code for _ in range(2)] == [202, 202]


async def test_a_long_outbox_rejects_requests_for_a_while(world: World) -> None:
    await post(world, "schule", structured("course-announced", "1", course()))
    world.context.limits.longest_outbox, world.context.limits.look_every = 0, 0.0
    answer = await post(world, "schule", structured("course-announced", "2", course()))
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert answer.headers["retry-after"]


async def test_only_schools_say_what_a_class_has_signed_and_only_the_support_side_hears_it(
    world: World,
) -> None:
    signed = {
        "course": "K-1", "participant": "7d1c1ae4-5f0e-4b62-9a0e-3c7f0a4b6d21", "office": "mbe-stadt",
        "purposes": ["after_course"], "given_on": "2027-01-04", "form": "paper_1",
    }  # fmt: skip
    event = structured("consent-collected", "1", signed)
    for slug in ("amt", "beratung"):
        assert (await post(world, slug, event)).status_code == 403
    # The permission of a school that was registered before this event existed includes it.
    await world.rows(
        "UPDATE publisher SET event_types = array_remove(event_types, $1) WHERE slug = 'schule' RETURNING 1",
        event["type"],
    )
    assert (await post(world, "schule", event)).status_code == 202
    (row,) = await world.outbox()
    assert row["aggregatetype"].endswith("kurslotse.support.schule")
    wrong = {"purposes": [], "form": "", "participant": "Berta", "given_on": "31.02.2027"}
    for field, value in wrong.items():
        refused = structured("consent-collected", f"x-{field}", signed | {field: value})
        answer = await post(world, "schule", refused)
        assert answer.status_code == 422, field
        assert "Berta" not in answer.text
    assert len(await world.outbox()) == 1
