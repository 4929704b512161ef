"""A demo and a real installation never meet: each way in is tried against a running real one."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from schemas.codes import InstallationKind
from schemas.topics import Family, topic
from services.embedded.machine.home import Home, write_json
from services.embedded.machine.installation import SERVICES, identity_of, name_home
from services.embedded.servers.launch import launched
from services.embedded.servers.pair import Servers
from services.embedded.stack import environment
from services.embedded.stack.discovery import environment_of
from services.runtime.base.installation import Identity
from services.runtime.data import roles
from services.runtime.kafka.administration import KafkaAdmin, parse_address
from services.runtime.kafka.installation import announce, identity_on
from tests.broker import access, users

pytestmark = pytest.mark.timeout(240)
MARK = topic(Family.INSTALLATION)


def kurslotse(*arguments: str, home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {name: text for name, text in os.environ.items() if not name.startswith("KURSLOTSE_")}
    env |= {"KURSLOTSE_HOME": str(home), "KURSLOTSE_HTTP": "127.0.0.1:0", "KURSLOTSE_OPS": "127.0.0.1:0"}
    command = [sys.executable, "-m", "services.cli", *arguments]
    return subprocess.run(
        command, env=env | settings, capture_output=True, text=True, timeout=120, check=False
    )


@dataclass(frozen=True)
class Real:
    """A real installation on servers that run."""

    home: Home
    servers: Servers

    @property
    def addresses(self) -> dict[str, str]:
        return {"KURSLOTSE_DATABASE_URL": self.servers.database_url, "KURSLOTSE_KAFKA": self.servers.kafka}

    def environment(self, service: str = "gateway", **settings: str) -> dict[str, str]:
        """Return what a service of this installation is told."""
        found = environment_of(service, {"KURSLOTSE_HOME": str(self.home.root)})
        made = json.loads(self.home.installation.read_text())
        own = made["services"][service]
        found["KURSLOTSE_IDENTITY_KEY"] = made["shared"]["identity_key"]
        database = roles.database_name("", service)
        for kind in roles.RUNTIME_ROLES:
            found[f"KURSLOTSE_DB_{kind.upper()}"] = roles.address_of(
                self.servers.database_url, database, roles.role_name(database, kind), own[kind]
            )
        found["KURSLOTSE_SERVICE_KAFKA"] = environment.kafka_address(
            self.servers.kafka, service, own["kafka"]
        )
        return found | settings

    async def everything(self) -> dict[str, Any]:
        """Return what an intruder would have changed: passwords, databases, rows, topics, users, access."""
        conn = await asyncpg.connect(self.servers.database_url)
        try:
            found = {
                name: [tuple(row) for row in await conn.fetch(query)]
                for name, query in {
                    "roles": "SELECT rolname, rolpassword, rolcanlogin, rolsuper FROM pg_authid ORDER BY 1",
                    "databases": "SELECT datname, datacl::text FROM pg_database ORDER BY 1",
                    "settings": "SELECT setdatabase, setrole, setconfig FROM pg_db_role_setting ORDER BY 2",
                }.items()
            }
        finally:
            await conn.close()
        for service in SERVICES:
            found[service] = await self._rows(roles.database_name("", service))
        admin = KafkaAdmin(parse_address(self.servers.kafka))
        return found | {
            "topics": [(name,) for name in admin.topics("")],
            "access": access(self.servers.kafka),
            "users": users(self.servers.kafka),
        }

    async def _rows(self, database: str) -> list[tuple[Any, ...]]:
        conn = await asyncpg.connect(roles.address_of(self.servers.database_url, database))
        try:
            tables = await conn.fetch(
                "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'runtime')"
                " ORDER BY 1, 2"
            )
            found = []
            for row in tables:
                content = await conn.fetchval(
                    f'SELECT string_agg(t::text, chr(10) ORDER BY t::text) FROM "{row[0]}"."{row[1]}" AS t'
                )
                digest = hashlib.sha256((content or "").encode()).hexdigest()
                found.append((row["schemaname"], row["tablename"], digest))
            return found
        finally:
            await conn.close()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    home = Home(tmp_path_factory.mktemp("real"))
    with launched(home.root) as facts:
        applied = kurslotse("db", "apply", home=home.root)
        assert applied.returncode == 0, applied.stdout + applied.stderr
        assert "This is the real installation" in applied.stdout
        yield Real(home, Servers(facts["database_url"], facts["kafka"]))


INTRUDERS = {
    "the demo": ("demo", "--seconds", "1", "--no-browser", "--own-servers"),
    "the demo without players": ("up", "--demo", "--own-servers"),
    "a demo is to be made there": ("db", "apply", "--kind", "demo"),
}


@pytest.mark.parametrize("prefix", ["", "played-"])
@pytest.mark.parametrize("command", INTRUDERS.values(), ids=INTRUDERS)
async def test_no_demo_touches_a_real_installation(
    real: Real, tmp_path: Path, command: tuple[str, ...], prefix: str
) -> None:
    before = await real.everything()
    done = kurslotse(*command, home=tmp_path, KURSLOTSE_PREFIX=prefix, **real.addresses)
    assert done.returncode == 1
    assert "a demo never uses servers that hold a real one. Nothing was changed." in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "database kurslotse_" in done.stdout
    assert not [secret for secret in real.addresses.values() if secret in done.stdout + done.stderr]
    assert await real.everything() == before
    assert identity_of(Home(tmp_path)) is None


async def test_what_was_made_before_installations_had_an_id_counts_as_real(
    real: Real, tmp_path: Path
) -> None:
    admin = KafkaAdmin(parse_address(real.servers.kafka))
    known = identity_of(real.home)
    assert known is not None
    await _forget(real)
    admin.remove(topics=[MARK])
    played = Home(tmp_path)
    played.make()
    write_json(played.clock, {"now": "2025-10-06T05:00:00+00:00"})  # a home that looks played proves nothing
    before = await real.everything()
    done = kurslotse("up", "--demo", "--own-servers", home=tmp_path, **real.addresses)
    assert (done.returncode, "an installation without an id" in done.stdout) == (1, True), done.stdout
    done = kurslotse("db", "apply", "--kind", "demo", home=real.home.root)
    assert (done.returncode, "holds a real installation" in done.stdout) == (1, True), done.stdout
    assert await real.everything() == before
    done = kurslotse("db", "apply", home=real.home.root)
    assert done.returncode == 0, done.stdout + done.stderr
    named = identity_of(real.home)
    assert named is not None
    assert named.kind is InstallationKind.REAL
    assert identity_on(admin.address, MARK) == named


async def _forget(real: Real) -> None:
    """Take databases and home back to before migration 0005."""
    for service in SERVICES:
        conn = await asyncpg.connect(roles.address_of(real.servers.database_url, f"kurslotse_{service}"))
        await conn.execute("DROP TABLE runtime.installation CASCADE")
        await conn.execute("DROP FUNCTION runtime.installation_stays")
        await conn.execute("DELETE FROM runtime.migration WHERE name = '0006_installation.sql'")
        await conn.close()
    document = json.loads(real.home.installation.read_text())
    del document["identity"]
    write_json(real.home.installation, document)


async def test_another_home_does_not_take_servers_over(real: Real, tmp_path: Path) -> None:
    before = await real.everything()
    for command in (("db", "apply"), ("up",)):
        done = kurslotse(*command, home=tmp_path, **real.addresses)
        assert done.returncode == 1
        assert "was made from another home" in done.stdout
    assert await real.everything() == before


@pytest.mark.parametrize("kind", InstallationKind)
def test_a_home_of_the_other_kind_is_refused_before_anything_starts(
    tmp_path: Path, kind: InstallationKind
) -> None:
    home = Home(tmp_path)
    home.make()
    name_home(home, Identity(uuid4(), kind))
    command = ("up",) if kind is InstallationKind.DEMO else ("demo", "--seconds", "1", "--no-browser")
    done = kurslotse(*command, home=tmp_path)
    assert done.returncode == 1
    assert f"holds a {kind} installation" in done.stdout
    assert "KURSLOTSE_HOME" in done.stdout
    assert not home.kafka.exists()


WRONG_MODES = {"sign-in": {"KURSLOTSE_DEMO": "1"}, "clock": {"KURSLOTSE_CLOCK_FILE": "clock.json"}}


@pytest.mark.parametrize("mode", WRONG_MODES.values(), ids=WRONG_MODES)
@pytest.mark.parametrize("service", SERVICES)
def test_no_service_plays_a_demo_on_a_real_installation(
    real: Real, tmp_path: Path, service: str, mode: dict[str, str]
) -> None:
    done = kurslotse("run", service, home=tmp_path, **real.environment(service, **mode))
    assert done.returncode == 1
    assert "run only on a demo installation" in done.stderr
    assert '"sqlstate"' not in done.stderr


def test_no_command_runs_on_simulated_time_on_a_real_installation(real: Real, tmp_path: Path) -> None:
    clock = tmp_path / "clock.json"
    write_json(clock, {"now": "2099-10-06T05:00:00+00:00"})
    told = {**real.environment(), **real.addresses, "KURSLOTSE_CLOCK_FILE": str(clock)}
    commands: tuple[tuple[str, ...], ...] = (
        ("publisher", "list"),
        ("publisher", "deactivate", "nobody"),
        ("quarantine", "list"),
        ("figures", "99001"),
        ("steering", "keep", str(uuid4()), "--by", "x", "--reason", "contested by a person"),
    )
    for command in commands:
        done = kurslotse(*command, home=tmp_path, **told)
        assert done.returncode == 2, (command, done.stdout, done.stderr)
        assert "run only on a demo installation" in done.stderr, (command, done.stderr)


@pytest.fixture(scope="module")
def other(real: Real, tmp_path_factory: pytest.TempPathFactory) -> Real:
    """Another real installation on the same servers, under a prefix."""
    home = Home(tmp_path_factory.mktemp("other"))
    done = kurslotse("db", "apply", home=home.root, KURSLOTSE_PREFIX="other-", **real.addresses)
    assert done.returncode == 0, done.stdout + done.stderr
    return Real(home, real.servers)


def test_a_service_between_two_installations_is_refused(real: Real, other: Real, tmp_path: Path) -> None:
    own = json.loads(other.home.installation.read_text())["services"]["gateway"]
    database = roles.database_name("other-", "gateway")
    theirs = roles.address_of(
        real.servers.database_url, database, roles.role_name(database, "web"), own["web"]
    )
    at_theirs = environment.kafka_address(real.servers.kafka, "other-gateway", own["kafka"])
    cases = {
        "database": {"KURSLOTSE_DB_WEB": theirs},
        "topics": {"KURSLOTSE_PREFIX": "other-", "KURSLOTSE_SERVICE_KAFKA": at_theirs},
        "home": {"KURSLOTSE_INSTALLATION": f"real:{uuid4()}"},
        "unreadable": {"KURSLOTSE_INSTALLATION": "real"},
    }
    for name, wrong in cases.items():
        done = kurslotse("run", "gateway", home=tmp_path, **real.environment(**wrong))
        assert done.returncode == (2 if name == "unreadable" else 1), (name, done.stderr)
        said = "must read" if name == "unreadable" else "all must be of one installation"
        assert said in done.stderr, (name, done.stderr)
        assert own["web"] not in done.stderr + done.stdout


def test_commands_between_two_installations_are_refused(real: Real, other: Real) -> None:
    assert other.home.root != real.home.root
    done = kurslotse("publisher", "list", home=real.home.root, KURSLOTSE_PREFIX="other-", **real.addresses)
    assert done.returncode == 0, done.stderr  # another installation, and wholly so
    wrong = f"real:{uuid4()}"
    for command in (("publisher", "list"), ("delivery", "resend", str(uuid4()), "--reason", "x")):
        done = kurslotse(*command, home=real.home.root, KURSLOTSE_INSTALLATION=wrong, **real.addresses)
        assert done.returncode == 2
        assert "all must be of one installation" in done.stderr, done.stderr


def test_topics_that_another_installation_has_taken_are_refused(real: Real, tmp_path: Path) -> None:
    address = parse_address(real.servers.kafka)
    known = identity_on(address, MARK)
    assert known is not None
    announce(address, "", Identity(uuid4(), InstallationKind.REAL))
    try:
        done = kurslotse("run", "gateway", home=tmp_path, **real.environment())
        assert done.returncode == 1
        assert "all must be of one installation" in done.stderr
        again = kurslotse("db", "apply", home=real.home.root)
        assert again.returncode == 1
        assert "all must be of one installation" in again.stdout
    finally:
        announce(address, "", known)
    assert kurslotse("db", "apply", home=real.home.root).returncode == 0
