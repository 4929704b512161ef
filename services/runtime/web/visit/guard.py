"""Refuses requests from other sites, without sign-in, or with another role; says of every route who may."""

import hmac
from collections.abc import Callable, Iterator
from typing import Any

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from starlette.requests import Request

from services.runtime.web.bodies import allow_marked, form_of
from services.runtime.web.problems import FreshSignInNeededError, PageError, SignInNeededError
from services.runtime.web.visit.recognition import signed_in_of
from services.runtime.web.visit.sessions import session_of
from services.runtime.web.visit.visitors import Visitor

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
DEMO_SIGN_IN = "/demo/sign-in"
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf"
ANYBODY = "anybody"
"""Named where a route has no role: strangers may ask, too."""
SIGNED_IN = "anybody signed in"
_ROLES, _READING = "kurslotse_roles", "kurslotse_reading"


async def own_site_only(request: Request) -> None:
    """Refuse a changing request that does not carry the session's token or comes from another site."""
    if request.method in SAFE:
        return
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise _foreign()
    kind = request.headers.get("content-type", "")
    if request.url.path == DEMO_SIGN_IN and kind.startswith("application/json"):
        return  # a foreign page cannot send JSON without asking first, and we never allow it
    stranger = signed_in_of(request) is None
    if not stranger:
        allow_marked(request)
    sent = request.headers.get(CSRF_HEADER)
    if sent is None and "form" in kind:
        field = (await form_of(request)).get(CSRF_FIELD)
        sent = field if isinstance(field, str) else None
    if stranger and request.url.path.startswith("/api/"):
        raise SignInNeededError
    if sent is None or not hmac.compare_digest(sent.encode(), session_of(request).csrf.encode()):
        raise _foreign()


def _foreign() -> PageError:
    return PageError(
        403,
        "csrf",
        "This form is too old or came from another page. Please open the page again and repeat your entry.",
    )


def signed_in(*roles: str, reading: tuple[str, ...] = ()) -> Callable[[Request], Visitor]:
    """Make a dependency that returns the visitor if they wear one of these roles; no role: any.

    Who wears a role of `reading` looks and changes nothing; their pages show no forms that change something.
    """

    def visitor(request: Request) -> Visitor:
        found = signed_in_of(request)
        if found is None:
            raise SignInNeededError
        role = found.visitor.role
        may = not roles or role in roles or (role in reading and request.method in SAFE)
        if not may:
            raise PageError(
                403,
                "role",
                "This page is not part of your work in Kurslotse. Your own pages are in the menu above.",
            )
        request.state.reads_only = bool(roles) and role not in roles
        return found.visitor

    setattr(visitor, _ROLES, roles or (SIGNED_IN,))
    setattr(visitor, _READING, reading)
    return visitor


def _fresh_only(request: Request) -> None:
    found = signed_in_of(request)
    if found is not None and not found.fresh:
        raise FreshSignInNeededError


def _fresh_beyond_first_page(request: Request) -> None:
    if request.query_params.get("page", "1") not in {"", "0", "1"}:
        _fresh_only(request)


def _anybody() -> None:
    """Refuse nobody; marks a route that needs no sign-in."""


fresh_sign_in = Depends(_fresh_only)
"""Dependency of a route for which one must have signed in within the last minutes."""
fresh_beyond_first_page = Depends(_fresh_beyond_first_page)
"""The same for a list of names: its first page is daily work, to leaf through it is more than that."""
anybody = Depends(_anybody)
"""Dependency of a route that is open to strangers on purpose."""
setattr(_anybody, _ROLES, (ANYBODY,))


def _calls(dependant: Dependant) -> Iterator[Any]:
    for one in dependant.dependencies:
        yield one.call
        yield from _calls(one)


def roles_of(dependant: Dependant, method: str) -> frozenset[str] | None:
    """Return who may ask a route; None if it does not say."""
    said = [call for call in _calls(dependant) if hasattr(call, _ROLES)]
    if not said:
        return None
    roles: set[str] = set()
    for call in said:
        roles |= set(getattr(call, _ROLES))
        roles |= set(getattr(call, _READING, ())) if method in SAFE else set()
    return frozenset(roles)


def needs_fresh_sign_in(dependant: Dependant) -> bool:
    """Return whether a route asks people to sign in again after some minutes."""
    return any(call is _fresh_only for call in _calls(dependant))


def needs_fresh_sign_in_beyond_first_page(dependant: Dependant) -> bool:
    """Return whether a route does so from the second page of its list on."""
    return any(call is _fresh_beyond_first_page for call in _calls(dependant))
