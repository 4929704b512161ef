"""Lets an office load the directory of towns into the support side's own database."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from services.accounts.context import accounts_of, own_of
from services.accounts.domain import Kind, Role
from services.accounts.people import store
from services.places.upload.pages import create_towns_router
from services.runtime.data.db import acquire
from services.runtime.web.problems import not_found
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor


async def _of_office(
    request: Request,
    visitor: Annotated[Visitor, Depends(signed_in(Role.ADMINISTRATOR.value, Role.OPERATOR.value))],
) -> Visitor:
    """Let people of registering and counselling offices in; a provider loads nothing for them."""
    own = own_of(request)
    if own is None:
        raise not_found()
    async with acquire(accounts_of(request).pool) as conn:
        found = await store.organisation(conn, own.organisation)
    if found is None or found["kind"] == Kind.PROVIDER.value:
        raise not_found()
    return visitor


router = create_towns_router(_of_office)
