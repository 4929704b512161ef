"""Tables of travel times on a real database: one holds, each is kept, another Kreis sees none of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from services.allocation.policy import travel_store
from services.allocation.policy.travel import read_travel
from services.allocation.steering.commands import app
from tests.integration.allocation.policy.test_policies import JANA, KREIS, NOW, OTHER, PETER, Place, place
from tests.places.loaded import load_towns

__all__ = ["place"]

TOWNS = tuple(f"9900100{n};Ort {n};0010{n};;;;" for n in range(1, 4))
WAYS = "from_town,to_town,minutes\n99001001,99001002,20\n99001002,99001001,25\n99001001,99002001,70\n"


async def _load(place: Place, text: str, kreis: str = KREIS) -> travel_store.Loaded:
    table = read_travel(text.encode())
    file = travel_store.File("fahrzeiten.csv", text.encode())
    async with place.as_person(JANA, kreis) as conn:
        return await travel_store.load(conn, kreis, file, table, JANA, NOW)


_TIMES = "SELECT from_town, to_town, minutes, filled FROM travel_time WHERE kreis = $1 ORDER BY 1, 2"


async def test_travel_times_are_loaded_replaced_and_kept(place: Place) -> None:
    first = await _load(place, WAYS)
    assert await place.rows(_TIMES, KREIS) == [
        ("99001001", "99001002", 20, False),
        ("99001001", "99002001", 70, False),
        ("99001002", "99001001", 25, False),
        ("99002001", "99001001", 70, True),
    ]
    await _load(place, WAYS, OTHER)
    await _load(place, "from_town,to_town,minutes\n99001001,99001002,15\n")
    assert [row[2] for row in await place.rows(_TIMES, KREIS)] == [15, 15]
    assert len(await place.rows(_TIMES, OTHER)) == 4
    async with place.as_person(JANA) as conn:
        assert [one.active for one in await travel_store.history(conn, KREIS)].count(True) == 1
        assert await travel_store.content(conn, first.id) == WAYS.encode()
        assert await travel_store.remove(conn, KREIS, JANA, NOW, "the table was wrong")
        assert not await travel_store.remove(conn, KREIS, JANA, NOW, "the table was wrong")
    assert await place.rows(_TIMES, KREIS) == []
    async with place.as_person(PETER, OTHER) as conn:
        assert await travel_store.content(conn, first.id) is None
        assert not await travel_store.history(conn, KREIS)
    wished = await place.rows("SELECT reasons FROM steering_request ORDER BY kreis")
    assert wished == [(["travel_loaded", "travel_removed"],), (["travel_loaded"],)]


async def test_tables_loaded_at_once_leave_one(place: Place) -> None:
    await asyncio.gather(*(_load(place, WAYS.replace("70", str(70 + n))) for n in range(4)))
    assert await place.rows("SELECT count(*) FROM travel_table WHERE active") == [(1,)]
    assert len(await place.rows(_TIMES, KREIS)) == 4


async def test_a_loaded_table_is_never_changed(place: Place) -> None:
    await _load(place, WAYS)
    for change in ("rows = 7", "active = false, name = 'x'"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            async with place.as_person(JANA) as conn:
                await conn.execute(f"UPDATE travel_table SET {change}")


async def test_a_table_is_loaded_on_the_command_line(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KURSLOTSE_DB_WORKER", place.worker_dsn)
    await load_towns(place.admin_dsn, TOWNS, NOW.date())
    file = tmp_path / "ways.csv"
    file.write_text(WAYS + "99001001,99001003,eleven\n", encoding="utf-8")

    async def command(*further: str) -> Result:
        arguments = ["travel", "load", str(file), "--kreis", KREIS, "--by", "an administrator", *further]
        return await asyncio.to_thread(CliRunner().invoke, app, arguments)

    run = await command()
    assert run.exit_code == 1
    assert run.stderr == (
        "ways.csv:4: The town 99002001 is not known here.\n"
        "ways.csv:5: “eleven” is not a number of minutes from 0 to 600.\n"
    )
    assert await place.rows(_TIMES, KREIS) == []
    run = await command("--skip")
    assert run.exit_code == 0, run.output
    assert run.stdout == "2 ways, 0 ways back filled in, 2 lines skipped\n"
    assert len(await place.rows(_TIMES, KREIS)) == 2
    assert await place.rows("SELECT actor FROM policy_event") == [("an administrator",)]
