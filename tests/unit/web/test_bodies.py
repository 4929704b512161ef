"""Bodies sent to pages: small before anybody is known, strict JSON, bounded forms; no guessing of cookies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partialmethod

import httpx
import pytest
from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.runtime.base.addresses import Proxies
from services.runtime.http.allowance import SMALL_BODY
from services.runtime.http.door import Door
from services.runtime.web.app import create_app
from services.runtime.web.bodies import takes_up_to
from services.runtime.web.visit.sessions import Sessions
from tests.accounts.fake import FakeSignIn
from tests.unit.web import site

MB = 1024 * 1024
JSON = {"content-type": "application/json"}


@asynccontextmanager
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Ask a small site through the door that every server puts in front."""
    more = APIRouter()

    @more.post("/upload")
    @takes_up_to(2 * MB)
    async def upload(request: Request) -> Response:
        async with request.form() as form:
            sent = form.get("file")
            size = len(await sent.read()) if isinstance(sent, UploadFile) else 0
        return JSONResponse({"size": size})

    @more.post("/api/v1/echo")
    async def echo(request: Request) -> Response:
        return JSONResponse({"read": await request.json()})

    door = Door(
        create_app(site.site(), site.SECRET, FakeSignIn(site.PEOPLE), pages=[site.router(), more]), Proxies()
    )
    transport = httpx.ASGITransport(app=door, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://kurslotse.test") as http:
        yield http


async def signed_in(http: httpx.AsyncClient) -> dict[str, str]:
    answer = await http.post("/demo/sign-in", json={"person": "ada-beispiel"})
    return {"x-csrf": str(answer.json()["csrf"])}


class Counted:
    """A body that knows how much of it was taken."""

    def __init__(self, size: int) -> None:
        self.size, self.taken = size, 0

    async def chunks(self) -> AsyncIterator[bytes]:
        while self.taken < self.size:
            self.taken += 65536
            yield b"x" * 65536


@pytest.mark.parametrize(
    "path", ["/sign-out", "/preferences", "/demo/sign-in", "/change", "/upload", "/no-such"]
)
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", "text/plain"])
async def test_nobody_unknown_is_read_beyond_a_small_body(path: str, kind: str) -> None:
    body = Counted(48 * MB)
    async with client() as http:
        answer = await http.post(path, content=body.chunks(), headers={"content-type": kind})
    assert answer.status_code in {403, 404, 413}
    assert body.taken <= 4 * SMALL_BODY


async def test_a_page_says_that_it_was_too_large() -> None:
    async with client() as http:
        answer = await http.post("/sign-out", data={"csrf": "x" * MB})
        assert answer.status_code == 413
        assert "zu groß" in answer.text
        problem = await http.post("/api/v1/change", content=b"[" + b" " * MB + b"]", headers=JSON)
        assert (problem.status_code, problem.headers["content-type"]) == (413, "application/problem+json")


async def test_a_marked_page_takes_a_file_of_somebody_who_is_signed_in() -> None:
    file = {"file": ("ways.csv", b"x" * MB)}
    async with client() as http:
        assert (await http.post("/upload", files=file)).status_code == 413
        token = await signed_in(http)
        answer = await http.post("/upload", files=file, headers=token)
        assert (answer.status_code, answer.json()) == (200, {"size": MB})
        larger = {"file": ("ways.csv", b"x" * 3 * MB)}
        assert (await http.post("/upload", files=larger, headers=token)).status_code == 413
        assert (await http.post("/change", files=file)).status_code == 413, "not marked"


async def test_forms_have_a_bounded_number_of_fields_and_files() -> None:
    async with client() as http:
        assert (await http.post("/sign-out", data={f"f{n}": "" for n in range(1200)})).status_code == 400
        files = [("file", (f"{n}", b"")) for n in range(5)]
        assert (await http.post("/sign-out", files=files)).status_code == 400


@pytest.mark.parametrize("charset", ["zip", "hex", "utf-16", "idna", "undefined", "no-such"])
async def test_a_form_in_an_encoding_that_is_none_is_no_fault_of_ours(charset: str) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n\xff\xfe1\r\n--x--\r\n'
    async with client() as http:
        kind = f"multipart/form-data; boundary=x; charset={charset}"
        answer = await http.post("/sign-out", content=part, headers={"content-type": kind})
        assert answer.status_code in {400, 403}


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"a":NaN}', b'{"a":"\\ud800"}', b"\xff", b'{"a":1,"a":2}', b"[" * 30_000, b'{"a":' * 9_000],
)
@pytest.mark.parametrize("path", ["/api/v1/echo", "/demo/sign-in", "/api/v1/change"])
async def test_json_that_readers_understand_differently_is_refused(path: str, body: bytes) -> None:
    async with client() as http:
        token = await signed_in(http)
        answer = await http.post(path, content=body, headers=token | JSON)
        assert answer.status_code == 400
        assert answer.json()["code"].startswith("json_")
        good = await http.post("/api/v1/echo", content=b'{"a": 18446744073709551615}', headers=token | JSON)
        assert good.json() == {"read": {"a": 18446744073709551615}}


async def test_forged_cookies_are_slowed_down_and_a_good_one_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    made = Sessions.__init__
    clocked = partialmethod(made, monotonic=lambda: now[0])
    monkeypatch.setattr(Sessions, "__init__", clocked)
    async with client() as http:
        await signed_in(http)
        good = str(http.cookies["kurslotse_allocation_preferences"])
        mine = http.cookies["session"]
        http.cookies.clear()

        async def ask(cookie: str, mine: str = "") -> int:
            return (
                await http.get(
                    "/", headers={"cookie": f"kurslotse_allocation_preferences={cookie}; session={mine}"}
                )
            ).status_code

        forged = [await ask(f"forged-{n}") for n in range(70)]
        assert forged == [303] * 59 + [429] * 11
        assert await ask(good, mine) == 200
        now[0] += 60.0
        assert await ask("forged") == 303
