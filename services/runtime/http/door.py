"""Stands in front of an application: counts, limits and ends requests before they can cost much."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.base.addresses import Proxies, is_this_machine
from services.runtime.base.failures import name_of
from services.runtime.http.allowance import KEY, SMALL_BODY, Allowance, Uploads, declared_length, limited

log = logging.getLogger(__name__)

Headers = list[tuple[bytes, bytes]]

_CLOSE = (b"connection", b"close")
_RETRY = {503: b"2", 429: b"10"}
_TITLES = {
    403: "Ask the proxy in front of Kurslotse; other machines are answered through it only.",
    408: "The request took too long to arrive. Please send it again.",
    413: "The request is larger than it may be.",
    414: "The address is longer than it may be.",
    431: "The request has more or longer headers than it may have.",
    503: "Too much is going on at once. Please send the same again in a few seconds.",
}


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """Limits of one server; docs/decisions argues them."""

    requests: int = 256  # answered at once
    requests_of_one: int = 64  # of these, for one client; this machine's own programs may have all
    target_bytes: int = 8 * 1024
    header_bytes: int = 16 * 1024
    headers: int = 64
    body_seconds: float = 20.0
    answer_seconds: float = 60.0
    uploads: int = 8  # larger bodies read at once


class Door:
    """ASGI middleware around everything that a server answers.

    `open_paths` begin the paths that other machines may ask without a proxy (probes, without detail);
    where the server itself speaks TLS (`encrypted`) they may ask everything.
    """

    def __init__(
        self,
        app: ASGIApp,
        proxies: Proxies,
        limits: DoorLimits | None = None,
        *,
        open_paths: Sequence[str] = (),
        encrypted: bool = False,
        refused: Callable[[int], None] = lambda _status: None,
    ) -> None:
        self._app, self._proxies = app, proxies
        self._limits = limits or DoorLimits()
        self._open = ("/",) if encrypted else tuple(open_paths)
        self._refused = refused
        self._uploads = Uploads(self._limits.uploads)
        self._clients: Counter[str] = Counter()
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request within the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        peer, client = self._who(scope)
        wrong = self._wrong(scope, peer) or self._busy(client)
        if wrong:
            self._refused(wrong)
            await _answer(send, wrong)
            return
        self._requests += 1
        self._clients[client] += 1
        try:
            await self._within_limits(scope, receive, send)
        finally:
            self._requests -= 1
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    def _who(self, scope: Scope) -> tuple[str, str]:
        """Return peer and client; the scope names the client afterwards, and the scheme that it used."""
        peer = scope["client"][0] if scope.get("client") else ""
        client = peer
        if self._proxies.hold(peer):
            client = self._proxies.client_of(peer, _values(scope, b"x-forwarded-for"))
            scheme = _values(scope, b"x-forwarded-proto")
            if scheme and scheme[-1].strip().lower() in {"http", "https"}:
                scope["scheme"] = scheme[-1].strip().lower()
            scope["client"] = (client, 0)
        return peer, client

    def _wrong(self, scope: Scope, peer: str) -> int:
        limits, headers = self._limits, scope["headers"]
        inner = not peer or is_this_machine(peer) or self._proxies.hold(peer)
        if not inner and not scope["path"].startswith(self._open):
            return 403
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > limits.target_bytes:
            return 414
        size = sum(len(name) + len(value) for name, value in headers)
        if len(headers) > limits.headers or size > limits.header_bytes:
            return 431
        return 0

    def _busy(self, client: str) -> int:
        if self._requests >= self._limits.requests:
            return 503
        own = is_this_machine(client)
        return 503 if not own and self._clients[client] >= self._limits.requests_of_one else 0

    async def _within_limits(self, scope: Scope, receive: Receive, send: Send) -> None:
        limits = self._limits
        now = asyncio.get_running_loop().time()
        declared = declared_length(scope["headers"])
        timeout = asyncio.timeout(limits.answer_seconds)
        allowance = Allowance(self._uploads, timeout, now + limits.body_seconds)
        allowance.complete = declared == 0
        scope[KEY] = allowance
        answer = _Answer(send, allowance, drains=declared is not None and declared <= SMALL_BODY)
        try:
            async with timeout:
                await self._app(scope, limited(receive, allowance, declared), answer)
        except HTTPException as error:  # where an application has no answer of its own
            await self._instead(answer, scope, error, error.status_code)
        except TimeoutError as error:
            if not timeout.expired():
                raise
            await self._instead(answer, scope, error, 503)
        finally:
            allowance.close()
        if answer.status in {408, 413, 503}:
            self._refused(answer.status)

    async def _instead(self, answer: "_Answer", scope: Scope, error: Exception, status: int) -> None:
        route = getattr(scope.get("route"), "path", "")  # the pattern: no id of anybody
        log.warning("request ended", extra={"error": name_of(error), "route": route, "status": status})
        if answer.status:
            raise error  # the connection is closed in the middle of the answer
        await _answer(answer, status)


class _Answer:
    """Passes an answer on.

    Where the request was not read to its end, the connection is closed after it; a small rest drains.
    """

    def __init__(self, send: Send, allowance: Allowance, *, drains: bool) -> None:
        self._send, self._allowance, self._drains = send, allowance, drains
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if not self._allowance.complete and (self.status == 408 or not self._drains):  # noqa: PLR2004 - HTTP
                kept = [(name, value) for name, value in message.get("headers", ()) if name != b"connection"]
                message = {**message, "headers": [*kept, _CLOSE]}
        await self._send(message)


async def _answer(send: Send, status: int) -> None:
    title = _TITLES.get(status, _TITLES[503])
    body = orjson.dumps({"title": title, "status": status, "code": f"http_{status}", "detail": title})
    headers: Headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        _CLOSE,
    ]
    if status in _RETRY:
        headers.append((b"retry-after", _RETRY[status]))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
