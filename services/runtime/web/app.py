"""Builds the application of a service's pages: middleware, static files, sign-in, errors."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from jinja2 import TemplateNotFound
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from services.runtime.base.failures import Meaning, is_unstorable, meaning_of, name_of
from services.runtime.web.bodies import StrictJson
from services.runtime.web.headers import HEADERS, SecurityHeaders
from services.runtime.web.languages import msgid
from services.runtime.web.pages import STATIC, Site, Web, web_of
from services.runtime.web.problems import (
    FreshSignInNeededError,
    PageError,
    SignInNeededError,
    of_http,
    of_validation,
    problem,
    status_text,
    wants_json,
)
from services.runtime.web.visit import preferences
from services.runtime.web.visit.guard import own_site_only
from services.runtime.web.visit.recognition import Recognition
from services.runtime.web.visit.sessions import Sessions
from services.runtime.web.visit.visitors import SignIn

_LOG = logging.getLogger(__name__)
_ONCE_MORE = msgid("Please sign in once more before you do this; then repeat it.")


class _Static(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer


def create_app(
    site: Site,
    secret: str,
    sign_in: SignIn,
    *,
    pages: Sequence[APIRouter],
    doors: Sequence[APIRouter] = (),
) -> FastAPI:
    """Build the application.

    `pages` and their JSON twins are guarded by session and CSRF token; `doors` guard themselves by key.
    """
    app = FastAPI(title=f"Kurslotse {site.service}", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.web = Web(site, sign_in)
    app.add_middleware(Recognition, sign_in=sign_in, failed=_page_error)
    app.add_middleware(StrictJson)
    app.add_middleware(Sessions, service=site.service, secret=secret, secure=site.secure)
    app.add_middleware(SecurityHeaders, secure=site.secure)
    app.mount("/static", _Static(directory=STATIC), name="static")
    for router in (*sign_in.routers, preferences.router, *pages):
        app.include_router(router, dependencies=[Depends(own_site_only)])
    for router in (*sign_in.doors, *doors):
        app.include_router(router)
    app.add_exception_handler(PageError, _page_error)
    app.add_exception_handler(SignInNeededError, _sign_in_needed)
    app.add_exception_handler(FreshSignInNeededError, _fresh_sign_in_needed)
    app.add_exception_handler(HTTPException, _page_error)
    app.add_exception_handler(RequestValidationError, _page_error)
    app.add_exception_handler(Exception, _unexpected)
    return app


async def _page_error(request: Request, error: Exception) -> Response:
    match error:
        case PageError():
            wrong = error
        case HTTPException():
            wrong = of_http(error)
        case RequestValidationError():
            wrong = of_validation(error)
        case _ if is_unstorable(error):
            _LOG.warning("input cannot be stored", extra={"error": name_of(error)})
            wrong = PageError(422, "input_invalid", status_text(422))
        case _ if _may_pass(error):
            _LOG.warning("page not answered", extra={"error": name_of(error)})
            wrong = PageError(503, "unavailable", status_text(503))
        case _:
            _LOG.error("page failed", extra={"error": name_of(error)})
            wrong = PageError(500, "internal", status_text(500))
    web = web_of(request)
    if not hasattr(request.state, "session"):  # the error lies in front of the session
        return problem(wrong.status, wrong.code, wrong.message)
    text = web.texts(request).gettext(wrong.message, **wrong.params)
    if wants_json(request):
        return problem(wrong.status, wrong.code, text, HTTPStatus(wrong.status).phrase)
    return web.page(request, "error.html", wrong.status, message=text)


def _may_pass(error: Exception) -> bool:
    """Return whether asking again may help; a missing template is an OSError, too, but a fault of ours."""
    if isinstance(error, TemplateNotFound):
        return False
    return meaning_of(error, connection_dead=True) is Meaning.TRANSIENT


async def _unexpected(request: Request, error: Exception) -> Response:
    """Answer an error outside of all middleware, where nothing else adds the headers."""
    answer = await _page_error(request, error)
    answer.headers.update(HEADERS | {"Cache-Control": "no-store"})
    return answer


async def _sign_in_needed(request: Request, _error: Exception) -> Response:
    web = web_of(request)
    if wants_json(request):
        return problem(401, "sign_in", web.texts(request).gettext(status_text(401)))
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Refresh": "true"})
    if request.method != "GET":
        return web.back(request, "/sign-in", "info", status_text(401))
    return RedirectResponse(_with_return("/sign-in", request), 303)


async def _fresh_sign_in_needed(request: Request, _error: Exception) -> Response:
    web = web_of(request)
    if wants_json(request):
        return problem(401, "fresh_sign_in", web.texts(request).gettext(_ONCE_MORE))
    if request.method != "GET":
        return web.back(request, "/sign-in/again", "info", _ONCE_MORE)
    return RedirectResponse(_with_return("/sign-in/again", request), 303)


def _with_return(address: str, request: Request) -> str:
    """Return an address that leads back here afterwards."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return address if here == "/" else f"{address}?next={quote(here, safe='')}"
