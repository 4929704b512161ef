"""`kurslotse steering policy check` knows the towns of the installation that runs here."""

import asyncio
from datetime import date
from pathlib import Path

import pytest
import typer

from services.allocation.policy import commands
from services.places.loading import load, read_file
from services.runtime.data.db import connect
from tests.conftest import MakeDatabase
from tests.databases import Database

TOWNS = b"ags;name\n99001001;Musterstadt\n"
POLICY = """- valid_from: 2026-01-01
  source: "a council"
  automatic: []
  reservation: {days: 10, present_days: 3}
  cadence: {every: daily, hour: 6, near_start_days: 14}
  limits: {latest_start_days: 182, late_entry: false}
  goals: [priority, waiting]
  towns:
    "99001001": {latitude: 53.9, longitude: 11.3}
    "99001009": {latitude: 53.9, longitude: 11.3}
"""


@pytest.fixture
async def loaded(database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> Database:
    made = await database("allocation")
    conn = await connect(made.admin, name="policy check")
    async with conn.transaction():
        await load(conn, read_file("towns.csv", TOWNS, today=date(2026, 1, 1)))
    await conn.close()
    monkeypatch.setenv("KURSLOTSE_DB_WORKER", made.worker)
    return made


@pytest.mark.usefixtures("loaded")
async def test_a_town_that_is_in_no_edition_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong, right = tmp_path / "wrong.yaml", tmp_path / "right.yaml"
    wrong.write_text(POLICY, "utf-8")
    right.write_text("\n".join(POLICY.splitlines()[:-1]) + "\n", "utf-8")
    with pytest.raises(typer.Exit):
        await asyncio.to_thread(commands.check, wrong)
    assert "wrong.yaml:10:5" in capsys.readouterr().err
    await asyncio.to_thread(commands.check, right)
    assert "no mistakes" in capsys.readouterr().out
    monkeypatch.delenv("KURSLOTSE_DB_WORKER")
    await asyncio.to_thread(commands.check, wrong)  # without a database nobody knows
    assert "no mistakes" in capsys.readouterr().out
