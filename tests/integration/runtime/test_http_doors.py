"""A real server under abuse: slow, endless, lying and too many requests; its memory stays what it was."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import psutil
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.runtime.base.addresses import Proxies
from services.runtime.base.settings import HttpAddress
from services.runtime.http.allowance import SMALL_BODY, allow_larger
from services.runtime.http.door import Door, DoorLimits
from services.runtime.http.protocol import Deadlines
from services.runtime.http.server import OurServer, config_of
from tests.waiting import wait_until

MB = 1024 * 1024
QUICK = DoorLimits(body_seconds=0.5, answer_seconds=1.0, requests=3)


class Quick(Deadlines):
    ask_seconds = 0.5
    listen_seconds = 0.5
    most_connections = 12


async def read(request: Request) -> Response:
    return JSONResponse({"read": len(await request.body())})


async def known(request: Request) -> Response:
    if request.headers.get("authorization") == "Bearer key":
        allow_larger(request, 2 * MB, 5.0, request.headers.get("x-caller"))
    return await read(request)


async def deaf(_request: Request) -> Response:
    return JSONResponse({"read": 0})


async def stuck(_request: Request) -> Response:
    await asyncio.Event().wait()
    raise AssertionError


async def much(_request: Request) -> Response:
    return Response(b"x" * 64 * MB)


APP = Starlette(
    routes=[
        Route("/read", read, methods=["POST", "GET"]),
        Route("/known", known, methods=["POST"]),
        Route("/deaf", deaf, methods=["POST"]),
        Route("/stuck", stuck),
        Route("/much", much),
    ]
)


@dataclass
class Stand:
    port: int
    refused: list[int]
    server: OurServer

    async def say(self, *parts: bytes) -> tuple[int, bytes]:
        """Send parts of a request; return the status and whole text of the answer, read to the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            answer = await asyncio.wait_for(reader.read(), 10.0)
        finally:
            writer.close()
        return (int(answer.split()[1]) if answer else 0), answer

    async def post(self, path: str, body: bytes, *headers: bytes) -> tuple[int, bytes]:
        length = b"Content-Length: %d" % len(body)
        return await self.say(request(path, length, b"Connection: close", *headers) + body)


def request(path: str, *headers: bytes, method: bytes = b"POST") -> bytes:
    lines = [method + b" " + path.encode() + b" HTTP/1.1", b"Host: x", *headers]
    return b"\r\n".join([*lines, b"", b""])


@asynccontextmanager
async def served(limits: DoorLimits = QUICK, proxies: str = "") -> AsyncIterator[Stand]:
    refused: list[int] = []
    door = Door(APP, Proxies.parse("X", proxies), limits, refused=refused.append)
    server = OurServer(config_of(door, HttpAddress("127.0.0.1", 0), Quick))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        task = asyncio.create_task(server.serve(sockets=[listening]))
        await wait_until(lambda: server.started)
        try:
            yield Stand(listening.getsockname()[1], refused, server)
        finally:
            server.should_exit = True
            await task


async def test_a_body_of_the_usual_size_is_read_and_a_larger_one_only_of_a_known_caller() -> None:
    async with served() as stand:
        assert (await stand.post("/read", b"x" * SMALL_BODY))[0] == 200
        assert (await stand.post("/read", b"x" * (SMALL_BODY + 1)))[0] == 413
        assert (await stand.post("/known", b"x" * MB))[0] == 413
        assert (await stand.post("/known", b"x" * MB, b"Authorization: Bearer key"))[0] == 200
        assert (await stand.post("/known", b"x" * (2 * MB + 1), b"Authorization: Bearer key"))[0] == 413
    assert stand.refused == [413, 413, 413]


async def test_a_body_announced_as_too_large_is_refused_before_a_byte_of_it_comes() -> None:
    async with served() as stand:
        status, answer = await stand.say(request("/read", b"Content-Length: 48000000"))
        assert status == 413
        assert b"connection: close" in answer.lower()
        continued, answer = await stand.say(
            request("/read", b"Content-Length: 48000000", b"Expect: 100-continue")
        )
        assert (continued, b"100 Continue" in answer) == (413, False)


async def test_an_endless_chunked_body_costs_no_memory() -> None:
    process, sent = psutil.Process(), 0
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    async with served() as stand:
        await stand.say(request("/read", b"Content-Length: 1"), b"x")
        before = process.memory_info().rss
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", stand.port)
            first = asyncio.create_task(reader.read(12))
            writer.write(request("/read", b"Transfer-Encoding: chunked"))
            with contextlib.suppress(ConnectionError):
                for _ in range(400):  # 26 MB
                    writer.write(chunk)
                    await writer.drain()
                    sent += len(chunk)
            assert await first == b"HTTP/1.1 413"
            writer.close()
        after = process.memory_info().rss
    assert sent < 3 * 8 * MB, "the server went on reading"
    assert after / before < 1.2
    assert stand.refused == [413] * 3


async def test_a_route_that_reads_nothing_does_not_keep_a_connection_that_never_stops_talking() -> None:
    async with served() as stand:
        status, answer = await stand.say(request("/deaf", b"Content-Length: 48000000"), b"x" * 1000)
        assert (status, b"connection: close" in answer.lower()) == (200, True)
        status, _ = await stand.say(request("/deaf", b"Transfer-Encoding: chunked"), b"1\r\nx\r\n")
        assert status == 200


@pytest.mark.parametrize(
    "length", [b"Content-Length: -1", b"Content-Length: 1e9", b"Content-Length: 5\r\nContent-Length: 6"]
)
async def test_a_length_that_is_none_is_refused(length: bytes) -> None:
    async with served() as stand:
        assert (await stand.say(request("/read", length)))[0] == 400


async def test_more_than_was_announced_is_not_taken_for_the_body() -> None:
    async with served() as stand:
        _, answer = await stand.say(request("/read", b"Content-Length: 2"), b"abcd /evil\r\n\r\n")
        assert b'{"read":2}' in answer
        assert b"400 Bad Request" in answer


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async with served() as stand:
        begun = asyncio.get_running_loop().time()
        status, _ = await stand.say(request("/read", b"Content-Length: 100"), b"x")
        assert status == 408
        assert asyncio.get_running_loop().time() - begun < 5.0
    assert stand.refused == [408]


async def test_headers_that_do_not_come_end_the_connection() -> None:
    async with served() as stand:
        for begin in (b"", b"G", b"GET /read HTTP/1.1\r\nHost: x\r\n"):
            assert await stand.say(begin) == (0, b"")
        # also after a first request, which ends uvicorn's own keep-alive timeout
        status, answer = await stand.say(request("/read", b"Content-Length: 1") + b"x", b"GET /re")
        assert status == 200
        assert answer.count(b"HTTP/1.1") == 1


async def test_headers_that_trickle_end_the_connection() -> None:
    async with served() as stand:
        reader, writer = await asyncio.open_connection("127.0.0.1", stand.port)
        ended = asyncio.create_task(reader.read())
        writer.write(b"GET /read HTTP/1.1\r\n")

        async def trickles() -> bool:
            writer.write(b"X-A: b\r\n")
            return ended.done()

        await wait_until(trickles, 5.0)
        assert ended.exception() is not None or ended.result() == b""
        writer.close()


async def test_an_answer_that_nobody_takes_is_not_kept() -> None:
    async with served() as stand:
        with socket.create_connection(("127.0.0.1", stand.port)) as client:
            client.sendall(request("/much", method=b"GET"))
            await wait_until(lambda: stand.server.server_state.total_requests == 1 and _open(stand))
            await wait_until(lambda: not _open(stand), 5.0, "the connection is dropped")


def _open(stand: Stand) -> int:
    return len(stand.server.server_state.connections)


async def test_a_handler_that_hangs_is_ended_and_says_to_try_again() -> None:
    async with served() as stand:
        status, answer = await stand.say(request("/stuck", method=b"GET"))
        assert status == 503
        assert b"retry-after" in answer.lower()


async def test_only_so_many_requests_are_answered_at_once() -> None:
    async with served() as stand:
        asked = [request("/stuck", method=b"GET")] * 5
        answers = await asyncio.gather(*(stand.say(one) for one in asked))
        assert [status for status, _ in answers] == [503] * 5
        assert stand.refused.count(503) == 5
        assert (await stand.say(request("/read", b"Connection: close", method=b"GET")))[0] == 200


async def test_only_so_many_large_bodies_are_read_at_once() -> None:
    async with served(replace(QUICK, uploads=1, requests=10, body_seconds=5.0, answer_seconds=5.0)) as stand:
        key, length = b"Authorization: Bearer key", b"Content-Length: 1000000"
        first = asyncio.create_task(stand.say(request("/known", key, length, b"Connection: close")))
        await wait_until(lambda: stand.server.server_state.tasks)
        status, answer = await stand.say(request("/known", key, length))
        assert (status, b"retry-after" in answer.lower()) == (503, True)
        assert (await stand.post("/known", b"x" * 1000, key))[0] == 200  # a small one has its place
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await wait_until(lambda: not stand.server.server_state.tasks)
        assert (await stand.post("/known", b"x" * 1_000_000, key))[0] == 200


async def test_one_caller_has_few_of_the_places_for_large_bodies() -> None:
    async with served(replace(QUICK, uploads=4, requests=10, body_seconds=5.0, answer_seconds=5.0)) as stand:
        key, length = b"Authorization: Bearer key", b"Content-Length: 1000000"
        mine, other = b"X-Caller: schule", b"X-Caller: amt"
        slow = [
            asyncio.create_task(stand.say(request("/known", key, length, mine, b"Connection: close")))
            for _ in range(2)
        ]
        await wait_until(lambda: len(stand.server.server_state.tasks) == 2)
        status, answer = await stand.say(request("/known", key, length, mine))
        assert (status, b"retry-after" in answer.lower()) == (429, True)
        assert (await stand.post("/known", b"x" * 1000, key, mine))[0] == 200  # a small one has its place
        assert (await stand.post("/known", b"x" * 1_000_000, key, other))[0] == 200
        for one in slow:
            one.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        await wait_until(lambda: not stand.server.server_state.tasks)
        assert (await stand.post("/known", b"x" * 1_000_000, key, mine))[0] == 200


async def test_only_so_many_connections_are_held() -> None:
    async with served() as stand:
        idle = [await asyncio.open_connection("127.0.0.1", stand.port) for _ in range(Quick.most_connections)]
        status, answer = await stand.say(b"")
        assert (status, b"Retry-After" in answer) == (503, True)
        for _, writer in idle:
            writer.close()


async def test_addresses_and_headers_are_bounded() -> None:
    async with served() as stand:
        get = (b"Connection: close",)
        assert (await stand.say(request("/read?" + "x" * 7000, *get, method=b"GET")))[0] == 200
        assert (await stand.say(request("/read?" + "x" * 9000, *get, method=b"GET")))[0] == 414
        many = [b"X-%d: y" % number for number in range(70)]
        assert (await stand.say(request("/read", *get, *many, method=b"GET")))[0] == 431
        assert (await stand.say(request("/read", *get, b"X: " + b"y" * 20_000, method=b"GET")))[0] == 431
        long = await stand.say(request("/read", *get, b"X: " + b"y" * 200_000, method=b"GET"))
        assert long[0] in {400, 431}
