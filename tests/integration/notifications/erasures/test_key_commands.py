"""`kurslotse keys` as people type it, on a keys database with people in it."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.embedded.machine.home import Home, read_json, write_json
from services.embedded.machine.installation import open_installation
from services.notifications.people.keys import Keks, PersonSecrets
from tests.conftest import MakeDatabase
from tests.databases import Database
from tests.identity import IDENTITY_KEY, IDENTITY_KEY_TEXT, KEK
from tests.notifications.world import World, world_on

PEOPLE = [UUID(int=number) for number in range(1, 8)]


@dataclass(slots=True)
class Keys:
    """A keys database, the home whose KEKs its services were started with, and the KEKs they know."""

    home: Home
    database: Database
    world: World
    kek: str = KEK
    secrets: dict[UUID, bytes] = field(default_factory=dict)

    async def run(self, command: str) -> tuple[int, str]:
        """Run a command; return exit status and what it said."""
        env = {
            "KURSLOTSE_HOME": None,
            "KURSLOTSE_DATABASE_URL": None,
            "KURSLOTSE_KAFKA": None,
            "KURSLOTSE_DB_KEYS": self.database.worker,
            "KURSLOTSE_KEK": self.kek,
            "KURSLOTSE_IDENTITY_KEY": IDENTITY_KEY_TEXT,
        }
        asked = ["keys", command, "--home", str(self.home.root)]
        done = await asyncio.to_thread(CliRunner().invoke, app, asked, env=env)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    def restart(self) -> None:
        """Let the services know what the home holds now."""
        self.kek = open_installation(self.home).shared.kek

    async def by_kek(self) -> dict[str, int]:
        """Count the secrets by the KEK that wraps them."""
        return await self.world.secrets.by_kek()

    async def readable(self) -> bool:
        """Return whether the KEKs of the home open every secret, and each is what it was."""
        keks = Keks.from_text(open_installation(self.home).shared.kek)
        return await PersonSecrets(self.world.secrets.pool, keks, IDENTITY_KEY).of(PEOPLE) == self.secrets


@pytest.fixture
async def keys(database: MakeDatabase, tmp_path: Path) -> AsyncIterator[Keys]:
    """Seven people whose secrets the first KEK wraps."""
    home = Home(tmp_path)
    open_installation(home)
    document = read_json(home.installation)
    document["shared"]["kek"] = KEK
    write_json(home.installation, document)
    keys_database = await database("keys")
    async with world_on(await database("notifications"), keys_database) as world:
        secrets = {person: await world.secrets.ensure(person) for person in PEOPLE}
        yield Keys(home, keys_database, world, secrets=secrets)


async def test_a_rotation_from_the_new_kek_to_the_end_of_the_old_one(keys: Keys) -> None:
    assert await keys.run("status") == (0, "k1                  7 secrets  current\n")
    code, said = await keys.run("rotate")
    found = re.search(r"^KEK ([0-9a-f]{8}) is the current one once the services restart", said)
    assert (code, found is not None) == (0, True), said
    new = found[1] if found else ""
    assert await keys.by_kek() == {"k1": 7}

    # Nothing is wrapped anew yet: the old one stays, whether the services know the new one or not.
    for _ in range(2):
        code, said = await keys.run("retire")
        assert (code, "an old KEK still wraps secrets" in said) == (1, True), said
        assert await keys.readable()
        keys.restart()

    code, said = await keys.run("status")
    assert code == 1
    assert re.search(rf"^{new} +0 secrets  current$", said, re.MULTILINE)
    assert re.search(r"^k1 +7 secrets  old$", said, re.MULTILINE)
    assert await keys.run("rotate") == (0, f"7 secrets are wrapped by KEK {new} now.\n")
    assert await keys.by_kek() == {new: 7}

    code, said = await keys.run("retire")
    assert (code, said.startswith("1 old KEKs are forgotten.")) == (0, True), said
    assert KEK not in keys.home.installation.read_text()
    keys.restart()
    assert (await keys.run("status"))[0] == 0
    assert await keys.readable()


@pytest.mark.parametrize(
    ("kek", "said"),
    [
        (
            f"k2:{base64.b64encode(bytes(32)).decode()}",
            "a secret is wrapped by KEK k1, which is not among those set",
        ),
        (
            f"k2:{base64.b64encode(bytes(32)).decode()},k1:{base64.b64encode(bytes(32)).decode()}",
            "a secret cannot be opened by KEK k1",
        ),
        ("k1:c2hvcnQ=", "KURSLOTSE_KEK must read ID:BASE64[,ID:BASE64...], each base64 of 32 bytes"),
        ("", "KURSLOTSE_KEK is not set"),
    ],
)
async def test_a_wrong_kek_is_one_sentence_and_changes_nothing(keys: Keys, kek: str, said: str) -> None:
    before = await keys.world.secrets.pool.fetch("SELECT * FROM person_secret ORDER BY person")
    keys.kek = kek
    command = "rotate" if kek else "status"
    assert await keys.run(command) == (2, f"kurslotse: {said}\n")
    assert await keys.world.secrets.pool.fetch("SELECT * FROM person_secret ORDER BY person") == before
    assert open_installation(keys.home).shared.kek == KEK


async def test_a_kek_that_nobody_set_is_shown_and_stops_retiring(keys: Keys) -> None:
    keys.kek = f"k2:{base64.b64encode(bytes(32)).decode()}"
    code, said = await keys.run("status")
    assert (code, "k1                  7 secrets  NOT SET: nobody can read what it wraps" in said) == (
        1,
        True,
    )
    document = read_json(keys.home.installation)
    document["shared"]["kek"] = f"{keys.kek},{KEK}"
    write_json(keys.home.installation, document)
    keys.kek = KEK  # left over in the environment of whoever types it
    assert (await keys.run("retire"))[0] == 1
    assert await keys.readable()


async def test_without_a_home_the_commands_say_what_to_set(keys: Keys) -> None:
    keys.home.installation.unlink()
    code, said = await keys.run("rotate")
    assert (code, said.startswith("Put this before what KURSLOTSE_KEK holds")) == (0, True), said
    new = said.splitlines()[-1]
    keys.kek = f"{new},{KEK}"
    assert await keys.run("rotate") == (0, f"7 secrets are wrapped by KEK {new.partition(':')[0]} now.\n")
    code, said = await keys.run("retire")
    assert (code, "leave only that one in KURSLOTSE_KEK" in said) == (0, True), said
    assert not keys.home.installation.exists()
