"""GET /v1/findings and /v1/addressed: in order, in the reader's language, and only one's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest

from services.gateway import upkeep
from services.gateway.findings.store import Addressed, Finding, add_addressed, add_findings, add_watermarks
from services.gateway.upkeep import Upkeep
from services.runtime.data.db import transaction
from tests.fixtures.gateway.world import NOW, SERVICE_KEYS, World
from tests.identity import IDENTITY_KEY


def finding(slug: str, code: str, family: str = "in", **more: str) -> Finding:
    values = {"organisation": slug, "kind": "rejected", "field": "course"} | more
    return Finding(
        id=uuid4(),
        publisher=slug,
        family=family,
        code=code,
        params={},
        event_id="e-1",
        event_type=None,
        raised_at=NOW,
        topic=f"kurslotse.{family}.{slug}",
        partition=0,
        offset=7,
        **values,
    )


async def test_findings_come_in_order_with_what_to_do(world: World) -> None:
    async with transaction(world.worker) as conn:
        await add_findings(conn, [finding("schule", "course_unknown"), finding("schule", "never_heard_of")])
        await add_findings(conn, [finding("akademie", "id_reused")])
        await add_watermarks(conn, [finding("schule", "accepted", kind="accepted")])
    answer = await world.client.get("/v1/findings", headers=world.auth("schule"))
    body = answer.json()
    assert [(item["number"], item["code"]) for item in body["findings"]] == [
        (1, "course_unknown"),
        (2, "never_heard_of"),
    ]
    assert all(item["message"] and item["what_to_do"] for item in body["findings"])
    assert body["judged"][0]["offset"] == 7
    later = await world.client.get("/v1/findings?after=1&limit=1", headers=world.auth("schule"))
    assert [item["number"] for item in later.json()["findings"]] == [2]
    assert later.json()["next"] == 2
    german = body["findings"][0]["message"]
    english = await world.client.get(
        "/v1/findings", headers=world.auth("schule", **{"Accept-Language": "en"})
    )
    assert english.json()["findings"][0]["message"] != german


async def test_a_watermark_never_goes_back(world: World) -> None:
    async with transaction(world.worker) as conn:
        for offset in (7, 3):
            mark = finding("schule", "accepted", kind="accepted")
            mark = Finding(**{name: getattr(mark, name) for name in mark.__slots__} | {"offset": offset})
            await add_watermarks(conn, [mark])
    body = (await world.client.get("/v1/findings", headers=world.auth("schule"))).json()
    assert [item["offset"] for item in body["judged"]] == [7]


async def test_the_steering_side_sees_no_finding_of_the_support_side(world: World) -> None:
    async with transaction(world.worker) as conn:
        both = [finding("schule", "course_unknown"), finding("schule", "mark_unknown", "support")]
        await add_findings(conn, both)

    async def codes(service: str) -> list[str]:
        headers = {"Authorization": f"Bearer {SERVICE_KEYS[service]}", "X-Kurslotse-Publisher": "schule"}
        found = (await world.client.get("/v1/findings", headers=headers)).json()["findings"]
        return [item["code"] for item in found]

    assert await codes("allocation") == ["course_unknown"]
    assert await codes("notifications") == ["course_unknown", "mark_unknown"]


async def test_a_publisher_reads_its_own_addressed_events_only(world: World) -> None:
    id_ = uuid4()
    async with transaction(world.worker) as conn:
        for _ in range(2):
            await add_addressed(conn, [Addressed(id_, "schule", "schule", {"id": str(id_)})])
    body = (await world.client.get("/v1/addressed", headers=world.auth("schule"))).json()
    assert body == {"events": [{"number": 1, "event": {"id": str(id_)}}], "next": 1}
    assert (await world.client.get("/v1/addressed", headers=world.auth("akademie"))).json()["events"] == []


async def test_row_level_security_holds_even_where_a_query_forgets(world: World) -> None:
    async with transaction(world.worker) as conn:
        await add_findings(conn, [finding("schule", "id_reused")])
    async with transaction(world.context.web) as conn:
        await conn.execute("SELECT set_config('kurslotse.organisation', 'akademie', true)")
        assert await conn.fetch("SELECT 1 FROM finding") == []
        await conn.execute("SELECT set_config('kurslotse.organisation', 'schule', true)")
        assert len(await conn.fetch("SELECT 1 FROM finding")) == 1


async def test_an_unknown_path_is_a_404_with_a_reason(world: World) -> None:
    answer = await world.client.get("/v1/nothing", headers=world.auth("schule"))
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_door")
    answer = await world.client.get("/v1/findings?after=x", headers=world.auth("schule"))
    assert answer.status_code == 422


async def test_what_is_old_is_deleted_in_slices_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    slices: list[int] = []
    monkeypatch.setattr(upkeep, "_AT_ONCE", 3)
    await world.worker.execute(
        "INSERT INTO accepted (publisher, family, event_id, hash, accepted_at)"
        " SELECT 'schule', 'in', n::text, decode(repeat('cd', 32), 'hex'),"
        " now() - make_interval(days => 59 + n % 3) FROM generate_series(1, 12) AS n"
    )
    for table, columns, values in (
        ("finding", "family, kind, code, params, raised_at", "'in', 'rejected', 'x', '{}', now()"),
        ("addressed", "event", "'{}'"),
    ):
        await world.worker.execute(
            f"INSERT INTO {table} (publisher, number, organisation, id, stored_at, {columns})"
            " SELECT 'schule', n, 'schule', gen_random_uuid(), now() - make_interval(days => 89 + n % 3),"
            f" {values} FROM generate_series(1, 12) AS n"
        )
    real = transaction

    @asynccontextmanager
    async def counted(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
        sizes = (
            "SELECT (SELECT count(*) FROM accepted) + (SELECT count(*) FROM finding)"
            " + (SELECT count(*) FROM addressed)"
        )
        async with real(pool) as conn:
            before = await conn.fetchval(sizes)
            yield conn
            slices.append(before - await conn.fetchval(sizes))

    monkeypatch.setattr(upkeep, "transaction", counted)
    assert await Upkeep(world.worker, IDENTITY_KEY, inbox_days=60).run(world.clock.now()) == 24
    assert max(slices) == 3
    for table in ("accepted", "finding", "addressed"):
        (row,) = await world.rows(f"SELECT count(*) AS n FROM {table}")
        assert row["n"] == 4, table
