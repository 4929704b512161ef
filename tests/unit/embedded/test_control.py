"""The supervisor's door: token, quiet, clock."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.embedded.stack import report, status
from services.embedded.stack.control import ClockError, control_app, set_clock

DOORS = {name: status.OpsDoor(f"http://{name}", f"{name} token") for name in ("gateway", "allocation")}
IDLE = {"events": {"x": 3}, "lag": {"g|t": 0}, "outbox": 0, "due": 0, "parked": 7, "invariants": []}


def services(*rounds: Sequence[dict[str, Any]]) -> httpx.AsyncClient:
    """Answer for all services, another answer each round; the last one for ever."""
    asked = dict.fromkeys(DOORS, 0)

    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.host
        assert request.headers["authorization"] == f"Bearer {name} token"
        said = rounds[min(asked[name], len(rounds) - 1)][list(DOORS).index(name)]
        asked[name] += 1
        return httpx.Response(said.get("code", 200), json=said)

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


async def test_quiet_when_nothing_is_under_way_though_something_is_parked() -> None:
    async with services([IDLE, IDLE]) as client:
        assert await status.quiet(client, DOORS) == {"quiet": True, "why": []}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"lag": {"g|t": 2}}, "allocation has 2 unread of g|t"),
        ({"outbox": 1}, "allocation has 1 outbox"),
        ({"due": 4}, "allocation has 4 due"),
        ({"code": 503}, 'allocation does not answer: 503 {"events"'),
    ],
)
async def test_not_quiet_and_why(said: dict[str, Any], why: str) -> None:
    async with services([IDLE, IDLE | said]) as client:
        found = await status.quiet(client, DOORS)
    assert not found["quiet"]
    (reason,) = found["why"]
    assert reason.startswith(why)


async def test_work_that_moves_on_between_two_looks_is_not_quiet() -> None:
    async with services([IDLE, IDLE], [IDLE, IDLE | {"events": {"x": 4}}]) as client:
        assert not (await status.quiet(client, DOORS))["quiet"]


def test_answers_are_added_up() -> None:
    broken = {"id": "I2", "ok": False, "checked": 9, "detail": "section 3"}
    merged = status.merged(
        {"gateway": IDLE, "allocation": IDLE | {"lag": {"h|t": 5}, "invariants": [broken]}}
    )
    assert merged["events"] == {"x": 6}
    assert merged["lag"] == {"g|t": 0, "h|t": 5}
    assert merged["invariants"] == [{"service": "allocation", **broken}]
    text = report.as_text({"running": True, "mode": "up", "pid": 1, **merged})
    assert "INVARIANT BROKEN I2 (allocation): section 3" in text


def test_what_is_printed_holds_no_password() -> None:
    facts = {
        "running": True,
        "database_url": "postgresql://postgres:secret@h/d",
        "control": {"token": "secret"},
    }
    assert "secret" not in report.as_json(facts) + report.as_text(facts)


def test_business_time_never_goes_back(tmp_path: Path) -> None:
    clock = tmp_path / "clock.json"
    assert set_clock(clock, "2025-10-06T05:00:00+00:00") == "2025-10-06T05:00:00+00:00"
    set_clock(clock, "2025-10-07T05:00:00+02:00")
    for wrong in ("2025-10-06T05:00:00+00:00", "2025-10-08T05:00:00", "tomorrow"):
        with pytest.raises(ClockError):
            set_clock(clock, wrong)


def door(clock: Path | None, given: str = "t") -> Callable[[], httpx.AsyncClient]:
    async def answer() -> dict[str, Any]:
        return {"quiet": True}

    app = control_app("t", answer, answer, clock, answer)

    def client() -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://c",
            headers={"Authorization": f"Bearer {given}"},
        )

    return client


async def test_the_door_is_closed_without_the_token(tmp_path: Path) -> None:
    async with door(tmp_path / "clock.json", given="wrong")() as client:
        for answer in (
            await client.get("/status"),
            await client.get("/quiet"),
            await client.post("/clock", json={"now": "2025-10-06T05:00:00+00:00"}),
        ):
            assert answer.status_code == 401
    assert not (tmp_path / "clock.json").exists()


async def test_the_clock_is_set_through_the_door(tmp_path: Path) -> None:
    clock = tmp_path / "clock.json"
    async with door(clock)() as client:
        now = {"now": "2025-10-06T05:00:00+00:00"}
        assert (await client.post("/clock", json=now)).json() == now
        assert (await client.post("/clock", json={"now": "2025-10-05T05:00:00+00:00"})).status_code == 409
        assert (await client.post("/clock", json=[])).status_code == 400
        assert (await client.get("/quiet")).json() == {"quiet": True}


@pytest.mark.parametrize("kind", ["real", "demo"])
async def test_the_door_says_whether_this_is_a_demo(tmp_path: Path, kind: str) -> None:
    async with door(tmp_path / "clock.json" if kind == "demo" else None)() as client:
        assert (await client.get("/installation")).json() == {"kind": kind}


async def test_real_time_cannot_be_set() -> None:
    async with door(None)() as client:
        assert (await client.post("/clock", json={"now": "2025-10-06T05:00:00+00:00"})).status_code == 403
