"""What the containers are given: each user its own files, certificates that prove hosts, two sides apart."""

import json
import os
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from deploy.containers import prepare
from deploy.containers.certificates import CERTIFICATE_DAYS, Authority

Owners = dict[str, int]


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch) -> Owners:
    """Remember who was given which file; only root could do it."""
    found: Owners = {}

    def chown(path: Path, uid: int, _gid: int) -> None:
        found[f"{path.parent.name}/{path.name}"] = uid

    monkeypatch.setattr(os, "chown", chown)
    for name in ("KURSLOTSE_SMTP", "KURSLOTSE_MORE_HOSTS", "KURSLOTSE_KAFKA_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    return found


def settings(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_each_file_has_one_reader(tmp_path: Path, owners: Owners) -> None:
    assert prepare.main(["together", str(tmp_path)]) == 0
    for path in tmp_path.rglob("*"):
        open_to_all = path.is_dir() or path.name in {"trusted.pem", "authority.pem"}
        assert open_to_all or stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert owners["steering/gateway.settings"] == owners["steering/gateway.pem"] == 10_001
    assert owners["steering/allocation.settings"] == 10_002
    assert owners["support/notifications.settings"] == 10_003
    assert owners["steering/postgres.password"] == owners["support/postgres.password"] == 999
    assert owners["steering/kafka.properties"] == 1_000
    assert "steering/authority.key" not in owners  # stays root's: no container has it


def test_no_side_holds_what_opens_the_other_sides_database(tmp_path: Path, owners: Owners) -> None:
    assert owners == {}
    assert prepare.main(["together", str(tmp_path)]) == 0
    support = json.loads((tmp_path / "support" / "home" / "installation.json").read_text())
    steering_files = b"".join(files(tmp_path / "steering").values()).decode("latin-1")
    own = support["services"]["notifications"]
    for secret in (own["worker"], own["web"], support["shared"]["kek"], support["servers"]["postgres"]):
        assert secret not in steering_files
    steering = json.loads((tmp_path / "steering" / "home" / "installation.json").read_text())
    support_files = b"".join(files(tmp_path / "support").values()).decode("latin-1")
    for secret in (
        steering["services"]["allocation"]["worker"],
        steering["services"]["gateway"]["web"],
        steering["servers"]["kafka_admin"],
        steering["shared"]["installation_key"],
    ):
        assert secret not in support_files
    assert steering["identity"] == support["identity"]


def test_again_changes_no_secret_and_no_certificate(tmp_path: Path, owners: Owners) -> None:
    assert owners == {}
    assert prepare.main(["together", str(tmp_path)]) == 0
    before = files(tmp_path)
    assert prepare.main(["together", str(tmp_path)]) == 0
    after = files(tmp_path)
    for name in ("steering/kafka.scram",):  # its salt is new each time
        del before[name], after[name]
    assert after == before


def test_a_service_gets_encrypted_addresses_and_sockets_only(tmp_path: Path, owners: Owners) -> None:
    assert owners == {}
    assert prepare.main(["together", str(tmp_path)]) == 0
    gateway = settings(tmp_path / "steering" / "gateway.settings")
    assert gateway["KURSLOTSE_SERVICE_KAFKA"].startswith("sasl+ssl://gateway:")
    assert gateway["KURSLOTSE_DB_WEB"].endswith("@%2Frun%2Fpostgresql/kurslotse_gateway")
    assert gateway["KURSLOTSE_PEOPLE_URL"] == "https://notifications:8443"
    notifications = settings(tmp_path / "support" / "notifications.settings")
    assert notifications["KURSLOTSE_SMTP"] == "smtp+starttls://mail:1025"
    assert notifications["KURSLOTSE_GATEWAY_URL"] == "https://gateway:8443"
    assert "KURSLOTSE_KEK" not in gateway
    broker = settings(tmp_path / "steering" / "kafka.properties")
    assert "SASL_SSL" in broker["listener.security.protocol.map"]
    assert broker["allow.everyone.if.no.acl.found"] == "false"


def test_apart_the_sides_exchange_a_hand_over_and_a_certificate(tmp_path: Path, owners: Owners) -> None:
    assert owners == {}
    here, there = tmp_path / "here", tmp_path / "there"
    assert prepare.main(["steering", str(here)]) == 0
    handed = here / "steering" / "hand-over.json"
    assert prepare.main(["support", str(there), "--hand-over", str(handed)]) == 0
    authority = there / "support" / "authority.pem"
    assert prepare.main(["trust", str(here), "--authority", str(authority)]) == 0
    for side in (here / "steering", there / "support"):
        trusted = ssl.create_default_context(cafile=str(side / "trusted.pem"))
        assert len(trusted.get_ca_certs()) == 2
    given = json.loads(handed.read_text())["installation"]
    assert set(given["shared"]) == {"people_key", "identity_key"}
    assert set(given["services"]) == {"notifications"}
    assert set(given["services"]["notifications"]) == {"kafka", "gateway_key"}


def test_a_hand_over_that_is_none_or_of_another_installation_is_refused(
    tmp_path: Path, owners: Owners, capsys: pytest.CaptureFixture[str]
) -> None:
    assert owners == {}
    here, there = tmp_path / "here", tmp_path / "there"
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    assert prepare.main(["support", str(here), "--hand-over", str(wrong)]) == 1
    assert "hand-over.json is expected" in capsys.readouterr().err
    assert prepare.main(["together", str(here)]) == 0
    assert prepare.main(["steering", str(there)]) == 0
    other = there / "steering" / "hand-over.json"
    assert prepare.main(["support", str(here), "--hand-over", str(other)]) == 1
    assert "of another installation" in capsys.readouterr().err


def test_a_certificate_is_made_anew_in_time_and_for_another_host(tmp_path: Path) -> None:
    authority, path = Authority(tmp_path), tmp_path / "gateway.pem"
    authority.make("test")
    assert authority.issue(path, ["gateway", "127.0.0.1"])
    assert not authority.issue(path, ["gateway"])
    names = x509.load_pem_x509_certificate(path.read_bytes()).extensions
    assert "gateway" in str(names.get_extension_for_class(x509.SubjectAlternativeName).value)
    assert authority.issue(path, ["gateway", "kurslotse.example"])
    late = datetime.now(UTC) + timedelta(days=CERTIFICATE_DAYS - 30)
    assert authority.issue(path, ["gateway"], now=late)
