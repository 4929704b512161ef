"""Publishers registered by page, at a gateway process with its own rights at the broker, and no more."""

import dataclasses
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import httpx
import pytest
from confluent_kafka import KafkaException

from schemas.gateway import PublisherAnnounced
from schemas.topics import Family
from services.gateway.publishers.administration import admin_connection
from services.gateway.publishers.credentials import put_service_key
from services.runtime.data.db import connect
from services.runtime.http.gateway_administration import GatewayAdministration, MadeKey, RegisteredPublisher
from services.runtime.http.gateway_client import NotTaken, Unreachable
from services.runtime.kafka.access import SERVICE_ACCESS, Access
from services.runtime.kafka.administration import (
    KafkaAdmin,
    TopicsNotMadeError,
    ensure_service_access,
    parse_address,
)
from tests.allocation.process import running
from tests.broker import access, users
from tests.conftest import MakeDatabase
from tests.fixtures.gateway.process import Gateway
from tests.fixtures.gateway.world import course, structured
from tests.integration.allocation.test_process import POLICY
from tests.integration.gateway.test_commands import kurslotse
from tests.integration.gateway.test_credentials import address, user, with_kafka
from tests.waiting import wait_until

KEY = "the key of the steering side"
NEW = RegisteredPublisher(
    slug="kurse-nord",
    name="Kurse Nord (erfunden)",
    kinds=frozenset({"provider"}),
    kreise=("99001",),
    authority=False,
    supplier_ids=(),
    active=True,
    version=0,
)


@pytest.fixture
async def administration(gateway: Gateway) -> AsyncIterator[GatewayAdministration]:
    """The client of the steering side's pages, at a gateway that runs."""
    async with admin_connection(gateway.servers.database_url, gateway.prefix) as conn:
        await put_service_key(conn, "allocation", KEY)
    await gateway.start()
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        yield GatewayAdministration(http, gateway.url, KEY)
    gateway.admin.remove(
        topics=[name for name in gateway.admin.topics(gateway.prefix) if NEW.slug in name],
        users=[user(gateway, NEW.slug)],
    )


async def test_a_publisher_by_page_speaks_by_http_and_later_by_kafka(
    gateway: Gateway, administration: GatewayAdministration
) -> None:
    assert await administration.put(NEW, "de") == dataclasses.replace(NEW, version=1)
    assert user(gateway, NEW.slug) not in users(gateway.servers.kafka)
    made = await administration.make_key(NEW.slug, "de")
    assert isinstance(made, MadeKey)
    headers = {"Authorization": f"Bearer {made.text}", "Content-Type": "application/cloudevents+json"}
    async with gateway.client() as client:
        event = structured("course-announced", "e-1", course())
        assert (await client.post("/v1/events", json=event, headers=headers)).status_code == 202
    said = await wait_until(
        lambda: gateway.read(f"{gateway.prefix}kurslotse.in.{NEW.slug}"), 20, "its event is on its topic"
    )
    assert said[0].id == "e-1"
    announced = await gateway.read(f"{gateway.prefix}kurslotse.publishers")
    assert PublisherAnnounced.model_validate(announced[-1].data).slug == NEW.slug
    password = await with_kafka(gateway, NEW.slug)
    async with gateway.producer(address(gateway, NEW.slug, password)) as producer:
        await producer.send_and_wait(f"{gateway.prefix}kurslotse.in.{NEW.slug}", b"{}")
    assert isinstance(await administration.deactivate(NEW.slug, 1, "de"), RegisteredPublisher)
    async with gateway.client() as client:
        assert (await client.post("/v1/events", json=event, headers=headers)).status_code == 401
    assert user(gateway, NEW.slug) in users(gateway.servers.kafka), "it stays until the command"
    code, told = await kurslotse(gateway, "publisher", "deactivate", NEW.slug)
    assert (code, "inactive (version 2)" in told) == (0, True)
    assert user(gateway, NEW.slug) not in users(gateway.servers.kafka)
    assert access(gateway.servers.kafka, user(gateway, NEW.slug)) == []


async def test_the_steering_side_takes_what_a_publisher_by_page_sends(
    gateway: Gateway, administration: GatewayAdministration, database: MakeDatabase, tmp_path: Path
) -> None:
    """A real allocation process that runs already when the publisher and its topics come."""
    home = tmp_path / "allocation"
    home.mkdir()
    own = await database("allocation")
    async with running(gateway.servers, own, gateway.prefix, home, POLICY):
        assert isinstance(await administration.put(NEW, "de"), RegisteredPublisher)
        made = await administration.make_key(NEW.slug, "de")
        assert isinstance(made, MadeKey)
        headers = {"Authorization": f"Bearer {made.text}", "Content-Type": "application/cloudevents+json"}
        async with gateway.client() as client:
            event = structured("course-announced", "e-1", course())
            assert (await client.post("/v1/events", json=event, headers=headers)).status_code == 202
        conn = await connect(own.admin, name="test")
        try:
            taken = "SELECT count(*) FROM course WHERE provider = $1"
            await wait_until(lambda: conn.fetchval(taken, NEW.slug), 60, "its course is known")
            active = "SELECT active FROM runtime.publisher WHERE slug = $1"
            assert await conn.fetchval(active, NEW.slug)
            assert isinstance(await administration.deactivate(NEW.slug, 1, "de"), RegisteredPublisher)

            async def ended() -> bool:
                return not await conn.fetchval(active, NEW.slug)

            await wait_until(ended, 60, "its end is known")
        finally:
            await conn.close()


async def test_the_gateway_makes_topics_of_publishers_and_nothing_else(
    gateway: Gateway, administration: GatewayAdministration
) -> None:
    """With the gateway's own credentials: no other topic, no user, no access, no change of a topic."""
    assert isinstance(await administration.put(NEW, "de"), RegisteredPublisher)
    own = KafkaAdmin(parse_address(gateway.environment()["KURSLOTSE_SERVICE_KAFKA"]))
    for name in (f"{gateway.prefix}kurslotse.placements.x", f"{gateway.prefix}kurslotse.more", "more"):
        with pytest.raises(TopicsNotMadeError) as refused:
            own.make_missing({name: Family.IN}, seconds=10)
        assert refused.value.denied
    topic = f"{gateway.prefix}kurslotse.in.{NEW.slug}"
    acts: list[Callable[[], None]] = [
        lambda: own.ensure_user(user(gateway, NEW.slug), "a password"),
        lambda: own.allow(user(gateway, NEW.slug), reads=["x"], writes=[], group="x"),
        lambda: own.ensure_topics({topic: Family.IN}),
        lambda: own.remove(topics=[topic]),
    ]
    for act in acts:
        with pytest.raises(KafkaException, match=r"(?i)authoriz"):
            act()


async def test_without_the_right_nobody_is_registered_half(
    gateway: Gateway, administration: GatewayAdministration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installation that an earlier release has made, before `kurslotse db apply`."""
    before = dataclasses.replace(SERVICE_ACCESS["gateway"], makes=())
    monkeypatch.setitem(cast("dict[str, Access]", SERVICE_ACCESS), "gateway", before)
    ensure_service_access(gateway.admin, "gateway", gateway.password, prefix=gateway.prefix)
    assert await administration.put(NEW, "de") == Unreachable("broker_not_allowed")
    listed = await administration.publishers("de")
    assert not isinstance(listed, NotTaken | Unreachable)
    assert NEW.slug not in {one.slug for one in listed}
