"""Finds the installation that runs in a home and tells commands how to reach it."""

from collections.abc import Mapping
from typing import Any

from schemas.codes import InstallationKind
from services.embedded.machine.home import Home, read_json
from services.embedded.machine.installation import open_installation
from services.embedded.machine.processes import Identity
from services.embedded.servers.pair import Servers
from services.embedded.stack import environment
from services.embedded.stack.environment import Addresses, Setting
from services.runtime.kafka.plain_users import VARIABLE as PLAIN_USERS


def running(home: Home) -> dict[str, Any] | None:
    """Return run.json if the supervisor that wrote it is alive."""
    facts = read_json(home.run)
    if not facts or not Identity(int(facts["pid"]), float(facts["started"])).alive():
        return None
    return facts


def administrative(home: Home, env: Mapping[str, str]) -> Servers | None:
    """Return the administrative addresses: those that are set, else those of the pair that runs here."""
    facts = running(home) or {}
    database_url = env.get("KURSLOTSE_DATABASE_URL") or facts.get("database_url")
    kafka = env.get("KURSLOTSE_KAFKA") or facts.get("kafka")
    own = facts.get("own_servers", False) and (database_url, kafka) == (facts["database_url"], facts["kafka"])
    return Servers(database_url, kafka, own=own) if database_url and kafka else None


def environment_of(service: str, env: Mapping[str, str]) -> dict[str, str]:
    """Return a service's environment and the administrative addresses; nothing where nothing is known."""
    home = Home.find(env)
    servers = administrative(home, env)
    if servers is None:
        return {}
    admin = {"KURSLOTSE_DATABASE_URL": servers.database_url, "KURSLOTSE_KAFKA": servers.kafka}
    if servers.own:
        admin[PLAIN_USERS] = str(home.kafka / "plain-users.json")
    ports = read_json(home.ports)
    if not home.installation.exists() or f"{service}_http" not in ports:
        return admin
    facts = running(home) or {}
    installation = open_installation(home)
    identity = installation.identity
    demo = identity is not None and identity.kind is InstallationKind.DEMO
    setting = Setting(
        installation=installation,
        servers=servers,
        addresses=Addresses(ports),
        prefix=env.get("KURSLOTSE_PREFIX", facts.get("prefix", "")),
        clock=home.clock if demo else None,
        demo=demo,
    )
    return environment.of_service(service, setting, {}) | admin
