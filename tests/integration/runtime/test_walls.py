"""Tests with PostgreSQL and Kafka themselves who may connect where and touch what."""

import asyncio
from collections.abc import AsyncIterator

import aiokafka
import asyncpg
import pytest
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from schemas.topics import Family, topic
from services.runtime.data import migrate, roles
from services.runtime.data.db import open_pool, web_transaction
from services.runtime.kafka import administration as kafka
from services.runtime.kafka.access import SERVICE_ACCESS
from tests.serving import Servers

WORDS = roles.Passwords("w-word", "x-word", "s-word")


@pytest.fixture
async def databases(servers: Servers, prefix: str) -> AsyncIterator[dict[str, str]]:
    """Two services' databases, made as `kurslotse db apply` makes them."""
    made = {}
    for service in ("one", "two"):
        await migrate.apply(servers.database_url, service, prefix=prefix, passwords=WORDS)
        made[service] = roles.database_name(prefix, service)
    yield made
    admin = await asyncpg.connect(servers.database_url)
    for name in made.values():
        await roles.drop_database(admin, name)
    await admin.close()


def address(servers: Servers, database: str, kind: str, of: str | None = None) -> str:
    role = roles.role_name(of or database, kind)
    return roles.address_of(servers.database_url, database, role, getattr(WORDS, kind))


async def test_applying_twice_changes_nothing(
    servers: Servers, prefix: str, databases: dict[str, str]
) -> None:
    assert databases
    assert await migrate.apply(servers.database_url, "one", prefix=prefix, passwords=WORDS) == []


@pytest.mark.parametrize("kind", roles.RUNTIME_ROLES)
async def test_no_role_reaches_another_services_database(
    servers: Servers, databases: dict[str, str], kind: str
) -> None:
    own = await asyncpg.connect(address(servers, databases["one"], kind))
    await own.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(address(servers, databases["two"], kind, of=databases["one"]))


async def test_the_owner_cannot_log_in(servers: Servers, databases: dict[str, str]) -> None:
    owner = roles.role_name(databases["one"], "owner")
    with pytest.raises(asyncpg.PostgresError):
        await asyncpg.connect(roles.address_of(servers.database_url, databases["one"], owner, "anything"))


async def as_owner(servers: Servers, database: str, sql: str) -> None:
    conn = await asyncpg.connect(roles.address_of(servers.database_url, database))
    await conn.execute(f"SET ROLE {roles.role_name(database, 'owner')}")
    await conn.execute(sql)
    await conn.close()


async def test_the_web_role_sees_its_tenant_only_and_nothing_by_default(
    servers: Servers, databases: dict[str, str]
) -> None:
    database = databases["one"]
    await as_owner(
        servers,
        database,
        """
        CREATE TABLE place (id integer PRIMARY KEY, kreis text NOT NULL);
        CREATE TABLE person (id integer PRIMARY KEY, organisation text NOT NULL);
        CREATE TABLE secret (id integer PRIMARY KEY);
        CREATE TABLE journal (id integer PRIMARY KEY);
        SELECT runtime.tenant_table('place', 'kreis', 'SELECT, INSERT, UPDATE');
        SELECT runtime.tenant_table('person', 'organisation', 'SELECT');
        SELECT runtime.restrict_table('journal', 'SELECT, INSERT');
        """,
    )
    worker = await open_pool(address(servers, database, "worker"), name="t")
    await worker.execute("INSERT INTO place VALUES (1, '99001'), (2, '99002'), (3, '99003')")
    await worker.execute("INSERT INTO person VALUES (1, 'caritas'), (2, 'diakonie')")
    assert await worker.fetchval("SELECT count(*) FROM place") == 3
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await worker.execute("DELETE FROM journal")
    web = await open_pool(address(servers, database, "web"), name="t")
    async with web_transaction(web, kreise=["99001", "99003"]) as conn:
        assert [row["id"] for row in await conn.fetch("SELECT id FROM place ORDER BY id")] == [1, 3]
        assert await conn.fetch("SELECT * FROM person") == []
        assert await conn.execute("UPDATE place SET kreis = kreis WHERE id = 2") == "UPDATE 0"
    async with web_transaction(web, organisation="caritas") as conn:
        assert [row["id"] for row in await conn.fetch("SELECT id FROM person")] == [1]
        assert await conn.fetch("SELECT * FROM place") == []
    assert await web.fetch("SELECT * FROM place") == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with web_transaction(web, kreise=["99001"]) as conn:
            await conn.execute("INSERT INTO place VALUES (9, '99002')")
    for table in ("secret", "runtime.inbox", "runtime.parked"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await web.fetch(f"SELECT * FROM {table}")
    await asyncio.gather(worker.close(), web.close())


async def test_the_status_role_reads_counts_and_writes_nothing(
    servers: Servers, databases: dict[str, str]
) -> None:
    conn = await asyncpg.connect(address(servers, databases["one"], "status"))
    assert await conn.fetchval("SELECT waiting FROM status.outbox") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.fetch("SELECT * FROM runtime.outbox")
    with pytest.raises(asyncpg.PostgresError):
        await conn.execute("CREATE TEMPORARY TABLE t (i integer)")
    await conn.close()


async def test_a_changed_or_vanished_migration_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("migrations")
    (folder / "0001_first.sql").write_text("SELECT 1;")
    (first,) = migrate.read_directory("x", folder)
    assert migrate.outstanding([first], []) == [first]
    assert migrate.outstanding([first], [("x", 1, first.sha256)]) == []
    with pytest.raises(migrate.MigrationError, match="changed"):
        migrate.outstanding([first], [("x", 1, "another")])
    with pytest.raises(migrate.MigrationError, match="not on disk"):
        migrate.outstanding([first], [("x", 2, "any")])
    (folder / "0003_gap.sql").write_text("SELECT 1;")
    with pytest.raises(migrate.MigrationError, match="numbered"):
        migrate.read_directory("x", folder)


async def test_a_migration_that_fails_leaves_nothing_behind(
    servers: Servers, prefix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("migrations")
    (folder / "0001_half.sql").write_text("CREATE TABLE half (i integer); SELECT nonsense;")
    database = roles.database_name(prefix, "half")
    try:
        with pytest.raises(asyncpg.PostgresError):
            await migrate.apply(
                servers.database_url, "half", prefix=prefix, passwords=WORDS, migrations=folder
            )
        (folder / "0001_half.sql").write_text("CREATE TABLE half (i integer);")
        done = await migrate.apply(
            servers.database_url, "half", prefix=prefix, passwords=WORDS, migrations=folder
        )
        assert done == ["half/0001_half.sql"]
    finally:
        admin = await asyncpg.connect(servers.database_url)
        await roles.drop_database(admin, database)
        await admin.close()


async def test_kafka_keeps_the_sides_apart(servers: Servers, prefix: str) -> None:
    """Allocation reads `in`, notifications `support`; a publisher writes its own topics and no other's."""
    admin = kafka.KafkaAdmin(kafka.parse_address(servers.kafka))
    walls = [
        await asyncio.to_thread(kafka.ensure_service_access, admin, service, f"{service}-word", prefix=prefix)
        for service in SERVICE_ACCESS
    ]
    for slug in ("nord", "sued"):
        await asyncio.to_thread(kafka.ensure_publisher_access, admin, slug, f"{slug}-word", prefix=prefix)
    try:
        if not walls[0].enforced:
            assert "NOT ENFORCED" in walls[0].sentence
            return
        host = admin.address.servers
        nord = f"sasl://{prefix}pub.nord:nord-word@{host}"
        await write(nord, topic(Family.IN, "nord", prefix=prefix))
        await write(nord, topic(Family.SUPPORT, "nord", prefix=prefix))
        for forbidden in (
            topic(Family.IN, "sued", prefix=prefix),
            topic(Family.PLACEMENTS, prefix=prefix),
            topic(Family.OUT, "nord", prefix=prefix),
        ):
            with pytest.raises(TopicAuthorizationFailedError):
                await write(nord, forbidden)
        allocation = f"sasl://{prefix}allocation:allocation-word@{host}"
        seen = await visible(allocation)
        assert topic(Family.IN, "nord", prefix=prefix) in seen
        assert not {name for name in seen if ".support." in name or ".out." in name}
        assert not {name for name in seen if "findings.support" in name}
        await asyncio.to_thread(
            admin.allow,
            f"{prefix}notifications",
            reads=[f"{prefix}kurslotse.in."],  # as an earlier release allowed
            writes=[],
            group=f"{prefix}kurslotse.notifications.",
        )
        notifications = f"sasl://{prefix}notifications:notifications-word@{host}"
        assert topic(Family.IN, "nord", prefix=prefix) in await visible(notifications)
        await asyncio.to_thread(
            kafka.ensure_service_access, admin, "notifications", "notifications-word", prefix=prefix
        )
        seen = await visible(notifications)
        assert topic(Family.SUPPORT, "sued", prefix=prefix) in seen
        assert not {name for name in seen if ".in." in name}
        with pytest.raises(KafkaError):
            await visible(f"sasl://{prefix}allocation:wrong@{host}")
    finally:
        users = [kafka.service_user(service, prefix) for service in SERVICE_ACCESS]
        users += [kafka.publisher_user(slug, prefix) for slug in ("nord", "sued")]
        await asyncio.to_thread(lambda: admin.remove(topics=admin.topics(prefix), users=users))


async def write(address_: str, name: str) -> None:
    producer = aiokafka.AIOKafkaProducer(
        **kafka.client_options(kafka.parse_address(address_)), acks="all", enable_idempotence=True
    )
    await producer.start()
    try:
        await producer.send_and_wait(name, b"x", key=b"k")
    finally:
        await producer.stop()


async def visible(address_: str) -> set[str]:
    consumer = aiokafka.AIOKafkaConsumer(**kafka.client_options(kafka.parse_address(address_)))
    try:
        await consumer.start()
        return set(await consumer.topics())
    finally:
        await consumer.stop()
