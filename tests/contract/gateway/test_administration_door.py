"""The internal doors of the steering side's pages: who may, and what a publisher becomes."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import pytest

from services.runtime.http.gateway_administration import GatewayAdministration, MadeKey, RegisteredPublisher
from services.runtime.http.gateway_client import NotTaken, Unreachable
from services.runtime.kafka.administration import KafkaAdmin, parse_address, publisher_topics
from tests.conftest import MakeDatabase
from tests.fixtures.gateway.world import SERVICE_KEYS, World, course, opened, structured
from tests.serving import Servers

DOORS = "/v1/administration/publishers"
NEW = RegisteredPublisher(
    slug="kurse-nord",
    name="Kurse Nord (erfunden)",
    kinds=frozenset({"provider"}),
    kreise=("99001",),
    authority=False,
    supplier_ids=("990044",),
    active=True,
    version=0,
)
ROUTES = (
    ("GET", ""),
    ("PUT", "/schule"),
    ("POST", "/schule/deactivate"),
    ("GET", "/schule/keys"),
    ("POST", "/schule/keys"),
    ("POST", "/schule/keys/abcdef/revoke"),
)


@pytest.fixture
async def world(database: MakeDatabase, prefix: str, servers: Servers) -> AsyncIterator[World]:
    """Doors that answer, with a broker."""
    async with opened(await database("gateway"), prefix, servers.kafka) as made:
        yield made
        admin = KafkaAdmin(parse_address(servers.kafka))
        admin.remove(topics=admin.topics(prefix))


@pytest.fixture
def administration(world: World) -> GatewayAdministration:
    return GatewayAdministration(world.client, "http://127.0.0.1", SERVICE_KEYS["allocation"])


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_only_the_steering_side_administers(world: World, method: str, path: str) -> None:
    async def asked(**headers: str) -> tuple[int, str]:
        answer = await world.client.request(method, DOORS + path, headers=headers)
        return answer.status_code, answer.json()["code"]

    assert await asked() == (401, "key_missing")
    assert await asked(Authorization="Bearer nobody knows this key") == (401, "key_unknown")
    support = f"Bearer {SERVICE_KEYS['notifications']}"
    assert await asked(Authorization=support) == (403, "administration_closed")
    for slug in ("schule", "amt"):
        assert await asked(**world.auth(slug)) == (403, "administration_closed")
    assert await world.rows("SELECT FROM api_key WHERE revoked_at IS NOT NULL") == []
    assert len(await world.rows("SELECT FROM publisher WHERE active AND version = 1")) == 4


async def test_a_registered_publisher_has_topics_a_key_and_is_announced(
    world: World, administration: GatewayAdministration, servers: Servers
) -> None:
    done = await administration.put(NEW, "de")
    assert done == dataclasses.replace(NEW, version=1)
    made = set(KafkaAdmin(parse_address(servers.kafka)).topics(world.context.prefix))
    assert made == set(publisher_topics("kurse-nord", world.context.prefix))
    assert [row["aggregateid"] for row in await world.outbox()] == ["kurse-nord"]
    key = await administration.make_key("kurse-nord", "de")
    assert isinstance(key, MadeKey)
    assert key.text not in repr(key)
    headers = {"Authorization": f"Bearer {key.text}", "Content-Type": "application/cloudevents+json"}
    event = structured("course-announced", "e-1", course())
    assert (await world.client.post("/v1/events", json=event, headers=headers)).status_code == 202
    assert await administration.put(done, "de") == done, "the same again changes nothing"
    assert len(await world.outbox()) == 2
    found = await administration.keys("kurse-nord", "de")
    assert not isinstance(found, NotTaken | Unreachable)
    assert [(one.prefix, one.usable, one.revoked_at) for one in found] == [(key.prefix, True, None)]
    assert isinstance(found[0].expires_at, datetime)
    assert await administration.revoke_key("kurse-nord", key.prefix, "de") is None
    assert (await world.client.get("/v1/findings", headers=headers)).status_code == 401
    again = await administration.revoke_key("kurse-nord", key.prefix, "de")
    assert isinstance(again, NotTaken)
    assert again.code == "key_not_there"


async def test_who_has_read_an_older_version_changes_nothing(
    world: World, administration: GatewayAdministration
) -> None:
    listed = await administration.publishers("de")
    assert not isinstance(listed, NotTaken | Unreachable)
    before = {one.slug: one for one in listed}
    amt = before["amt"]
    shared = await administration.put(dataclasses.replace(amt, kreise=("99001", "99002")), "de")
    assert isinstance(shared, RegisteredPublisher)
    assert shared.version == 2
    late = await administration.put(dataclasses.replace(amt, kreise=("99001", "99003")), "de")
    assert isinstance(late, NotTaken)
    assert late.code == "publisher_changed"
    assert isinstance(await administration.deactivate("amt", 1, "de"), NotTaken)
    new = await administration.put(dataclasses.replace(NEW, slug="amt"), "de")
    assert isinstance(new, NotTaken)
    assert (await world.rows("SELECT kreise, active FROM publisher WHERE slug = 'amt'"))[0]["kreise"] == [
        "99001",
        "99002",
    ]


async def test_what_pages_do_not_ask_for_stays(world: World, administration: GatewayAdministration) -> None:
    """Organisation and event types of a publisher that a command made; its kinds cannot change."""
    listed = await administration.publishers("de")
    assert not isinstance(listed, NotTaken | Unreachable)
    beratung = next(one for one in listed if one.slug == "beratung")
    await administration.put(dataclasses.replace(beratung, name="Beratung (neu)"), "de")
    (row,) = await world.rows("SELECT name, organisation FROM publisher WHERE slug = 'beratung'")
    assert tuple(row) == ("Beratung (neu)", "wohlfahrt")
    other = dataclasses.replace(beratung, version=2, kinds=frozenset({"provider"}))
    refused = await administration.put(other, "de")
    assert isinstance(refused, NotTaken)
    assert refused.code == "publisher_kinds_differ"
    assert "andere Aufgabe" in refused.messages[0]


async def test_a_deactivated_publisher_has_no_way_in_and_may_come_back(
    world: World, administration: GatewayAdministration
) -> None:
    ended = await administration.deactivate("schule", 1, "de")
    assert isinstance(ended, RegisteredPublisher)
    assert (ended.active, ended.version) == (False, 2)
    assert (await world.client.get("/v1/findings", headers=world.auth("schule"))).status_code == 401
    assert await administration.deactivate("schule", 2, "de") == ended, "the same again changes nothing"
    refused = await administration.make_key("schule", "de")
    assert isinstance(refused, NotTaken)
    assert refused.code == "publisher_inactive"
    back = await administration.put(ended, "de")
    assert isinstance(back, RegisteredPublisher)
    assert back.active
    assert isinstance(await administration.make_key("schule", "de"), MadeKey)


@pytest.mark.parametrize(
    "wrong",
    [
        {"slug": "Kurse Nord"},
        {"slug": "a" * 49},
        {"kreise": ()},
        {"kreise": ("9900",)},
        {"kinds": frozenset({"kreis"})},
        {"kinds": frozenset()},
        {"authority": True},
        {"name": ""},
        {"supplier_ids": ("",)},
    ],
)
async def test_what_is_no_publisher_is_refused(
    world: World, administration: GatewayAdministration, wrong: dict[str, object]
) -> None:
    refused = await administration.put(dataclasses.replace(NEW, **wrong), "de")  # type: ignore[arg-type]
    assert isinstance(refused, NotTaken), refused
    assert refused.messages
    assert len(await world.rows("SELECT FROM publisher")) == 4


async def test_without_a_broker_nobody_is_registered(database: MakeDatabase, prefix: str) -> None:
    async with opened(await database("gateway"), prefix) as world:
        client = GatewayAdministration(world.client, "http://127.0.0.1", SERVICE_KEYS["allocation"])
        assert await client.put(NEW, "de") == Unreachable("broker_unavailable")
        assert len(await world.rows("SELECT FROM publisher")) == 4


async def test_a_silent_gateway_is_told_apart_from_a_refusal() -> None:
    def silent(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody")

    def odd(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"publishers": [{"slug": "x"}]})

    for answers, code in ((silent, "ConnectError"), (odd, "answer")):
        async with httpx.AsyncClient(transport=httpx.MockTransport(answers)) as http:
            client = GatewayAdministration(http, "http://127.0.0.1", "key")
            assert await client.publishers("de") == Unreachable(code)


async def test_the_doors_are_not_documented(world: World) -> None:
    document = (await world.client.get("/openapi.json")).json()
    assert not [path for path in document["paths"] if "administration" in path]
