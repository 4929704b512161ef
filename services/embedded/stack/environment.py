"""Composes the environment of each process: a service gets its own secrets and no others."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from services.accounts.settings import VARIABLES as ACCOUNTS
from services.embedded.machine.installation import Installation
from services.embedded.machine.ports import HOST
from services.embedded.servers.pair import Servers
from services.runtime.base.installation import VARIABLE, written
from services.runtime.data import roles

_INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONWARNINGS",
    "PYTHONDEVMODE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
DEMO_POLICY = Path(__file__).parents[2] / "allocation" / "policy" / "files" / "demo.yaml"
"""In the demo people decide and the clock does what only waits for a date."""
DEMO_EXTENSION = "services.simulator.comparison.extension"
"""In the demo coordinators find the comparison of invented years, too."""

KEYS = "keys"
"""The database of what encrypts names; only the support side reads it."""

_NEIGHBOURS = {"allocation": "notifications", "notifications": "allocation"}
_PASSED_ON = {
    "allocation": ("KURSLOTSE_POLICY", *ACCOUNTS),
    "notifications": ("KURSLOTSE_SMTP", "KURSLOTSE_BOUNCES", "KURSLOTSE_WEBHOOK_NETWORKS", *ACCOUNTS),
    "gateway": (),
}
_OF_ONE = ("PUBLIC_URL", "ISSUERS")
"""Settings that differ between services: KURSLOTSE_ALLOCATION_PUBLIC_URL is passed on to allocation."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the services listen."""

    ports: Mapping[str, int]

    def where(self, service: str, door: str) -> str:
        """Return host:port of a service's door, "http" or "ops"."""
        return f"{HOST}:{self.ports[f'{service}_{door}']}"

    def url(self, service: str, door: str = "http") -> str:
        """Return the address of a service's door."""
        return f"http://{self.where(service, door)}"


@dataclass(frozen=True, slots=True)
class Setting:
    """What the environments of all services are made from."""

    installation: Installation
    servers: Servers
    addresses: Addresses
    prefix: str = ""
    clock: Path | None = None
    demo: bool = False
    smtp_sink: str | None = None


def plain(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return what any Python process of ours needs of the person's environment: no secret."""
    kept = {name: inherited[name] for name in _INHERITED if name in inherited}
    return kept | {"PYTHONUNBUFFERED": "1"}


def kafka_address(admin: str, user: str, password: str) -> str:
    """Return the broker's address for another user; one without users stays as it is."""
    parts = urlsplit(admin)
    if not parts.scheme.startswith("sasl"):
        return admin
    where = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{where}"))


def of_service(service: str, setting: Setting, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a service's process."""
    own = setting.installation.services[service]
    database = roles.database_name(setting.prefix, service)
    env = plain(inherited) | {
        "KURSLOTSE_PREFIX": setting.prefix,
        "KURSLOTSE_SERVICE_KAFKA": kafka_address(
            setting.servers.kafka, f"{setting.prefix}{service}", own.kafka
        ),
        "KURSLOTSE_HTTP": setting.addresses.where(service, "http"),
        "KURSLOTSE_OPS": setting.addresses.where(service, "ops"),
        "KURSLOTSE_OPS_TOKEN": own.ops_token,
        "KURSLOTSE_PUBLIC_URL": setting.addresses.url(service),
        "KURSLOTSE_WEB_SECRET": own.web_secret,
        "KURSLOTSE_IDENTITY_KEY": setting.installation.shared.identity_key,
    }
    for kind in roles.RUNTIME_ROLES:
        env[f"KURSLOTSE_DB_{kind.upper()}"] = roles.address_of(
            setting.servers.database_url, database, roles.role_name(database, kind), getattr(own, kind)
        )
    if setting.installation.identity:
        env[VARIABLE] = written(setting.installation.identity)
    if setting.clock:
        env["KURSLOTSE_CLOCK_FILE"] = str(setting.clock)
    if setting.demo:
        env["KURSLOTSE_DEMO"] = "1"
    if setting.demo and service in _NEIGHBOURS:
        env["KURSLOTSE_DEMO_NEIGHBOUR"] = setting.addresses.url(_NEIGHBOURS[service])
    if setting.demo and service == "allocation":
        env |= {"KURSLOTSE_POLICY": str(DEMO_POLICY), "KURSLOTSE_EXTENSION": DEMO_EXTENSION}
    env |= {name: inherited[name] for name in _PASSED_ON[service] if name in inherited}
    for name in _OF_ONE:
        own_name = f"KURSLOTSE_{service.upper()}_{name}"
        if own_name in inherited:
            env[f"KURSLOTSE_{name}"] = inherited[own_name]
    return env | _doors(service, setting)


def _doors(service: str, setting: Setting) -> dict[str, str]:
    shared = setting.installation.shared
    services = setting.installation.services
    if service == "gateway":
        return {
            "KURSLOTSE_PEOPLE_URL": setting.addresses.url("notifications"),
            "KURSLOTSE_PEOPLE_KEY": shared.people_key,
            "KURSLOTSE_INSTALLATION_KEY": shared.installation_key,
        }
    env = {
        "KURSLOTSE_GATEWAY_URL": setting.addresses.url("gateway"),
        "KURSLOTSE_GATEWAY_KEY": services[service].gateway_key,
    }
    if service == "notifications":
        keys = roles.database_name(setting.prefix, KEYS)
        worker = roles.role_name(keys, "worker")
        env |= {
            "KURSLOTSE_PEOPLE_KEY": shared.people_key,
            "KURSLOTSE_KEK": shared.kek,
            "KURSLOTSE_DB_KEYS": roles.address_of(setting.servers.database_url, keys, worker, shared.keys_db),
        }
        if setting.smtp_sink:
            env["KURSLOTSE_SMTP"] = f"smtp://{setting.smtp_sink}"
    return env
