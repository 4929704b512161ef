"""POST /v1/registrations: the name goes to the support side first and is kept nowhere else."""

# ruff: noqa: ANN401 - tests hand on any JSON value

from typing import Any

import asyncpg
import orjson

from schemas.envelope import Problem
from schemas.identity import participant_id
from services.gateway.people.client import NotKept, Unavailable
from tests.fixtures.gateway.world import World, person

CONTACT = {"family_name": "Kanarienvogel", "given_name": "Tweety", "birth_date": "1999-12-31"}
NUMBER = {"scheme": "bamf", "number": "1234567890"}


async def post(world: World, body: dict[str, Any], slug: str = "amt", **params: str) -> Any:
    return await world.client.post("/v1/registrations", json=body, headers=world.auth(slug), params=params)


def nameless(**changed: Any) -> dict[str, Any]:
    return {name: value for name, value in person(**changed).items() if name != "reference"}


async def everything(world: World) -> str:
    """All that the gateway's database holds, as text."""
    tables = await world.rows(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
        " WHERE schemaname IN ('public', 'runtime')"
    )
    dump = []
    for table in tables:
        try:
            rows = await world.rows(f"SELECT row_to_json(t)::text AS row FROM {table['name']} AS t")
        except asyncpg.InsufficientPrivilegeError:
            continue
        dump += [row["row"] for row in rows]
    dump += [row["payload"].decode() + str(row["headers"]) for row in await world.outbox()]
    return "\n".join(dump)


async def test_a_registration_says_yes_when_both_sides_have_it(world: World) -> None:
    answer = await post(world, {"id": "r-1", "event": person(), "contact": CONTACT})
    assert answer.status_code == 202
    expected = participant_id("amt", "A-1")
    body = answer.json()
    assert (body["accepted"], body["reference"], body["participant"]) == (["r-1"], "A-1", str(expected))
    assert world.people.kept[expected] == ("A-1", CONTACT)
    (row,) = await world.outbox()
    assert row["aggregateid"] == str(expected)
    assert orjson.loads(row["payload"]) == person()


async def test_no_name_and_no_official_number_is_stored(world: World) -> None:
    await post(world, {"id": "r-1", "event": nameless(), "contact": CONTACT, "official_number": NUMBER})
    held = await everything(world)
    assert "r-1" in held
    for canary in ("Kanarienvogel", "Tweety", "1999-12-31", "1234567890"):
        assert canary not in held


async def test_without_the_support_side_nothing_is_registered(world: World) -> None:
    world.people.answer = Unavailable(7)
    answer = await post(world, {"id": "r-1", "event": person(), "contact": CONTACT})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert answer.json()["code"] == "people_unavailable"
    assert await world.outbox() == []
    world.people.answer = type(world.people)().answer
    assert (await post(world, {"id": "r-1", "event": person(), "contact": CONTACT})).status_code == 202


async def test_contact_data_that_is_refused_is_told_by_field(world: World) -> None:
    world.people.answer = NotKept((Problem("contact_invalid", "contact.email"),))
    answer = await post(world, {"id": "r-1", "event": person(), "contact": CONTACT})
    assert answer.status_code == 422
    assert [(item["code"], item["field"]) for item in answer.json()["problems"]] == [
        ("contact_invalid", "contact.email")
    ]
    assert await world.outbox() == []


async def test_facts_that_are_wrong_reach_nobody(world: World) -> None:
    answer = await post(world, {"id": "r-1", "event": person(town="nowhere"), "contact": CONTACT})
    assert (answer.status_code, answer.json()["code"]) == (422, "field_invalid")
    assert world.people.kept == {}
    answer = await post(world, {"id": "r-1", "event": nameless(town="x"), "official_number": NUMBER})
    assert answer.status_code == 422
    assert await world.rows("SELECT 1 FROM minted_reference") == []


async def test_an_official_number_becomes_a_reference_the_same_at_every_call(world: World) -> None:
    body = {"id": "r-1", "event": nameless(), "contact": CONTACT, "official_number": NUMBER}
    first, again = (await post(world, body)).json(), (await post(world, body)).json()
    assert first == again
    assert first["reference"] != NUMBER["number"]
    assert first["participant"] == str(participant_id("amt", first["reference"]))
    spaced = body | {"id": "r-2", "official_number": {"scheme": "BAMF", "number": "1234 567-890"}}
    assert (await post(world, spaced)).json()["reference"] == first["reference"]
    assert len(await world.outbox()) == 2


async def test_a_number_known_elsewhere_marks_a_likely_duplicate(world: World) -> None:
    body = {"id": "r-1", "event": nameless(), "official_number": NUMBER}
    first = (await post(world, body)).json()
    second = (await post(world, body, "beratung")).json()
    assert first["likely_duplicates"] == []
    assert second["likely_duplicates"] == [first["participant"]]
    assert [warning["code"] for warning in second["warnings"]] == ["likely_duplicate"]
    assert second["reference"] != first["reference"]


async def test_a_reference_or_a_number_never_both_never_none(world: World) -> None:
    both = await post(world, {"id": "r-1", "event": person(), "official_number": NUMBER})
    none = await post(world, {"id": "r-1", "event": nameless()})
    assert (both.json()["code"], none.json()["code"]) == ("reference_and_number", "reference_missing")


async def test_the_same_id_for_somebody_else_is_refused_before_names_travel(world: World) -> None:
    await post(world, {"id": "r-1", "event": person(), "contact": CONTACT})
    world.people.kept.clear()
    answer = await post(world, {"id": "r-1", "event": person(reference="A-2"), "contact": CONTACT})
    assert answer.status_code == 409
    assert world.people.kept == {}


async def test_unknown_parts_are_refused_without_being_repeated(world: World) -> None:
    answer = await post(world, {"id": "r-1", "event": person(), "Kanarienvogel": 1})
    assert (answer.status_code, answer.json()["code"]) == (422, "field_unknown")
    assert "Kanarienvogel" not in answer.text


async def test_only_offices_register_people(world: World) -> None:
    answer = await post(world, {"id": "r-1", "event": person()}, "schule")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


async def test_a_dry_run_registers_nobody(world: World) -> None:
    body = {"id": "r-1", "event": nameless(), "contact": CONTACT, "official_number": NUMBER}
    assert (await post(world, body, dry_run="1")).status_code == 202
    assert world.people.kept == {}
    assert await world.rows("SELECT 1 FROM minted_reference") == []
    assert await world.outbox() == []
