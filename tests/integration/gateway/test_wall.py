"""Planted names: through every door of the gateway, none is left in its database, topics, log or metrics."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.runtime.data.db import connect
from tests.fixtures.gateway.process import Gateway, free_port
from tests.fixtures.gateway.world import course, person, structured
from tests.serving import TOLD
from tests.waiting import wait_until

FIXTURES = Path(__file__).parents[2] / "fixtures" / "gateway"
CANARIES = ("Kanarienvogel", "Tweety", "1991-07-03", "0170 / 123", "0170123", "Katzen", "4711-0815-42")
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


@asynccontextmanager
async def support_side(kept: dict[str, Any]) -> AsyncIterator[str]:
    """Somebody who keeps names, over HTTP."""

    async def put(request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer people key"
        kept[request.path_params["participant"]] = orjson.loads(await request.body())
        return Response(status_code=204)

    app = Starlette(routes=[Route("/people/{participant}", put, methods=["PUT"])])
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    with contextlib.ExitStack() as stack:
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        serving = asyncio.create_task(server.serve())
        stack.callback(lambda: setattr(server, "should_exit", True))
        await wait_until(lambda: server.started, 10)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        await serving


async def database_text(gateway: Gateway) -> str:
    conn = await connect(gateway.database.admin, name="scan")
    tables = await conn.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
        " WHERE schemaname IN ('public', 'runtime')"
    )
    rows = [
        row["row"]
        for table in tables
        for row in await conn.fetch(f"SELECT row_to_json(t)::text AS row FROM {table['name']} AS t")
    ]
    payloads = await conn.fetch("SELECT payload FROM runtime.outbox")
    await conn.close()
    return "\n".join([*rows, *(row["payload"].decode() for row in payloads)])


async def knock_everywhere(gateway: Gateway) -> None:
    """Plant names at each door, where they belong and where they do not."""
    async with gateway.client("amt") as office:
        facts = {name: value for name, value in person().items() if name != "reference"}
        contact = {"family_name": "Kanarienvogel", "given_name": "Tweety", "birth_date": "1991-07-03"}
        number = {"scheme": "bamf", "number": "4711-0815-42"}
        good = {"id": "r-1", "event": facts, "contact": contact, "official_number": number}
        assert (await office.post("/v1/registrations", json=good)).status_code == 202
        wrong = [
            good | {"id": "r-2", "Kanarienvogel": "Kanarienvogel"},
            good | {"id": "r-3", "event": facts | {"town": "Kanarienvogel"}},
            good | {"id": "r-4", "event": facts | {"reference": "Kanarienvogel"}, "official_number": None},
            good | {"id": "r-5", "contact": "Kanarienvogel"},
        ]
        for body in wrong:
            assert (await office.post("/v1/registrations", json=body)).status_code == 422
        note = {"standing": "entitled", "route": "aufenthg_44_1", "note": {"Kanarienvogel": ["Tweety"]}}
        extra = structured("participant-registered", "p-1", person(name="Kanarienvogel", entitlement=note))
        extra |= {"correlationid": "Kanarienvogel", "comment": "Kanarienvogel", "audience": "kanarienvogel"}
        assert (await office.post("/v1/events", json=extra, headers=STRUCTURED)).status_code == 202
        mapping = yaml.safe_load((FIXTURES / "people_mapping.yaml").read_text())
        saved = await office.put("/v1/imports/participants/settings", json=mapping)
        assert saved.status_code == 200
        raw = (FIXTURES / "people_cp1252.csv").read_bytes()
        assert (await office.post("/v1/imports/participants", content=raw)).json()["taken"] == 3
    async with gateway.client("schule") as school:
        for body in (b'{"Kanarienvogel": ', b"Kanarienvogel"):
            answer = await school.post("/v1/events", content=body, headers=STRUCTURED)
            assert answer.status_code == 400
        raw = (FIXTURES / "catalogue_full.xml").read_bytes()
        assert (await school.post("/v1/imports/open-qcat", content=raw)).json()["taken"] == 4
        headers = STRUCTURED | {"X-Request-Id": "Kanarienvogel", "User-Agent": "Kanarienvogel"}
        event = structured("course-announced", "e-1", course())
        assert (
            await school.post("/v1/events?Kanarienvogel=1", json=event, headers=headers)
        ).status_code == 202


async def test_the_gateway_stores_and_logs_no_name(gateway: Gateway) -> None:
    kept: dict[str, Any] = {}
    async with support_side(kept) as url:
        gateway.people_url = url
        await gateway.start()
        await knock_everywhere(gateway)

        async def sent() -> bool:
            status = await gateway.status()
            return bool(status["outbox"] == 0)

        await wait_until(sent, 30)
        async with httpx.AsyncClient(trust_env=False) as client:
            metrics = (await client.get(f"http://127.0.0.1:{gateway.ops}/metrics", headers=TOLD)).text
    assert {body["contact"]["family_name"] for body in kept.values()} >= {"Kanarienvogel", "Silvester"}
    held = "\n".join([await database_text(gateway), await gateway.everything(), metrics])
    for found in ("r-1", "p-1", "A-001", "IK-01", "kurslotse_gateway_events"):
        assert found in held, f"the scan does not see {found}: it proves nothing"
    leaks = [canary for canary in CANARIES if canary.lower() in held.lower()]
    assert leaks == []
