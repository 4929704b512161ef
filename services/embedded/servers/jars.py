"""Downloads the pinned jars of Apache Kafka and refuses any whose SHA-256 differs."""

import hashlib
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from jgo.config import GlobalSettings
from jgo.maven import MavenContext, PythonResolver

from services.embedded.machine.progress import Narrator

PINNED = Path(__file__).parents[3] / "deploy" / "kafka-jars.lock"
ROOT = "org.apache.kafka:kafka_2.13:4.3.0"
LOG_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"  # without it the broker logs nothing
_TRIES = 3
_AT_ONCE = 4
_TIMEOUT_SECONDS = 60


class JarError(Exception):
    """A jar is missing and cannot be brought, or is not the pinned one."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One jar, by coordinate, SHA-256 and size."""

    coordinate: str
    sha256: str
    size: int

    @property
    def filename(self) -> str:
        """The file's name in the cache."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def read_pins(path: Path = PINNED) -> tuple[Pin, ...]:
    """Read the list of pinned jars: `sha256  size  group:artifact:version` a line."""
    pins = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            sha256, size, coordinate = line.split()
            pins.append(Pin(coordinate, sha256, int(size)))
    if not pins:
        raise JarError(f"{path} names no jar")
    return tuple(pins)


def cache_folder(env: Mapping[str, str]) -> Path:
    """Return where jars are kept for all installations of this user."""
    base = (
        env.get("KURSLOTSE_CACHE") or Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kurslotse"
    )
    return Path(base).absolute() / "jars"


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_pinned(path: Path, pin: Pin) -> bool:
    """Return whether a file is what the list says."""
    return path.is_file() and path.stat().st_size == pin.size and sha256_of(path) == pin.sha256


Fetch = Callable[[Pin, Path, Callable[[int], None]], Path]


def bring_jars(
    cache: Path, narrator: Narrator, pins: Sequence[Pin], stop: threading.Event, fetch: Fetch | None = None
) -> tuple[Path, ...]:
    """Return the pinned jars' paths; what is missing or damaged is brought again and checked."""
    cache.mkdir(parents=True, exist_ok=True)
    missing = [pin for pin in pins if not is_pinned(cache / pin.filename, pin)]
    if missing:
        size = sum(pin.size for pin in missing)
        title = f"Fetching Apache Kafka ({len(missing)} jars, {size / 1e6:.0f} MB)"
        with narrator.step(title, size) as step, ThreadPoolExecutor(_AT_ONCE) as pool:
            lock = threading.Lock()

            def count(amount: int) -> None:
                if stop.is_set():
                    raise JarError("The download was stopped.")
                with lock:
                    step.advance(amount)

            jobs = [pool.submit(_bring, cache, pin, count, fetch or fetch_from_maven) for pin in missing]
            try:
                for job in jobs:
                    job.result()
            except BaseException:
                stop.set()
                pool.shutdown(cancel_futures=True)
                raise
    return tuple(cache / pin.filename for pin in pins)


def _bring(cache: Path, pin: Pin, count: Callable[[int], None], fetch: Fetch) -> None:
    with tempfile.TemporaryDirectory(dir=cache, prefix=".fetch-") as folder:
        found = fetch(pin, Path(folder), count)
        if not is_pinned(found, pin):
            raise JarError(
                f"{pin.coordinate} is not the pinned file: its SHA-256 is {sha256_of(found)}, "
                f"{PINNED.name} says {pin.sha256}. It was thrown away."
            )
        found.replace(cache / pin.filename)


def fetch_from_maven(pin: Pin, folder: Path, count: Callable[[int], None]) -> Path:
    """Download one jar; a repository named in jgo's own settings (~/.config/jgo.conf) is honoured."""

    @contextmanager
    def report(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield count

    problem: Exception | None = None
    for attempt in range(_TRIES):
        context = MavenContext(
            repo_cache=folder / str(attempt),
            remote_repos=GlobalSettings.load().repositories or None,
            resolver=PythonResolver(progress_callback=report),
            timeout=_TIMEOUT_SECONDS,
        )
        try:
            return Path(context.create_dependency(pin.coordinate).artifact.resolve())
        except (requests.RequestException, RuntimeError, OSError) as error:
            problem = error
    raise JarError(
        f"{pin.coordinate} could not be downloaded ({type(problem).__name__}). Apache Kafka's jars come from "
        "Maven's central repository at the first start; behind a proxy set HTTPS_PROXY, for a mirror "
        "name it under [repositories] in ~/.config/jgo.conf."
    ) from problem


def pin_again(path: Path = PINNED) -> int:
    """Resolve Kafka's dependencies anew and write the list; for whoever raises the version."""
    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder), resolver=PythonResolver(), timeout=_TIMEOUT_SECONDS)
        # the binding is added alone: resolved together, its BOM would change Kafka's own versions
        inputs, rest = context.resolver.resolve([context.create_dependency(ROOT)])
        lines = []
        for found in [*inputs, *rest, context.create_dependency(LOG_BINDING)]:
            jar = Path(found.artifact.resolve())
            coordinate = f"{found.groupId}:{found.artifactId}:{found.version}"
            lines.append((coordinate, f"{sha256_of(jar)} {jar.stat().st_size:>9} {coordinate}"))
    head = "# The jars of the embedded Apache Kafka: SHA-256, bytes, coordinate.\n"
    head += "# Written by: python -m services.embedded.servers.jars\n"
    path.write_text(head + "".join(f"{line}\n" for _, line in sorted(lines)), encoding="utf-8")
    return len(lines)


if __name__ == "__main__":
    sys.stdout.write(f"{pin_again()} jars pinned\n")
