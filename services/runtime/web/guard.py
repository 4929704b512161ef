"""Refuses requests from other sites, without sign-in, or with another role."""

import hmac
from collections.abc import Callable

from starlette.requests import Request

from services.runtime.web.bodies import allow_marked, form_of
from services.runtime.web.problems import PageError, SignInNeededError
from services.runtime.web.sessions import session_of
from services.runtime.web.visitors import Visitor

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
DEMO_SIGN_IN = "/demo/sign-in"
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf"


async def own_site_only(request: Request) -> None:
    """Refuse a changing request that does not carry the session's token or comes from another site."""
    if request.method in _SAFE:
        return
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise _foreign()
    kind = request.headers.get("content-type", "")
    if request.url.path == DEMO_SIGN_IN and kind.startswith("application/json"):
        return  # a foreign page cannot send JSON without asking first, and we never allow it
    if request.app.state.web.visitor(request) is not None:
        allow_marked(request)
    sent = request.headers.get(CSRF_HEADER)
    if sent is None and "form" in kind:
        field = (await form_of(request)).get(CSRF_FIELD)
        sent = field if isinstance(field, str) else None
    session = session_of(request)
    if session.fresh and session.person is None and request.url.path.startswith("/api/"):
        raise SignInNeededError
    if sent is None or not hmac.compare_digest(sent.encode(), session.csrf.encode()):
        raise _foreign()


def _foreign() -> PageError:
    return PageError(
        403,
        "csrf",
        "This form is too old or came from another page. Please open the page again and repeat your entry.",
    )


def signed_in(*roles: str) -> Callable[[Request], Visitor]:
    """Make a dependency that returns the visitor if they have one of these roles."""

    def visitor(request: Request) -> Visitor:
        found: Visitor | None = request.app.state.web.visitor(request)
        if found is None:
            raise SignInNeededError
        if found.role not in roles:
            raise PageError(
                403,
                "role",
                "This page is not part of your work in Kurslotse. Your own pages are in the menu above.",
            )
        return found

    return visitor
