"""Chooses free ports on the loopback interface, the same ones again where possible."""

import fcntl
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from services.embedded.machine.home import read_json, write_json

HOST = "127.0.0.1"
_OURS = range(20_000, 32_000)
"""Below what Linux and macOS give to outgoing connections: one of those could hold the port of a server that
is to start again."""
_TRIES = 200
_ENDING = 3.0
"""Seconds: the first thread of a killed process may be gone before the last one lets go of its sockets."""


def _bound(port: int) -> socket.socket | None:
    """Return a socket that holds `port`, or None when somebody else has it."""
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((HOST, port))
        holder.listen(1)
    except OSError:
        holder.close()
        return None
    return holder


_reserved: dict[int, int] = {}
"""Ports of this process, with the open files whose locks keep them from others until it ends."""


def _reserve(port: int) -> bool:
    """Reserve a port among the supervisors of this user; return whether nobody else had it.

    Between the choice of a port and the start of its server nobody listens on it: two installations that
    start together would choose the same.
    """
    if port in _reserved:
        return True
    folder = Path(tempfile.gettempdir()) / f"kurslotse-ports-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = os.open(folder / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return False
    _reserved[port] = file
    return True


def _free(port: int) -> socket.socket | None:
    """Return a socket that holds `port`, or None when somebody has it or is about to."""
    holder = _bound(port)
    if holder is not None and not _reserve(port):
        holder.close()
        return None
    return holder


def _again(port: int) -> socket.socket | None:
    """Return a socket that holds the port of the last run; whoever had it may be about to end."""
    until = time.monotonic() + _ENDING
    while (holder := _free(port)) is None and time.monotonic() < until:
        time.sleep(0.1)
    return holder


def choose_ports(names: Sequence[str], remembered: Path) -> dict[str, int]:
    """Give each name a free port, that of the last run if it still is, and remember them."""
    before = read_json(remembered)
    chosen: dict[str, int] = {}
    with ExitStack() as held:
        for name in names:
            last = before.get(name)
            holder = _again(last) if isinstance(last, int) else None
            for _ in range(_TRIES):
                holder = holder or _free(secrets.choice(_OURS))
            if holder is None:
                raise OSError(f"no free port on {HOST}")
            held.enter_context(holder)
            chosen[name] = holder.getsockname()[1]
    write_json(remembered, before | chosen)
    return chosen


def listening(port: int) -> bool:
    """Return whether anybody listens on a port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0
