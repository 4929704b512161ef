"""Only the pinned jars are run."""

import hashlib
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from services.embedded.machine.progress import PlainNarrator
from services.embedded.servers.jars import JarError, Pin, bring_jars, cache_folder, read_pins

GOOD = b"a real jar"
PIN = Pin("org.example:thing:1.0", hashlib.sha256(GOOD).hexdigest(), len(GOOD))


class Repository:
    """Serves the same bytes to everybody."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked = 0

    def __call__(self, pin: Pin, folder: Path, count: Callable[[int], None]) -> Path:
        self.asked += 1
        found = folder / pin.filename
        found.write_bytes(self.content)
        count(len(self.content))
        return found


def bring(cache: Path, repository: Repository, stop: threading.Event | None = None) -> tuple[Path, ...]:
    return bring_jars(cache, PlainNarrator(), [PIN], stop or threading.Event(), repository)


def test_a_jar_is_brought_once(tmp_path: Path) -> None:
    repository = Repository(GOOD)
    assert [path.read_bytes() for path in bring(tmp_path, repository)] == [GOOD]
    bring(tmp_path, repository)
    assert repository.asked == 1


def test_a_jar_that_is_not_the_pinned_one_is_refused_and_thrown_away(tmp_path: Path) -> None:
    with pytest.raises(JarError, match="is not the pinned file"):
        bring(tmp_path, Repository(b"a fake jar"))
    assert list(tmp_path.iterdir()) == []


def test_a_jar_that_was_changed_on_disk_is_brought_again(tmp_path: Path) -> None:
    (tmp_path / PIN.filename).write_bytes(b"A real jar")
    repository = Repository(GOOD)
    (path,) = bring(tmp_path, repository)
    assert path.read_bytes() == GOOD
    assert repository.asked == 1


def test_who_does_not_want_to_wait_is_heard(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(JarError, match="stopped"):
        bring(tmp_path, Repository(GOOD), stop)
    assert list(tmp_path.iterdir()) == []


def test_the_list_pins_a_broker_and_what_makes_it_write_a_log() -> None:
    pins = read_pins()
    coordinates = {pin.coordinate for pin in pins}
    assert len(coordinates) == len({pin.filename for pin in pins}) == len(pins) > 40
    assert all(re.fullmatch("[0-9a-f]{64}", pin.sha256) and pin.size > 0 for pin in pins)
    (kafka,) = (one for one in coordinates if one.startswith("org.apache.kafka:kafka_2.13:"))
    version = kafka.rpartition(":")[2]
    assert tuple(int(part) for part in version.split(".")) >= (4, 3, 0)
    assert f"org.apache.kafka:kafka-clients:{version}" in coordinates
    assert any("slf4j-impl" in one for one in coordinates)


def test_the_cache_can_be_put_elsewhere(tmp_path: Path) -> None:
    assert cache_folder({"KURSLOTSE_CACHE": str(tmp_path)}) == tmp_path / "jars"
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "kurslotse" / "jars"
