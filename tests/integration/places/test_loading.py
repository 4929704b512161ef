"""`kurslotse places load` fills every service's database, whole or not at all."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner

from services.cli import app
from services.places.current import CurrentPlaces
from services.places.store import not_holding, places_loaded
from services.runtime.data.db import connect, open_pool
from tests.conftest import MakeDatabase
from tests.databases import Database
from tests.places.files import INVENTED, MUSTERLAND, NACHBARLAND, Kreis, encoded, gv100ad
from tests.serving import Servers

SERVICES = ("gateway", "allocation", "notifications")
Command = Callable[..., Awaitable[tuple[int, str]]]
Databases = dict[str, Database]
SMALLER = Kreis(MUSTERLAND.key, MUSTERLAND.name, MUSTERLAND.towns[:3])


@pytest.fixture
async def databases(database: MakeDatabase) -> Databases:
    """The databases of one installation."""
    return {service: await database(service) for service in SERVICES}


@pytest.fixture
def places(
    databases: Databases, servers: Servers, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Run `kurslotse places ...` on this installation; return exit status and what it says."""
    assert len(databases) == len(SERVICES)
    for name, value in (
        ("KURSLOTSE_DATABASE_URL", servers.database_url),
        ("KURSLOTSE_PREFIX", prefix),
        ("KURSLOTSE_HOME", str(tmp_path / "home")),
    ):
        monkeypatch.setenv(name, value)
    for name in ("KURSLOTSE_KAFKA", "KURSLOTSE_CLOCK_FILE"):
        monkeypatch.delenv(name, raising=False)

    async def command(*arguments: str) -> tuple[int, str]:
        done = await asyncio.to_thread(CliRunner().invoke, app, ["places", *arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    return command


async def rows(database: Database) -> list[asyncpg.Record]:
    conn = await connect(database.web, name="test")
    try:
        return list(
            await conn.fetch(
                "SELECT ags, valid_from, valid_to, name, postcodes, successors FROM places.town"
                " ORDER BY ags, valid_from"
            )
        )
    finally:
        await conn.close()


def written(folder: Path, name: str, raw: bytes) -> str:
    path = folder / name
    path.write_bytes(raw)
    return str(path)


async def test_a_directory_goes_into_all_databases_and_again_changes_nothing(
    places: Command, databases: Databases, tmp_path: Path
) -> None:
    file = written(
        tmp_path, "GV100AD_31122024.txt", encoded(gv100ad(MUSTERLAND, day="20241231"), "iso-8859-1")
    )
    code, said = await places("load", file)
    assert code == 0, said
    assert said.count("4 towns as of 2024-12-31: 4 new, 0 changed, 0 ended") == 3
    told = [await rows(database) for database in databases.values()]
    assert told[0] == told[1] == told[2]
    assert [row["name"] for row in told[0]][2] == "Übungsdorf"
    code, said = await places("load", file)
    assert code == 0
    assert said.count("nothing new") == 3
    assert [await rows(database) for database in databases.values()] == told


async def test_a_later_edition_ends_who_vanished_and_finds_them_before(
    places: Command, databases: Databases, tmp_path: Path
) -> None:
    await places("load", written(tmp_path, "old.txt", encoded(gv100ad(MUSTERLAND, day="20241231"))))
    later = encoded(gv100ad(SMALLER, NACHBARLAND, day="20251231"))
    code, said = await places("load", written(tmp_path, "new.txt", later))
    assert code == 0, said
    assert said.count("1 new, 0 changed, 1 ended") == 3
    gone = next(row for row in await rows(databases["allocation"]) if row["ags"] == "99001011")
    assert (gone["valid_to"], gone["name"]) == (date(2025, 12, 31), "Weißenprobe am See")
    _, said = await places("find", "Weissenprobe", "--on", "2025-06-30")
    assert "99001011" in said
    _, said = await places("find", "Weissenprobe", "--on", "2026-06-30")
    assert "no town found" in said
    _, said = await places("find", "99001011")
    assert "until 2025-12-31" in said


async def test_a_table_tells_where_a_merged_town_belongs(
    places: Command, databases: Databases, tmp_path: Path
) -> None:
    await places("load", written(tmp_path, "gv.txt", encoded(gv100ad(MUSTERLAND, day="20241231"))))
    table = (
        "ags;name;postcodes;valid_to;successor\n99001001;Musterstadt, Stadt;00100 00101;;\n"
        "99001002;Beispielhausen;;;\n99001010;Übungsdorf;;2025-07-01;99001001\n"
        "99001011;Weißenprobe am See;;;\n"
    )
    code, said = await places("load", written(tmp_path, "t.csv", table.encode()), "--as-of", "2025-08-01")
    assert code == 0, said
    merged = next(row for row in await rows(databases["notifications"]) if row["ags"] == "99001010")
    assert (merged["valid_to"], merged["successors"]) == (date(2025, 7, 1), ["99001001"])
    first = (await rows(databases["notifications"]))[0]
    assert first["postcodes"] == ["00100", "00101"]


async def test_an_older_edition_is_refused_unless_its_day_is_given(
    places: Command, databases: Databases, tmp_path: Path
) -> None:
    await places("load", written(tmp_path, "new.txt", encoded(gv100ad(SMALLER, day="20251231"))))
    old = written(tmp_path, "old.txt", encoded(gv100ad(MUSTERLAND, day="20201231")))
    before = await rows(databases["gateway"])
    code, said = await places("load", old)
    assert code == 2
    assert "tells the towns of 2020-12-31, and those of 2025-12-31 are loaded already" in said
    assert "--as-of 2020-12-31" in said
    assert await rows(databases["gateway"]) == before
    code, said = await places("load", old, "--as-of", "2021-12-31")
    assert code == 2
    assert "tells the towns of 2020-12-31, not of 2021-12-31" in said
    code, said = await places("load", old, "--as-of", "2020-12-31")
    assert code == 0, said
    gone = next(row for row in await rows(databases["gateway"]) if row["ags"] == "99001011")
    assert gone["valid_to"] == date(2025, 12, 31)
    _, said = await places("status")
    assert said.count("old.txt: 4 towns") == 3


async def test_a_broken_line_loads_nothing_anywhere_unless_it_is_skipped(
    places: Command, databases: Databases, tmp_path: Path
) -> None:
    lines = gv100ad(MUSTERLAND)
    lines[4] = lines[4][:100]
    file = written(tmp_path, "broken.txt", encoded(lines))
    code, said = await places("load", file)
    assert code == 2
    assert "broken.txt, line 5, column 101" in said
    assert [await rows(database) for database in databases.values()] == [[], [], []]
    code, said = await places("load", file, "--skip-broken")
    assert code == 0, said
    assert "left out: broken.txt, line 5" in said
    assert len(await rows(databases["gateway"])) == 3
    code, said = await places("load", written(tmp_path, "whole.txt", encoded(gv100ad(MUSTERLAND))))
    assert code == 0, said
    assert len(await rows(databases["gateway"])) == 4


async def test_a_cut_off_file_ends_nobody(places: Command, databases: Databases, tmp_path: Path) -> None:
    many = Kreis("99001", "Musterland", [(f"{at:03}", f"Ort {at}", "00100") for at in range(1, 41)])
    await places("load", written(tmp_path, "whole.txt", encoded(gv100ad(many, day="20241231"))))
    lines = gv100ad(many, day="20251231")[:-20]
    cut = written(tmp_path, "cut.txt", encoded(lines))
    code, said = await places("load", cut)
    assert code == 2
    assert "20 of 40 towns do not stand in cut.txt and would end" in said
    assert all(row["valid_to"] == date.max for row in await rows(databases["allocation"]))
    code, said = await places("load", cut, "--many-end")
    assert code == 0, said


async def test_unknown_successors_and_missing_files_are_a_sentence(places: Command, tmp_path: Path) -> None:
    table = b"ags;name;valid_to;successor\n99001001;Musterstadt;2025-01-01;99001777\n"
    code, said = await places("load", written(tmp_path, "t.csv", table))
    assert code == 2
    assert "has the successor 99001777" in said
    code, said = await places("load", str(tmp_path / "nothing.txt"))
    assert code == 2
    assert "nothing.txt" in said


async def test_towns_are_doubted_only_where_the_directory_tells_a_land_or_kreis(
    places: Command, databases: Databases, tmp_path: Path
) -> None:
    day, past = date(2026, 1, 1), date(2025, 1, 1)
    asked = [("99001001", day), ("99001777", day), ("99001011", day), ("99001011", past), ("01001000", day)]
    conn = await connect(databases["allocation"].worker, name="test")
    assert await places_loaded(conn) is None
    assert await not_holding(conn, asked) == {}
    await places("load", written(tmp_path, "old.txt", encoded(gv100ad(MUSTERLAND, day="20241231"))))
    await places("load", written(tmp_path, "new.txt", encoded(gv100ad(SMALLER, day="20251231"))))
    assert await not_holding(conn, asked) == {("99001777", day): False, ("99001011", day): True}
    loaded = await places_loaded(conn)
    assert loaded is not None
    assert (loaded.day, loaded.name) == (date(2025, 12, 31), "new.txt")
    assert loaded.areas == {INVENTED}
    await conn.close()


async def test_a_process_reads_the_directory_again_when_another_was_loaded(
    places: Command, databases: Databases, tmp_path: Path
) -> None:
    pool = await open_pool(databases["notifications"].web, name="test", max_size=1)
    current = CurrentPlaces(pool)
    assert await current.refreshed() == 0
    await places("load", written(tmp_path, "old.txt", encoded(gv100ad(MUSTERLAND, day="20241231"))))
    assert await current.refreshed() == 1
    assert current.now.name("99001001") == "Musterstadt"
    assert await current.refreshed() == 0
    await places("load", written(tmp_path, "new.txt", encoded(gv100ad(SMALLER, day="20251231"))))
    assert await current.refreshed() == 1
    assert current.now.on("99001011", date(2026, 1, 1)) is None
    await pool.close()


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("worker", "DELETE FROM places.town"),
        ("worker", "DELETE FROM places.edition"),
        ("web", "DELETE FROM places.town"),
        ("web", "UPDATE places.edition SET towns = 0"),
        ("web", "SELECT FROM places.upload"),
    ],
)
async def test_pages_cannot_write_the_directory_and_nobody_deletes_from_it(
    role: str, statement: str, databases: Databases
) -> None:
    conn = await connect(getattr(databases["gateway"], role), name="test")
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(statement)
    finally:
        await conn.close()
