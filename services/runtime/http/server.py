"""Serves an application on a port until the process stops."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from services.runtime.base.settings import HttpAddress
from services.runtime.http.door import Door
from services.runtime.http.protocol import Deadlines

_REQUEST_LINE_AND_HEADERS = 24 * 1024


class OurServer(uvicorn.Server):
    """A uvicorn server that leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signal."""
        yield


def config_of(
    door: Door, where: HttpAddress, protocol: type[Deadlines] = Deadlines, tls: Path | None = None
) -> uvicorn.Config:
    """Return the server's configuration; only the door decides whose X-Forwarded-For is believed.

    `tls` is a PEM file with certificate and key; without one the server speaks plain text.
    """
    return uvicorn.Config(
        door,
        host=where.host,
        port=where.port,
        ssl_certfile=tls,
        http=protocol,
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=_REQUEST_LINE_AND_HEADERS,
        timeout_graceful_shutdown=5,
    )


async def serve(door: Door, where: HttpAddress, stop: asyncio.Event, tls: Path | None = None) -> None:
    """Answer requests until `stop` is set."""
    server = OurServer(config_of(door, where, tls=tls))
    serving = asyncio.create_task(server.serve())
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
    finally:
        stopped.cancel()
