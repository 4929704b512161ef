"""Keeps what a browser prefers: language, colours, whether pages renew themselves."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.runtime.web.pages import own_path, web_of
from services.runtime.web.visit.guard import anybody
from services.runtime.web.visit.sessions import session_of

router = APIRouter(include_in_schema=False)


@router.post("/preferences", dependencies=[anybody])
async def preferences(request: Request) -> Response:
    """Set language, colours and whether pages renew themselves."""
    form = await request.form()
    fields = {name: form.get(name) for name in ("language", "theme", "live")}
    session_of(request).prefer(
        **{name: value if isinstance(value, str) else None for name, value in fields.items()}
    )
    back = form.get("back")
    return web_of(request).back(request, own_path(back if isinstance(back, str) else None))
