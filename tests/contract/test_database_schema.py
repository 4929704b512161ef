"""The schema of each service's database after all migrations is the one that was reviewed."""

import asyncio
import os
from pathlib import Path

import asyncpg
import pytest

from services.runtime.data import roles
from services.runtime.data.schema_snapshot import snapshot
from tests.conftest import MakeDatabase
from tests.databases import Templates

REVIEWED = Path(__file__).parent / "databases"


@pytest.mark.parametrize("service", ["gateway", "allocation", "notifications"])
async def test_the_schema_is_the_reviewed_one(
    service: str, database: MakeDatabase, templates: Templates
) -> None:
    made = await database(service)
    conn = await asyncpg.connect(made.admin)
    found = await snapshot(conn, roles.database_name(templates.prefix, service))
    await conn.close()
    path = REVIEWED / f"{service}.txt"
    if os.environ.get("KURSLOTSE_WRITE_SNAPSHOTS") == "1":
        await asyncio.to_thread(path.write_text, found, encoding="utf-8")
    reviewed = await asyncio.to_thread(path.read_text, encoding="utf-8")
    assert found == reviewed, (
        "reviewed the change? KURSLOTSE_WRITE_SNAPSHOTS=1 pytest tests/contract writes it"
    )
