"""Lets the founding organisation load the directory of towns into the support side's own database."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from services.accounts.domain import Role
from services.accounts.duties import Duty
from services.accounts.pages.adding import by_of
from services.places.upload.pages import create_towns_router
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor


async def _of_founding(
    request: Request,
    visitor: Annotated[Visitor, Depends(signed_in(Role.ADMINISTRATOR.value, Role.OPERATOR.value))],
) -> Visitor:
    """Let people of the founding organisation in: the directory is one for all who work on this side."""
    await by_of(request, visitor, Duty.ORGANISATIONS)
    return visitor


router = create_towns_router(_of_founding)
