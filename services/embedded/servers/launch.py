"""Runs a pair of embedded servers for as long as a `with` block lasts: for tests and benchmarks."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.embedded.machine.children import StartError, tail
from services.embedded.machine.home import Home, read_json
from services.runtime.base.subprocesses import leash

_START_SECONDS = 300.0  # the first start on a machine downloads
_STOP_SECONDS = 40.0


@contextmanager
def launched(home: Path, *arguments: str, keep: bool = False, **settings: str) -> Iterator[dict[str, Any]]:
    """Start `kurslotse up --servers-only` (or other arguments) and yield its run.json once it is ready.

    What PostgreSQL had to keep outside of `home` is removed at the end unless `keep` is set.
    """
    place = Home(home.absolute())
    place.root.mkdir(parents=True, exist_ok=True)
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("KURSLOTSE_DATABASE_URL", "KURSLOTSE_KAFKA")
    }
    command = [sys.executable, "-m", "services.cli", *(arguments or ("up", "--servers-only"))]
    output = place.root / "launched.log"
    with output.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 -- our own program
            command,
            env=inherited | {"KURSLOTSE_HOME": str(place.root)} | settings,
            cwd=Path(__file__).parents[3],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=leash(),  # noqa: PLW1509 -- calls nothing but prctl
        )
    try:
        yield _until_ready(place, process, output)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if not keep and place.postgres.is_symlink():
            shutil.rmtree(place.postgres.resolve())
            place.postgres.unlink()


def _until_ready(place: Home, process: subprocess.Popen[bytes], output: Path) -> dict[str, Any]:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        facts = read_json(place.run)
        if facts.get("ready") and facts.get("pid") == process.pid:
            return facts
        time.sleep(0.05)
    raise StartError(f"the servers in {place.root} did not start:\n{tail(output)}")
