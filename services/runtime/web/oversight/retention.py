"""Makes the page of what a service keeps about people: why, how long, and who says so."""

from collections.abc import Sequence

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.runtime.data import retention
from services.runtime.data.retention import SetBy
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.visit.guard import signed_in

SET_BY = {
    SetBy.LAW: msgid("a law"),
    SetBy.MUNICIPALITY: msgid("the Kreis decides"),
    SetBy.OPERATION: msgid("needed to run it"),
}


def retention_router(names: Sequence[str], *roles: str, reading: tuple[str, ...] = ()) -> APIRouter:
    """Make the page `/retention` of these registries (folders below services/) for some roles."""
    router = APIRouter(include_in_schema=False)
    everything = retention.registries()
    found = [(name, everything[name]) for name in names]

    @router.get("/retention", dependencies=[Depends(signed_in(*roles, reading=reading))])
    async def kept(request: Request) -> Response:
        """Show the registries as they are; a test compares them with the tables."""
        texts = web_of(request).texts(request)
        return web_of(request).page(
            request, "retention.html", registries=found, set_by=lambda one: texts.plain(SET_BY[one])
        )

    return router
