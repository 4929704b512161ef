"""Compose files, Dockerfiles and boards keep what docs/containers.md promises; nothing is started here."""

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from prometheus_client import CollectorRegistry

from deploy.containers.prepare import SERVICES as USERS
from services.allocation.figures.metrics import BUCKETS, CompletionMetrics
from services.embedded.stack.apply import SIDES
from services.gateway.metrics import DoorMetrics
from services.notifications.metrics import SCRAPED, DeliveryMetrics, OverdueMetrics
from services.runtime.base.metrics import (
    RefusalMetrics,
    consume_metrics,
    relay_metrics,
    timer_metrics,
    work_metrics,
)
from services.runtime.data.db import Pool
from services.runtime.serve.discreet import coarse
from services.runtime.serve.published import PublishedMetrics
from services.texts.figures import FIGURES
from tests.serving import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
OFFICIAL = re.compile(r"\$\{KURSLOTSE_(\w+_)?IMAGE:-[\w./-]+:[\w.-]+\}")
LOOPBACK = "${KURSLOTSE_BIND:-127.0.0.1}:"
NAMES = re.compile(r"\bkurslotse_[a-z_]+\b")


def compose(side: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / f"compose.{side}.yaml").read_text("utf-8"))
    return found


def services() -> list[tuple[str, str, dict[str, Any]]]:
    return [(side, name, service) for side in SIDES for name, service in compose(side)["services"].items()]


EACH = [pytest.param(side, service, id=name) for side, name, service in services()]


@pytest.mark.parametrize(("side", "service"), EACH)
def test_each_container_is_somebody_and_writes_nowhere_else(side: str, service: dict[str, Any]) -> None:
    user, _, group = service["user"].partition(":")
    assert int(user) > 0, side
    assert int(group) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert not any("docker.sock" in volume for volume in service.get("volumes", ()))


@pytest.mark.parametrize(("side", "service"), EACH)
def test_each_image_is_a_setting_and_each_port_on_loopback(side: str, service: dict[str, Any]) -> None:
    assert OFFICIAL.fullmatch(service["image"]), side
    assert all(port.startswith(LOOPBACK) for port in service.get("ports", ()))
    assert service.get("network_mode") in {None, "none"}


@pytest.mark.parametrize(("side", "service"), EACH)
def test_no_environment_holds_a_secret(side: str, service: dict[str, Any]) -> None:
    for name, value in service.get("environment", {}).items():
        secret = re.search(r"PASSWORD|SECRET|TOKEN|_KEY|KEK|_DB_|KAFKA$|SETTINGS|TLS", name)
        assert not secret or str(value).startswith("/run/secrets/") or value == "true", (side, name)
        assert "@" not in str(value), name


def test_the_services_have_users_of_their_own() -> None:
    found = {name: service["user"] for _, name, service in services() if name in USERS}
    assert found == {name: f"{uid}:{uid}" for name, uid in USERS.items()}


def test_databases_are_on_no_network_and_only_their_side_has_the_socket() -> None:
    for side, name, service in services():
        if name.startswith("postgres-"):
            assert service["network_mode"] == "none"
            assert "-clisten_addresses=" in service["command"]
        mounted = {volume.partition(":")[0] for volume in service.get("volumes", ())}
        sockets = {volume for volume in mounted if volume.endswith("-socket")}
        assert sockets <= {f"postgres-{side}-socket"}, name
        given = [one["source"] for one in service.get("secrets", ())]
        files = [compose(side)["secrets"][source]["file"] for source in given]
        assert all(f"/{side}/" in path for path in files), name


def test_no_network_joins_the_two_sides_but_the_one_between() -> None:
    networks = {name: set(service.get("networks", ())) for _, name, service in services()}
    steering = {name for name, joined in networks.items() if "steering" in joined}
    support = {name for name, joined in networks.items() if "support" in joined}
    assert not steering & support
    assert {name for name, joined in networks.items() if "between" in joined} == {
        "kafka",
        "gateway",
        "notifications",
        "setup-support",
    }
    assert networks["allocation"] == {"steering"}
    for side in SIDES:
        external = compose(side)["networks"]["between"]
        assert external["external"] is True


def test_both_sides_can_be_included_in_one_project() -> None:
    one = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    assert one["include"] == ["compose.steering.yaml", "compose.support.yaml"]
    for what in ("services", "volumes", "secrets"):
        assert not set(compose("steering")[what]) & set(compose("support")[what])


def test_the_image_is_built_without_network_and_runs_as_nobody_special() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    build, final = text.split("\nFROM ${PYTHON}\n")
    assert "ARG PYTHON=python:3." in build
    for option in ("--no-index", "--require-hashes", "--only-binary :all:", "--find-links /build/wheelhouse"):
        assert option in build
    assert re.search(r"^USER (?!0)\d+:(?!0)\d+$", final, re.MULTILINE)
    assert "HEALTHCHECK" in final
    assert not re.search(r"\bRUN\b|apt-get|pip|gcc|wheelhouse", final)


@pytest.mark.parametrize("path", sorted((DEPLOY / "images").glob("*.Dockerfile")), ids=lambda path: path.stem)
def test_every_other_image_has_its_base_as_an_argument(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert bases
    assert all(re.fullmatch(r"\$\{\w+\}", base) for base in bases)
    assert all(re.fullmatch(r"ARG \w+=\S+", line) for line in lines if line.startswith("ARG "))
    if path.stem != "python":  # it is only built upon
        users = [line for line in lines if line.startswith("USER ")]
        assert users or "KURSLOTSE" in bases[-1]
        assert not any(line.split()[1].startswith(("0", "root")) for line in users)


def test_only_what_an_image_is_made_of_reaches_the_engine() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines()
    assert lines[1] == "*"
    assert "deploy/secrets" in lines[lines.index("!deploy") :]
    assert "deploy/secrets/" in (REPOSITORY / ".gitignore").read_text("utf-8").splitlines()


BOARDS = {"steering": {"steering", "outcomes"}, "support": {"support"}}


def shown(side: str) -> set[str]:
    """The names of all samples that a side's services may tell."""
    pool = cast("Pool", None)
    registry = CollectorRegistry()
    RefusalMetrics(registry)
    consume_metrics(registry, ["reader"])
    relay_metrics(registry)
    timer_metrics(registry, ["timer"])
    work_metrics(registry)
    PublishedMetrics(registry, pool)
    if side == "steering":
        DoorMetrics(registry)
        CompletionMetrics(registry, pool)
    else:
        DeliveryMetrics.on(registry)
        OverdueMetrics(registry, pool, 5)
        registry = coarse(registry, SCRAPED)
    found = set()
    for metric in registry.collect():
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count")}.get(metric.type, ("",))
        found |= {f"{metric.name}{suffix}" for suffix in suffixes}
    return found


@pytest.mark.parametrize("side", SIDES)
def test_a_board_shows_only_what_its_side_tells(side: str) -> None:
    folder = DEPLOY / "grafana" / side
    source = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text("utf-8"))["datasources"]
    assert [one["url"] for one in source] == [f"http://prometheus-{side}:9090"]
    provided = yaml.safe_load((folder / "dashboards" / "boards.yaml").read_text("utf-8"))["providers"]
    assert provided[0]["options"]["path"] == "/etc/grafana/provisioning/dashboards"
    boards = {path.stem: json.loads(path.read_text("utf-8")) for path in folder.glob("dashboards/*.json")}
    assert set(boards) == BOARDS[side]
    assert len({board["uid"] for board in boards.values()}) == len(boards)
    for name, board in boards.items():
        asked = [target for panel in board["panels"] for target in panel["targets"]]
        assert {target["datasource"]["uid"] for target in asked} == {source[0]["uid"]}
        assert {panel["datasource"]["uid"] for panel in board["panels"]} == {source[0]["uid"]}
        named = {found for target in asked for found in NAMES.findall(target["expr"])}
        assert len(named) > (8 if name == side else 4)
        assert named <= shown(side)


def test_the_board_of_outcomes_asks_for_labels_and_figures_that_there_are() -> None:
    board = json.loads((DEPLOY / "grafana/steering/dashboards/outcomes.json").read_text("utf-8"))
    exprs = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    ends = {float(end) for expr in exprs for end in re.findall(r'le="([0-9.]+)"', expr)}
    assert ends <= set(map(float, BUCKETS))
    for figure, parts in (
        found for expr in exprs for found in re.findall(r'figure=~?"([^"]+)",part=~?"([^"]+)"', expr)
    ):
        meant = [one for one in FIGURES.values() if re.fullmatch(figure, one.name)]
        assert meant
        for one in meant:
            assert set(parts.split("|")) <= {part.name for part in one.parts}


@pytest.mark.parametrize("side", SIDES)
def test_each_side_is_scraped_alone_with_its_tokens(side: str) -> None:
    scraped = yaml.safe_load((DEPLOY / "prometheus" / f"{side}.yaml").read_text("utf-8"))["scrape_configs"]
    targets = [one["static_configs"][0]["targets"] for one in scraped]
    assert targets == [[f"{service}:8444"] for service in SIDES[side]]
    for one, service in zip(scraped, SIDES[side], strict=True):
        assert one["scheme"] == "https"
        assert one["authorization"] == {"credentials_file": f"/run/secrets/{service}.token"}
        assert one["tls_config"] == {"ca_file": "/run/secrets/trusted.pem"}
