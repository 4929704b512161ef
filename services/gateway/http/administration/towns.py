"""Serves PUT /v1/administration/places: the steering side's page passes on a directory of towns."""

from datetime import date

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.days import local_day
from services.gateway.http.administration.publishers import admitted
from services.gateway.http.context import flag, read_body
from services.places.domain import PlacesError
from services.places.lines import LARGEST_FILE
from services.places.loading import load
from services.places.upload.reader import DirectoryReader, UnreadableError
from services.runtime.data.db import transaction

router = APIRouter(prefix="/v1/administration/places", include_in_schema=False)
_READER = DirectoryReader()


@router.put("")
async def put_places(request: Request) -> Response:
    """Load a directory as `kurslotse places load` does; the same again changes nothing."""
    context = await admitted(request)
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
