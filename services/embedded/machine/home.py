"""Names the folder of an installation and the files in it: data, secrets, logs, what runs."""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_HOME = ".kurslotse"


class AlreadyRunningError(Exception):
    """Another supervisor holds this home."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one installation; every path in it is named here."""

    root: Path

    @classmethod
    def find(cls, env: Mapping[str, str], given: Path | None = None) -> "Home":
        """Return the home that was given, or that the environment names, or the usual one."""
        return cls((given or Path(env.get("KURSLOTSE_HOME") or DEFAULT_HOME)).absolute())

    def make(self) -> None:
        """Create the folders; only the owner may list a new one, PostgreSQL's uid may pass through."""
        if not self.root.exists():
            self.root.mkdir(parents=True)
            self.root.chmod(0o711)
        for folder in (self.log, self.work):
            folder.mkdir(exist_ok=True, mode=0o700)

    @property
    def log(self) -> Path:
        """Log files of all processes."""
        return self.root / "log"

    @property
    def work(self) -> Path:
        """Files that a run makes again: configuration, the demo's state, the clock."""
        return self.root / "work"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's own folder, or a link to it where this one cannot be reached by its uid."""
        return self.root / "postgres"

    @property
    def kafka(self) -> Path:
        """Kafka's data."""
        return self.root / "kafka"

    @property
    def installation(self) -> Path:
        """Secrets made once."""
        return self.root / "installation.json"

    @property
    def ports(self) -> Path:
        """Ports of the last run, tried again first."""
        return self.root / "ports.json"

    @property
    def run(self) -> Path:
        """What runs now and how to reach it."""
        return self.root / "run.json"

    @property
    def children(self) -> Path:
        """Process ids with start times, for the next run to clean up after a kill -9."""
        return self.root / "children.json"

    @property
    def clock(self) -> Path:
        """The business clock of the demo."""
        return self.work / "clock.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock this home for one supervisor; the kernel unlocks it when the process dies, however it dies."""
        with (self.root / "supervisor.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise AlreadyRunningError(str(self.root)) from error
            yield


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a file; a missing or broken file is an empty one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, content: Mapping[str, Any], mode: int = 0o600) -> None:
    """Replace a file in one step; a reader sees the old or the new content."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
