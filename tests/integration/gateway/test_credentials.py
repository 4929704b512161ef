"""A publisher's credentials on real servers: they are replaced, and they end everywhere at once."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import aiokafka.errors
import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.gateway import PublisherAnnounced
from services.runtime.kafka.administration import client_options, parse_address
from tests.broker import access, users
from tests.fixtures.gateway.process import Gateway
from tests.integration.gateway.test_commands import kurslotse
from tests.integration.gateway.test_process import raised, reserved
from tests.waiting import wait_until

SHOWN = re.compile(r"shown only now: (\S+)")


def user(gateway: Gateway, slug: str) -> str:
    return f"{gateway.prefix}pub.{slug}"


def address(gateway: Gateway, slug: str, password: str) -> str:
    return f"sasl://{user(gateway, slug)}:{password}@{parse_address(gateway.servers.kafka).servers}"


async def with_kafka(gateway: Gateway, slug: str) -> str:
    """Give a publisher a Kafka password by command; return it."""
    code, said = await kurslotse(gateway, "publisher", "rotate", slug, "--kafka")
    assert code == 0, said
    (password,) = SHOWN.findall(said)
    return str(password)


async def status_of(gateway: Gateway, key: str) -> int:
    async with gateway.client() as client:
        answer = await client.get("/v1/findings", headers={"Authorization": f"Bearer {key}"})
        return answer.status_code


async def test_a_deactivated_publisher_has_no_way_in_and_nothing_is_sent_to_it(gateway: Gateway) -> None:
    await gateway.start()
    here = gateway.servers.kafka
    password = await with_kafka(gateway, "amt")
    assert await status_of(gateway, gateway.keys["amt"]) == 200
    code, said = await kurslotse(gateway, "publisher", "deactivate", "amt")
    assert code == 0, said
    assert await status_of(gateway, gateway.keys["amt"]) == 401
    assert user(gateway, "amt") not in users(here)
    assert access(here, user(gateway, "amt")) == []
    with pytest.raises(aiokafka.errors.KafkaError):
        async with gateway.producer(address(gateway, "amt", password)):
            pass
    announced = await wait_until(
        lambda: _announced(gateway, "amt"), 20, "the deactivation is announced to the services"
    )
    assert announced[-1].active is False
    data = reserved()
    await gateway.say(
        f"{gateway.prefix}kurslotse.placements", data, str(data.participant), audience=("schule", "amt")
    )
    await gateway.say(f"{gateway.prefix}kurslotse.findings.steering", raised("amt", 1), "amt")
    await gateway.say(f"{gateway.prefix}kurslotse.findings.steering", raised("schule", 1), "schule")
    await wait_until(lambda: _sent(gateway, "schule", 2), 25, "the active one's copies")
    assert await gateway.read(f"{gateway.prefix}kurslotse.out.amt") == []
    code, said = await kurslotse(gateway, "publisher", "deactivate", "amt")
    assert (code, "inactive (version 2)" in said) == (0, True), "the same again changes nothing"


async def test_open_connections_of_a_deactivated_publisher_may_do_nothing_more(gateway: Gateway) -> None:
    """Kafka closes no connection by command; what it was allowed to do is refused from then on."""
    password = await with_kafka(gateway, "amt")
    said_to = f"{gateway.prefix}kurslotse.in.amt"
    told = TopicPartition(f"{gateway.prefix}kurslotse.out.amt", 0)
    where = address(gateway, "amt", password)
    consumer = AIOKafkaConsumer(**client_options(parse_address(where)), enable_auto_commit=False)
    async with gateway.producer(where) as producer, consumer:
        consumer.assign([told])
        await consumer.seek_to_beginning(told)
        await producer.send_and_wait(said_to, b"{}")
        assert await consumer.getmany(timeout_ms=500) == {}  # allowed: there is only nothing
        code, said = await kurslotse(gateway, "publisher", "deactivate", "amt")
        assert code == 0, said
        with pytest.raises(aiokafka.errors.TopicAuthorizationFailedError):
            await producer.send_and_wait(said_to, b"{}")
        with pytest.raises(aiokafka.errors.TopicAuthorizationFailedError):
            await asyncio.wait_for(consumer.getone(), 20)


async def _announced(gateway: Gateway, slug: str) -> list[PublisherAnnounced]:
    records = await gateway.read(f"{gateway.prefix}kurslotse.publishers")
    found = [PublisherAnnounced.model_validate(record.data) for record in records if record.key == slug]
    return found if found and not found[-1].active else []


async def _sent(gateway: Gateway, slug: str, count: int) -> bool:
    return len(await gateway.read(f"{gateway.prefix}kurslotse.out.{slug}")) >= count


async def test_who_comes_back_gets_new_credentials(gateway: Gateway) -> None:
    old = await with_kafka(gateway, "amt")
    assert (await kurslotse(gateway, "publisher", "deactivate", "amt"))[0] == 0
    for refused in ("--key", "--kafka"):
        code, said = await kurslotse(gateway, "publisher", "rotate", "amt", refused)
        assert (code, "amt is not active" in said) == (2, True)
    add = ("publisher", "add", "amt", "--name", "Amt (erfunden)", "--kind", "office", "--kreis", "99001")
    code, said = await kurslotse(gateway, *add, "--authority")
    assert code == 0, said
    key, password = SHOWN.findall(said)
    await gateway.start()
    assert await status_of(gateway, key) == 200
    assert await status_of(gateway, gateway.keys["amt"]) == 401
    async with gateway.producer(address(gateway, "amt", password)) as producer:
        await producer.send_and_wait(f"{gateway.prefix}kurslotse.in.amt", b"{}")
    with pytest.raises(aiokafka.errors.KafkaError):
        async with gateway.producer(address(gateway, "amt", old)):
            pass


async def test_keys_overlap_and_kafka_passwords_do_not(gateway: Gateway) -> None:
    await gateway.start()
    first = await with_kafka(gateway, "schule")
    second = await with_kafka(gateway, "schule")
    assert first != second
    async with gateway.producer(address(gateway, "schule", second)) as producer:
        await producer.send_and_wait(f"{gateway.prefix}kurslotse.in.schule", b"{}")
    with pytest.raises(aiokafka.errors.KafkaError):
        async with gateway.producer(address(gateway, "schule", first)):
            pass
    code, said = await kurslotse(gateway, "publisher", "rotate", "schule", "--key", "--overlap-days", "3")
    assert code == 0, said
    (key,) = SHOWN.findall(said)
    assert [await status_of(gateway, one) for one in (key, gateway.keys["schule"])] == [200, 200]
    ends = sorted(await _ends(gateway, "schule"))
    assert ends[0] - datetime.now(UTC) < timedelta(days=3)
    assert ends[1] - datetime.now(UTC) > timedelta(days=700)
    code, said = await kurslotse(gateway, "publisher", "rotate", "schule", "--key", "--overlap-days", "0")
    assert code == 0, said
    assert [await status_of(gateway, one) for one in (key, gateway.keys["schule"])] == [401, 401]


async def _ends(gateway: Gateway, slug: str) -> list[datetime]:
    conn = await asyncpg.connect(gateway.database.admin)
    try:
        rows = await conn.fetch("SELECT expires_at FROM api_key WHERE publisher = $1", slug)
    finally:
        await conn.close()
    return [row["expires_at"] for row in rows]


async def test_whether_somebody_obliges_people_is_asked(gateway: Gateway) -> None:
    name = f"neu-{uuid4().hex[:6]}"
    add = ("publisher", "add", name, "--name", "Neu (erfunden)", "--kreis", "99001", "--kind")
    for kind in ("office", "provider"):
        code, said = await kurslotse(gateway, *add, kind)
        assert code == 2
        assert "Say --authority or --no-authority" in said
    code, said = await kurslotse(gateway, *add, "provider", "--authority")
    assert (code, "--authority is for offices" in said) == (2, True)
    listed = gateway.home / "listed.json"
    listed.write_text(f'[{{"slug": "{name}", "name": "x", "kinds": ["office"], "kreise": ["99001"]}}]')
    code, said = await kurslotse(gateway, "publisher", "load", str(listed))
    assert (code, "authority is expected" in said) == (2, True)
    assert user(gateway, name) not in users(gateway.servers.kafka)
    code, said = await kurslotse(gateway, *add, "office", "--no-authority")
    assert code == 0, said
    gateway.admin.remove(users=[user(gateway, name)])
