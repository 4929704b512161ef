"""Secrets, files and the lock of an installation."""

import json
import os
from pathlib import Path

import pytest

from services.embedded.machine.children import StartError, pause_before
from services.embedded.machine.home import AlreadyRunningError, Home, read_json, write_json
from services.embedded.machine.installation import cluster_id, open_installation, secrets_of
from services.embedded.machine.processes import Identity
from services.embedded.stack.discovery import running


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    return made


def test_secrets_are_made_once_and_readable_by_their_owner_only(home: Home) -> None:
    first = open_installation(home)
    assert open_installation(home) == first
    assert home.installation.stat().st_mode & 0o777 == 0o600
    assert len(set(json.loads(home.installation.read_text())["services"]["gateway"].values())) == 7
    assert first.servers.postgres not in repr(first)


def test_secrets_that_a_newer_version_needs_are_added_and_the_others_stay(home: Home) -> None:
    first = open_installation(home)
    document = read_json(home.installation)
    del document["services"]["gateway"]["web_secret"]
    write_json(home.installation, document)
    second = open_installation(home)
    assert second.servers == first.servers
    assert second.services["gateway"].worker == first.services["gateway"].worker
    assert second.services["gateway"].web_secret


def test_every_secret_is_in_one_list_and_no_two_are_equal(home: Home) -> None:
    made = open_installation(home)
    listed = secrets_of(made)
    document = read_json(home.installation)
    groups = {"servers": document["servers"], "shared": document["shared"], **document["services"]}
    written = {f"{group}.{name}": text for group, found in groups.items() for name, text in found.items()}
    assert written.pop("servers.cluster_id")
    assert listed == written
    assert len(set(listed.values())) == len(listed)
    assert not [name for name, text in listed.items() if text in repr(made)]


def test_a_broken_file_of_secrets_is_not_replaced(home: Home) -> None:
    home.installation.write_text("{")
    with pytest.raises(StartError, match="cannot be read"):
        open_installation(home)
    assert home.installation.read_text() == "{"


def test_a_cluster_id_is_never_taken_for_an_option() -> None:
    made = [cluster_id() for _ in range(2000)]
    assert not [one for one in made if one.startswith("-") or len(one) != 22]


def test_a_home_is_held_by_one(home: Home) -> None:
    with home.held(), pytest.raises(AlreadyRunningError), Home(home.root).held():
        pass
    with home.held():
        pass


def test_a_process_id_alone_is_not_believed(home: Home) -> None:
    me = Identity.of(os.getpid())
    assert me is not None
    write_json(home.run, {"pid": me.pid, "started": me.started})
    assert running(home)
    write_json(home.run, {"pid": me.pid, "started": me.started - 3600})
    assert running(home) is None
    home.run.unlink()
    assert running(home) is None


def test_a_file_is_replaced_whole(home: Home) -> None:
    path = home.root / "x.json"
    write_json(path, {"a": 1}, mode=0o644)
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": 1}
    assert [entry.name for entry in home.root.iterdir() if entry.name.startswith(".x")] == []


def test_the_pause_before_a_restart_grows_and_ends() -> None:
    pauses = [pause_before(attempt) for attempt in range(8)]
    assert pauses == sorted(pauses)
    assert pauses[0] == pytest.approx(0.1)
    assert pauses[-1] == pytest.approx(10)


def test_a_folder_that_was_there_keeps_its_permissions(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    Home(tmp_path).make()
    assert tmp_path.stat().st_mode & 0o777 == 0o750
    Home(tmp_path / "new").make()
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o711
