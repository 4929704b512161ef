"""What the gateway stores of events, rows and files cannot be tried out, and knows what it stored before."""

import hashlib
from typing import Any

import orjson

from schemas.identity import canonical, identity_hash
from services.gateway.upkeep import Upkeep
from tests.contract.gateway.test_imports_door import LIST, MAPPING, post, save
from tests.fixtures.gateway.world import World
from tests.identity import IDENTITY_KEY

EXAM = {
    "course": "IK-1",
    "participant": "3f0a27a8-8f5f-5b8b-9f3e-0d3c0d7d3a11",
    "exam": "dtz",
    "taken_on": "2026-01-30",
    "result": "below",
}
TYPE = "de.kurslotse.exam-result-recorded.v1"


def exam(result: str) -> dict[str, Any]:
    return EXAM | {"result": result}


async def send(world: World, result: str) -> int:
    event = {"specversion": "1.0", "id": "result-1", "source": "/schule", "type": TYPE, "data": exam(result)}
    answer = await world.client.post(
        "/v1/events",
        json=event,
        headers=world.auth("schule") | {"content-type": "application/cloudevents+json"},
    )
    return int(answer.status_code)


async def test_a_result_that_was_accepted_cannot_be_tried_out(world: World) -> None:
    assert await send(world, "B1") == 202
    (row,) = await world.rows("SELECT hash, keyed FROM accepted WHERE event_id = 'result-1'")
    guesses = {identity_hash(TYPE, exam(result), None, None) for result in ("A2", "B1", "below", "none")}
    assert row["hash"] not in guesses
    assert row["hash"] in {IDENTITY_KEY.of_event(guess) for guess in guesses}
    assert row["keyed"]


async def test_an_event_that_was_accepted_before_is_a_duplicate(world: World) -> None:
    assert await send(world, "B1") == 202
    plain = identity_hash(TYPE, exam("B1"), None, None)
    await world.worker.execute("UPDATE accepted SET hash = $1, keyed = false", plain)
    assert (await send(world, "B1"), await send(world, "A2")) == (202, 409)
    await Upkeep(world.context.worker, IDENTITY_KEY, inbox_days=60).run(world.clock.now())
    assert (await send(world, "B1"), await send(world, "A2")) == (202, 409)
    (row,) = await world.rows("SELECT hash, keyed FROM accepted")
    assert (row["hash"], row["keyed"]) == (IDENTITY_KEY.of_event(plain), True)
    assert len(await world.outbox()) == 1


async def registered(world: World) -> dict[str, dict[str, Any]]:
    """Return the facts that rows of the list became, by reference."""
    said = [orjson.loads(row["payload"]) for row in await world.outbox()]
    return {one.pop("reference"): one for one in said if "town" in one}


async def test_rows_and_files_about_people_cannot_be_tried_out(world: World) -> None:
    await save(world, "amt", "participants", MAPPING)
    await post(world, "amt", "participants", LIST)
    rows = await world.rows("SELECT content, event_id FROM imported WHERE kind = 'participants'")
    assert rows
    guesses = {hashlib.sha256(canonical(one)).digest() for one in (await registered(world)).values()}
    assert guesses
    assert not guesses & {row["content"] for row in rows}
    assert {IDENTITY_KEY.of_row(guess) for guess in guesses} <= {row["content"] for row in rows}
    (run,) = await world.rows("SELECT id, file_hash FROM import_run")
    assert run["file_hash"] == IDENTITY_KEY.of_file(hashlib.sha256(LIST).digest())


async def test_a_list_imported_before_is_recognised_once_its_hashes_are_keyed(world: World) -> None:
    await save(world, "amt", "participants", MAPPING)
    await post(world, "amt", "participants", LIST)
    before = await world.rows("SELECT row_key, content FROM imported ORDER BY row_key")
    for reference, said in (await registered(world)).items():
        await world.worker.execute(
            "UPDATE imported SET content = $2, keyed = false WHERE row_key = $1",
            reference,
            hashlib.sha256(canonical(said)).digest(),
        )
    await Upkeep(world.context.worker, IDENTITY_KEY, inbox_days=60).run(world.clock.now())
    assert await world.rows("SELECT row_key, content FROM imported ORDER BY row_key") == before
    again = (await post(world, "amt", "participants", LIST)).json()
    assert again["taken"] == 0
