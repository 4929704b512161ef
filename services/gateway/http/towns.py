"""Serves PUT /v1/administration/places: the steering side's page passes on a directory of towns."""

from datetime import date

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.days import local_day
from schemas.envelope import Problem
from services.gateway.http.context import GatewayContext, context_of, flag, read_body
from services.gateway.http.errors import RequestRejectedError
from services.gateway.publishers import store
from services.gateway.publishers.domain import same_key
from services.places.domain import PlacesError
from services.places.lines import LARGEST_FILE
from services.places.loading import load
from services.places.upload.reader import DirectoryReader, UnreadableError
from services.runtime.data.db import acquire, transaction

router = APIRouter(prefix="/v1/administration/places", include_in_schema=False)
ALLOCATION = "allocation"
_READER = DirectoryReader()


async def _admitted(request: Request) -> GatewayContext:
    """Return the context if the steering side's service asks.

    Raises:
        RequestRejectedError: it is somebody else.
    """
    context = context_of(request)
    await context.keys.check(request)
    key = request.headers.get("authorization", "").partition(" ")[2].strip()
    async with acquire(context.worker) as conn:
        own = [one for one in await store.service_keys(conn) if one.service == ALLOCATION]
    if not any(same_key(key, one.hash) for one in own):
        raise RequestRejectedError(403, Problem("scope_missing"))
    return context


@router.put("")
async def put_places(request: Request) -> Response:
    """Load a directory as `kurslotse places load` does; the same again changes nothing."""
    context = await _admitted(request)
    name = request.query_params.get("name", "")[:200] or "directory"
    raw = await read_body(request, LARGEST_FILE)
    as_of = request.query_params.get("as_of")
    try:
        file = await _READER.read(
            name,
            raw,
            today=local_day(context.clock.now()),
            as_of=date.fromisoformat(as_of) if as_of else None,
        )
        async with transaction(context.worker) as conn:
            loaded = await load(conn, file, many_may_end=flag(request, "many_end"))
    except (PlacesError, UnreadableError, ValueError) as error:
        said = {"code": "places_refused", "message": str(error)}
        return JSONResponse({"code": "places_refused", "problems": [said]}, 422)
    return JSONResponse({"towns": loaded.edition.towns, "new": loaded.new, "ended": loaded.ended})
