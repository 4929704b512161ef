"""Every column with personal or pseudonymous data is registered, and jobs enforce the periods."""

from pathlib import Path

import asyncpg
import pytest

from schemas.topics import Family
from services.allocation.policy.domain import load_policies
from services.gateway import upkeep
from services.notifications import settings
from services.runtime.base.settings import LoopSettings
from services.runtime.data import retention
from services.runtime.kafka.access import RETENTION_DAYS
from tests.conftest import MakeDatabase
from tests.serving import REPOSITORY

SHARED = {"allocation": ("accounts",), "notifications": ("accounts",)}
"""Registries that further services share."""
_COLUMNS = """
    SELECT CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS tab,
        a.attname AS col
    FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
        AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    """


async def columns(address: str) -> dict[str, set[str]]:
    conn = await asyncpg.connect(address)
    found: dict[str, set[str]] = {}
    for row in await conn.fetch(_COLUMNS):
        found.setdefault(row["tab"], set()).add(row["col"])
    await conn.close()
    return found


@pytest.mark.parametrize("service", ["gateway", "allocation", "notifications"])
async def test_every_column_is_registered(service: str, database: MakeDatabase) -> None:
    known = retention.registries()
    found = await columns((await database(service)).admin)
    of_service = [known[name] for name in (service, "runtime", *SHARED.get(service, ()))]
    tables = {name: table for one in of_service for name, table in one.tables.items()}
    nobody = {name for one in of_service for name in one.not_about_people}
    if service == "notifications":
        keys = await columns((await database("keys")).admin)
        found |= {f"keys.{name}": cols for name, cols in keys.items() if not name.startswith("runtime.")}
    registered = {name: set(table.columns) for name, table in tables.items()}
    assert {name: cols for name, cols in found.items() if name not in nobody} == registered
    assert nobody <= found.keys()
    assert not nobody & tables.keys()


def test_the_page_is_the_registries() -> None:
    assert retention.main(["--check"]) == 0


def test_every_period_with_a_job_is_the_one_the_job_enforces() -> None:
    known = retention.registries()
    policy, loop = settings.load().retention, LoopSettings()
    assert known["notifications"].periods["disclosure_log_days"].days == policy.disclosure_log_days
    assert known["notifications"].periods["participation_days"].days == policy.participation_days
    assert known["notifications"].periods["consent_proof_days"].days == policy.consent_proof_days
    assert known["gateway"].periods["feed_days"].days == upkeep.KEEP_DAYS
    assert known["gateway"].periods["inbox_days"].days == loop.inbox_days
    assert known["runtime"].periods["inbox_days"].days == loop.inbox_days
    assert known["runtime"].periods["quarantine_days"].days == loop.quarantine_days
    assert known["runtime"].periods["parked_days"].days == loop.parked_for_seconds / 86_400
    assert known["runtime"].periods["tombstone_days"].days == RETENTION_DAYS[Family.ERASURES]
    assert load_policies() is not None


def test_every_job_is_there() -> None:
    for registry in retention.registries().values():
        for name, table in registry.tables.items():
            assert Path(REPOSITORY / table.job).is_file(), name


def test_only_what_a_law_says_is_called_law() -> None:
    """Every other period says that the Kreis decides it, or that the machine needs it."""
    by_law = {
        (service, name): period.says
        for service, registry in retention.registries().items()
        for name, period in registry.periods.items()
        if period.set_by is retention.SetBy.LAW
    }
    assert by_law.keys() == {("allocation", "erasure"), ("notifications", "consent_proof_days")}
    assert all("DSGVO" in says or "BGB" in says for says in by_law.values())
