"""The `kurslotse` command."""

import subprocess
import sys
from importlib import import_module

import typer
from typer.testing import CliRunner

from services.cli import COMMANDS, app, load_command

run = CliRunner()


def test_a_service_that_is_run_does_not_pay_for_the_others() -> None:
    ours = "{name.split('.')[1] for name in sys.modules if name.startswith('services.')}"
    code = f"import sys, services.cli; print(sorted({ours}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['cli']"


def test_unknown_services_are_refused_by_name() -> None:
    answer = run.invoke(app, ["run", "billing"])
    assert answer.exit_code == 2
    assert "gateway, allocation, notifications" in answer.output


def test_a_service_without_its_settings_names_the_first_missing_one() -> None:
    answer = run.invoke(app, ["run", "gateway"], env={"KURSLOTSE_DB_WORKER": None})
    assert answer.exit_code == 2
    assert "KURSLOTSE_DB_WORKER" in answer.output


def test_help_lists_own_commands_and_those_that_services_bring() -> None:
    answer = run.invoke(app, ["--help"])
    assert answer.exit_code == 0
    for command in ("up", "demo", "status", "down", "db", "run", *COMMANDS):
        assert f" {command} " in answer.output


def test_what_help_says_is_what_the_services_bring() -> None:
    shown = {name: load_command(name).get_short_help_str(200) for name in COMMANDS}
    assert shown == {name: help_ for name, (_, help_) in COMMANDS.items()}
    for service in {service for service, _ in COMMANDS.values()} - {"runtime"}:
        brought = typer.main.get_group(import_module(f"services.{service}.commands").app).commands
        assert set(brought) == {name for name, (by, _) in COMMANDS.items() if by == service}


def test_an_unknown_command_is_an_error() -> None:
    assert run.invoke(app, ["fly"]).exit_code == 2


def test_status_of_nothing_is_exit_status_1(tmp_path: object) -> None:
    answer = run.invoke(app, ["status", "--json", "--home", str(tmp_path)])
    assert answer.exit_code == 1
    assert '"running": false' in answer.output
