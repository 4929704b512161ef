"""Serves GET /v1/findings and /v1/addressed: findings about a publisher's records, and events for it."""

from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.gateway.findings import store
from services.gateway.http import openapi
from services.gateway.http.context import admit, context_of, language
from services.runtime.data.db import web_transaction

router = APIRouter()

After = Annotated[int, Query(ge=0, description="the last number already read")]
Limit = Annotated[int, Query(ge=1, le=1000)]


@router.get("/v1/findings", openapi_extra=openapi.SECURED, responses=openapi.ANSWERS)
async def get_findings(request: Request, after: After = 0, limit: Limit = 200) -> Response:
    """List findings in the order they were kept, each with what is wrong and what to do."""
    context = context_of(request)
    caller = await admit(request, "feeds")
    slug, families = caller.publisher.slug, sorted(caller.families)
    # The web role: row level security shows this organisation's rows only.
    async with web_transaction(context.web, organisation=caller.publisher.organisation) as conn:
        rows = await store.findings_after(conn, slug, families, after, limit)
        judged = await store.judged_until(conn, slug, families)
    spoken = language(request)

    def written(row: asyncpg.Record) -> dict[str, Any]:
        told = context.adviser.tell(row["code"], row["field"], row["params"], spoken)
        return {
            "number": row["number"],
            "kind": row["kind"],
            "code": row["code"],
            "field": row["field"],
            "params": row["params"],
            "message": told.wrong,
            "what_to_do": told.todo,
            "topic": row["topic"],
            "partition": row["partition"],
            "offset": row["offset"],
            "event_id": row["event_id"],
            "event_type": row["event_type"],
            "raised_at": row["raised_at"].isoformat(),
        }

    return JSONResponse(
        {
            "findings": [written(row) for row in rows],
            "next": rows[-1]["number"] if rows else after,
            "judged": [
                {
                    "topic": row["topic"],
                    "partition": row["partition"],
                    "offset": row["offset"],
                    "raised_at": row["raised_at"].isoformat(),
                }
                for row in judged
            ],
        },
        headers={"Content-Language": spoken},
    )


@router.get("/v1/addressed", openapi_extra=openapi.SECURED, responses=openapi.ANSWERS)
async def get_addressed(request: Request, after: After = 0, limit: Limit = 200) -> Response:
    """List the events addressed to the caller, the same as on its topic `out`."""
    context = context_of(request)
    caller = await admit(request, "feeds")
    async with web_transaction(context.web, organisation=caller.publisher.organisation) as conn:
        rows = await store.addressed_after(conn, caller.publisher.slug, after, limit)
    return JSONResponse(
        {
            "events": [{"number": row["number"], "event": row["event"]} for row in rows],
            "next": rows[-1]["number"] if rows else after,
        }
    )
