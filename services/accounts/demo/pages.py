"""Signs in as an invented person; mounted on a demo installation only."""

from json import JSONDecodeError

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.accounts.context import accounts_of, no_role
from services.accounts.demo.load import ISSUER
from services.accounts.people import store
from services.runtime.data.db import transaction
from services.runtime.web.pages import own_path, web_of
from services.runtime.web.problems import PageError, wants_json
from services.runtime.web.visit.guard import DEMO_SIGN_IN, anybody

router = APIRouter(include_in_schema=False)


@router.post(DEMO_SIGN_IN, dependencies=[anybody])
async def demo_sign_in(request: Request) -> Response:
    """Sign in as one of the invented persons."""
    accounts, web = accounts_of(request), web_of(request)
    name, then = await _chosen(request)
    async with transaction(accounts.pool) as conn:
        person = await store.known_by(conn, ISSUER, name)
        if person is None or not person["active"]:
            raise PageError(404, "person_unknown", "Nobody of this name belongs to this demonstration.")
        begun = await accounts.begin(request, conn, person, "demo")
        if begun is None:
            raise no_role()
    token, role = begun
    if wants_json(request):
        csrf = accounts.csrf_of(token)
        return accounts.hand_over(request, JSONResponse({"person": name, "role": role, "csrf": csrf}), token)
    return accounts.hand_over(request, web.back(request, own_path(then, web.home(role))), token)


async def _chosen(request: Request) -> tuple[str, str]:
    if "json" in request.headers.get("content-type", ""):
        try:
            body = await request.json()
        except (JSONDecodeError, UnicodeDecodeError):
            body = None
        name = body.get("person") if isinstance(body, dict) else None
        return str(name or "")[:63], ""
    form = await request.form()
    return str(form.get("person") or "")[:63], str(form.get("next") or "")
