"""Who is told which secret."""

from dataclasses import asdict
from pathlib import Path

import pytest

from services.embedded.machine.home import Home
from services.embedded.machine.installation import SERVICES, Installation, open_installation
from services.embedded.servers.pair import Servers
from services.embedded.stack import environment
from services.embedded.stack.environment import Addresses, Setting
from services.runtime.base.settings import ServiceSettings

PORTS = {
    f"{name}_{door}": 1000 + n
    for n, (name, door) in enumerate((s, d) for s in SERVICES for d in ("http", "ops"))
}
PERSON = {
    "PATH": "/bin",
    "HOME": "/home/x",
    "AWS_SECRET_ACCESS_KEY": "not ours",
    "KURSLOTSE_DATABASE_URL": "admin",
}


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    home = Home(tmp_path)
    home.make()
    return open_installation(home)


def setting(installation: Installation, **changes: object) -> Setting:
    servers = Servers(
        "postgresql://postgres:pgroot@127.0.0.1:5432/postgres", "sasl://admin:kroot@127.0.0.1:9092"
    )
    values: dict[str, object] = {
        "installation": installation,
        "servers": servers,
        "addresses": Addresses(PORTS),
    }
    return Setting(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_told_its_own_secrets_and_nobody_elses(service: str, installation: Installation) -> None:
    told = "\n".join(environment.of_service(service, setting(installation, demo=True), PERSON).values())
    for other in SERVICES:
        for name, secret in asdict(installation.services[other]).items():
            unused = other == "gateway" and name == "gateway_key"  # the gateway speaks for itself
            assert (secret in told) == (other == service and not unused), (other, name)
    for secret in asdict(installation.servers).values():
        assert secret not in told
    for foreign in ("pgroot", "kroot", "not ours"):
        assert foreign not in told


def test_keys_of_a_door_are_known_at_its_two_ends_only(installation: Installation) -> None:
    told = {
        service: "\n".join(environment.of_service(service, setting(installation), PERSON).values())
        for service in SERVICES
    }
    shared = installation.shared
    assert [name for name in SERVICES if shared.people_key in told[name]] == ["gateway", "notifications"]
    assert [name for name in SERVICES if shared.kek in told[name]] == ["notifications"]
    assert [name for name in SERVICES if shared.installation_key in told[name]] == ["gateway"]
    assert [name for name in SERVICES if shared.identity_key in told[name]] == list(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_the_runtime_understands_what_a_service_is_told(service: str, installation: Installation) -> None:
    env = environment.of_service(service, setting(installation, prefix="t1-", demo=True), PERSON)
    read = ServiceSettings.from_env(service, env)
    assert read.prefix == "t1-"
    assert read.demo
    assert f"/t1_kurslotse_{service}" in read.db_worker
    assert read.kafka.startswith(f"sasl://t1-{service}:")
    assert read.db_web != read.db_worker != read.db_status


def test_only_a_demo_has_a_mail_sink_and_a_sign_in(installation: Installation) -> None:
    real = environment.of_service(
        "notifications", setting(installation), PERSON | {"KURSLOTSE_SMTP": "smtp://mail:25"}
    )
    assert real["KURSLOTSE_SMTP"] == "smtp://mail:25"
    assert "KURSLOTSE_DEMO" not in real
    played = environment.of_service(
        "notifications", setting(installation, demo=True, smtp_sink="127.0.0.1:2525"), PERSON
    )
    assert played["KURSLOTSE_SMTP"] == "smtp://127.0.0.1:2525"


def test_a_broker_without_users_keeps_its_address() -> None:
    assert environment.kafka_address("kafka://b1:9092,b2:9092", "gateway", "x") == "kafka://b1:9092,b2:9092"
    assert (
        environment.kafka_address("sasl+ssl://root:y@b1:1,b2:2", "gateway", "x")
        == "sasl+ssl://gateway:x@b1:1,b2:2"
    )


def test_each_service_has_its_own_address_and_file_of_issuers(installation: Installation) -> None:
    person = PERSON | {
        "KURSLOTSE_ALLOCATION_PUBLIC_URL": "https://steuerung.kreis.invalid",
        "KURSLOTSE_ALLOCATION_ISSUERS": "/etc/kurslotse/steuerung.yaml",
    }
    told = {service: environment.of_service(service, setting(installation), person) for service in SERVICES}
    assert told["allocation"]["KURSLOTSE_PUBLIC_URL"] == "https://steuerung.kreis.invalid"
    assert told["allocation"]["KURSLOTSE_ISSUERS"] == "/etc/kurslotse/steuerung.yaml"
    assert told["notifications"]["KURSLOTSE_PUBLIC_URL"].startswith("http://127.0.0.1:")
    assert "KURSLOTSE_ISSUERS" not in told["notifications"]
