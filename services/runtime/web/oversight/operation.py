"""Makes the page on which an operator sees how a service runs: counts and ages, nothing to change."""

import platform
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

import asyncpg
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.runtime.base.clock import Clock
from services.runtime.bookkeeping.overview import overview
from services.runtime.data.db import transaction
from services.runtime.web.pages import web_of
from services.runtime.web.visit.guard import signed_in

OwnLines = Callable[[asyncpg.Connection, datetime], Awaitable[Sequence[tuple[str, str]]]]
"""Returns what a service adds: msgids with msgids or figures."""


def operation_router(
    pool: asyncpg.Pool,
    clock: Clock,
    *roles: str,
    reading: tuple[str, ...] = (),
    own: OwnLines | None = None,
    title: str = "",
) -> APIRouter:
    """Make the page `/operation` for some roles; `pool` is the worker's, `own` adds the service's lines."""
    router = APIRouter(include_in_schema=False)

    @router.get("/operation", dependencies=[Depends(signed_in(*roles, reading=reading))])
    async def operation(request: Request) -> Response:
        """Show what waits, was refused or keeps failing, and the versions."""
        async with transaction(pool) as conn:
            seen = await overview(conn)
            lines = await own(conn, clock.now()) if own is not None else ()
        return web_of(request).page(
            request,
            "operation.html",
            seen=seen,
            lines=lines,
            title=title,
            kurslotse=_own_version(),
            python=platform.python_version(),
        )

    return router


def _own_version() -> str:
    try:
        return version("kurslotse")
    except PackageNotFoundError:
        return ""
