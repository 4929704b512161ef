"""`kurslotse init` on real databases and a real broker: everything or nothing, and twice is once."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from services.embedded.setting_up import command, publishers
from services.embedded.setting_up.command import Options
from services.runtime.data.db import connect
from tests.conftest import MakeDatabase, MakeTopics
from tests.databases import Database
from tests.integration.first_day.steering import TOWNS
from tests.serving import Servers

KREIS = "99001"
OFFICES = """
- slug: mbe-muster
  name: Beratung Muster
  organisation: mbe-muster
  kind: mbe
  catchment: ["99001"]
  languages: [de]
  capacity: 10
  mail: post@mbe.kurslotse.invalid
  lead_mail: leitung@mbe.kurslotse.invalid
"""
TABLES = {
    "allocation": ("accounts.organisation", "places.town", "places.edition"),
    "notifications": ("accounts.organisation", "places.town", "places.edition", "office"),
    "gateway": ("publisher", "api_key", "places.town", "runtime.outbox"),
}


@dataclass
class Here:
    """An installation without services, and where its files lie."""

    databases: Mapping[str, Database]
    folder: Path
    conns: Mapping[str, asyncpg.Connection]

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, "utf-8")
        return path

    def options(self, **changes: object) -> Options:
        usual: dict[str, object] = {
            "kreis": KREIS,
            "name": "Kreis Muster",
            "towns": self.file("towns.csv", TOWNS.format(kreis=KREIS)),
            "providers": ("vhs=Volkshochschule Muster",),
            "offices": ("jobcenter=Jobcenter Muster", "treff=Treffpunkt Muster"),
            "authorities": ("jobcenter",),
            "no_authorities": ("treff",),
            "counselling": self.file("offices.yaml", OFFICES),
        }
        return Options(**(usual | changes))  # type: ignore[arg-type]

    async def run(self, options: Options) -> int:
        return await asyncio.to_thread(command.run, options)

    async def stands(self) -> dict[str, list[str]]:
        """Return every row of the tables that the command may write."""
        return {
            f"{service}.{table}": [
                str(row[0]) for row in await conn.fetch(f"SELECT t::text FROM {table} AS t ORDER BY 1")
            ]
            for service, conn in self.conns.items()
            for table in TABLES[service]
        }


@pytest.fixture
async def here(  # noqa: PLR0917 -- what an installation is made of
    database: MakeDatabase,
    topics: MakeTopics,
    servers: Servers,
    prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Here]:
    await topics()
    made = {service: await database(service) for service in TABLES}
    conns = {service: await connect(one.admin, name="init") for service, one in made.items()}
    for service in ("allocation", "notifications"):
        await conns[service].execute(
            "TRUNCATE accounts.person, accounts.organisation, accounts.given_role, accounts.identity,"
            " accounts.invitation CASCADE"
        )
    for name, value in (
        ("KURSLOTSE_DATABASE_URL", servers.database_url),
        ("KURSLOTSE_KAFKA", servers.kafka),
        ("KURSLOTSE_PREFIX", prefix),
        ("KURSLOTSE_HOME", str(tmp_path / "home")),
    ):
        monkeypatch.setenv(name, value)
    for name in ("KURSLOTSE_CLOCK_FILE", "KURSLOTSE_SMTP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(publishers, "_HEARD_WITHIN", 0.0)  # no service runs here
    yield Here(made, tmp_path, conns)
    for conn in conns.values():
        await conn.close()


async def test_a_kreis_is_set_up_and_what_is_missing_is_said(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here.run(here.options(mail_to="ada@kreis.example")) == 0
    said = capsys.readouterr().out
    assert said.count("/invitation/") == 2
    assert said.count("kl_") == 3
    assert "KURSLOTSE_SMTP is not set" in said
    steering, support = said.split("\nSteering side")[1].split("\nSupport side")
    for line in ("[x] 1. Say what", "[x] 2. Load the directory", "[ ] 3. Adopt a policy", "/policy/plain"):
        assert line in steering
    assert "[x] 4. A counselling office for each of your Kreise" in support
    rows = await here.conns["notifications"].fetch(
        "SELECT slug, kind, tenant, publisher FROM accounts.organisation ORDER BY slug"
    )
    assert [tuple(row) for row in rows] == [
        ("registering-office", "registering_office", "jobcenter", "jobcenter"),
        ("treff", "registering_office", "treff", "treff"),
        ("vhs", "provider", "vhs", "vhs"),
    ]
    rows = await here.conns["gateway"].fetch("SELECT slug, authority FROM publisher ORDER BY slug")
    assert [tuple(row) for row in rows] == [("jobcenter", True), ("treff", False), ("vhs", False)]


async def test_twice_changes_nothing(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    assert await here.run(here.options()) == 0
    before = await here.stands()
    capsys.readouterr()
    assert await here.run(here.options()) == 0
    assert await here.stands() == before
    assert "kl_" not in capsys.readouterr().out


async def test_a_second_kreis_shares_a_provider_and_leaves_the_first_alone(here: Here) -> None:
    assert await here.run(here.options()) == 0
    other = here.options(
        kreis="99002",
        name="Kreis Anders",
        towns=None,
        counselling=None,
        offices=("amt=Amt Anders",),
        authorities=("amt",),
        no_authorities=(),
    )
    assert await here.run(other) == 0
    kreise = await here.conns["gateway"].fetchval("SELECT kreise FROM publisher WHERE slug = 'vhs'")
    assert sorted(kreise) == ["99001", "99002"]
    rows = await here.conns["allocation"].fetch(
        "SELECT slug, kreise FROM accounts.organisation WHERE kind = 'kreis' ORDER BY slug"
    )
    assert [tuple(row) for row in rows] == [("kreis", ["99001"]), ("kreis-99002", ["99002"])]


WRONG: Sequence[tuple[dict[str, object], str]] = (
    ({"kreis": "9900"}, "has five digits"),
    ({"kreis": "99001001"}, "has five digits"),
    ({"name": " "}, "what the Kreis is called"),
    ({"providers": ("VHS=Volkshochschule",)}, "no slug"),
    ({"providers": ("vhs",)}, "write SLUG=NAME"),
    ({"providers": ("vhs= ",)}, "write SLUG=NAME"),
    ({"providers": ("kreis=Kreis",)}, "Choose another"),
    ({"providers": ("treff=Noch einer",)}, "stands there twice"),
    ({"authorities": ()}, "Say --authority jobcenter"),
    ({"authorities": ("amt", "jobcenter")}, "name slugs of --office"),
    ({"towns": Path("nowhere.csv")}, "no such file"),
    ({"mail_to": "nobody"}, "has no @"),
)


async def test_what_is_wrong_is_a_sentence_and_nothing_is_done(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await here.stands()
    for changes, sentence in WRONG:
        assert await here.run(here.options(**changes)) == 2, changes
        assert sentence in capsys.readouterr().err, changes
    assert await here.stands() == before


async def test_a_file_that_cannot_be_read_leaves_nothing_half_done(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await here.stands()
    towns = here.file("broken.csv", "ags;name\n9900100;Musterstadt\n")
    assert await here.run(here.options(towns=towns)) == 2
    assert "broken.csv, line 2, column 1" in capsys.readouterr().err
    offices = here.file("broken.yaml", OFFICES.replace("99001", "9"))
    assert await here.run(here.options(counselling=offices)) == 2
    assert "nothing was loaded" in capsys.readouterr().err
    assert await here.stands() == before
    assert await here.run(here.options()) == 0
    before = await here.stands()
    clash = here.options(providers=("treff=Treff",), offices=(), authorities=(), no_authorities=())
    assert await here.run(clash) == 2
    assert "treff" in capsys.readouterr().err
    assert await here.run(here.options(name="Kreis Ganz Anders")) == 2
    assert "is called Kreis Muster here" in capsys.readouterr().err
    assert await here.stands() == before
