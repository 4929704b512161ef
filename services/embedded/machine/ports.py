"""Chooses free ports on the loopback interface, the same ones again where possible."""

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from services.embedded.machine.home import read_json, write_json

HOST = "127.0.0.1"


def _bound(port: int) -> socket.socket | None:
    """Return a socket that holds `port` (0: any), or None when somebody else has it."""
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((HOST, port))
        holder.listen(1)
    except OSError:
        holder.close()
        return None
    return holder


def choose_ports(names: Sequence[str], remembered: Path) -> dict[str, int]:
    """Give each name a free port, that of the last run if it still is, and remember them."""
    before = read_json(remembered)
    chosen: dict[str, int] = {}
    with ExitStack() as held:
        for name in names:
            last = before.get(name)
            holder = (_bound(last) if isinstance(last, int) else None) or _bound(0)
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
