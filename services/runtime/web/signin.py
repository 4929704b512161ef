"""Signs in as an invented person in the demo; elsewhere says what has to be set up."""

from json import JSONDecodeError
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.runtime.web.pages import own_path, web_of
from services.runtime.web.problems import PageError, wants_json
from services.runtime.web.sessions import session_of

router = APIRouter(include_in_schema=False)


def address_with_return(request: Request) -> str:
    """Return the address of the sign-in page that leads back here afterwards."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/sign-in" if here == "/" else f"/sign-in?next={quote(here, safe='')}"


@router.get("/sign-in")
async def sign_in_page(request: Request, next: str = "") -> Response:  # noqa: A002 - the address's word
    """Show the invented persons, or say that no sign-in has been set up."""
    web = web_of(request)
    if not web.site.demo:
        return web.page(request, "sign-in-missing.html", 503)
    return web.page(request, "sign-in.html", next=own_path(next, ""))


@router.post("/demo/sign-in")
async def demo_sign_in(request: Request) -> Response:
    """Sign in as one of the invented persons."""
    web = web_of(request)
    if not web.site.demo:
        raise PageError(404, "not_found", "There is no demonstration here.")
    name, then = await _chosen(request)
    person = web.site.persons.get(name)
    if person is None:
        raise PageError(404, "person_unknown", "Nobody of this name belongs to this demonstration.")
    session = session_of(request)
    session.sign_in(name)
    if wants_json(request):
        return JSONResponse({"person": name, "role": person.visitor.role, "csrf": session.csrf})
    return web.back(request, own_path(then, person.home))


async def _chosen(request: Request) -> tuple[str, str]:
    if "json" in request.headers.get("content-type", ""):
        try:
            body = await request.json()
        except (JSONDecodeError, UnicodeDecodeError):
            body = None
        name = body.get("person") if isinstance(body, dict) else None
        return str(name or ""), ""
    form = await request.form()
    return str(form.get("person") or ""), str(form.get("next") or "")


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Sign out."""
    session_of(request).sign_out()
    return web_of(request).back(request, "/sign-in", "success", "You have signed out.")


@router.post("/preferences")
async def preferences(request: Request) -> Response:
    """Set language, colours and whether pages renew themselves."""
    form = await request.form()
    fields = {name: form.get(name) for name in ("language", "theme", "live")}
    session_of(request).prefer(
        **{name: value if isinstance(value, str) else None for name, value in fields.items()}
    )
    back = form.get("back")
    return web_of(request).back(request, own_path(back if isinstance(back, str) else None))
