"""Shows the first steps of an organisation; leads administrators there while any is missing."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.accounts.context import own_of
from services.accounts.domain import Role
from services.accounts.pages.menu import FIRST_DAY, ORGANISATION
from services.notifications.pages.context import Context, PageContext
from services.notifications.pages.first_day.steps import steps_for
from services.notifications.pages.first_day.store import facts_of
from services.notifications.pages.roles import AUDITOR, CLERK, COUNSELLOR, PROVIDER, TEAM_LEAD
from services.runtime.web.checklist import Step, missing
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(include_in_schema=False)
ADMINISTRATOR = Role.ADMINISTRATOR.value
Interested = Annotated[
    Visitor,
    Depends(
        signed_in(
            CLERK,
            COUNSELLOR,
            TEAM_LEAD,
            PROVIDER,
            ADMINISTRATOR,
            Role.OPERATOR.value,
            reading=(AUDITOR,),
        )
    ),
]


async def steps_of(request: Request, context: PageContext, visitor: Visitor) -> Sequence[Step]:
    """Read the steps of the visitor's organisation; nobody reads those of another one."""
    own = own_of(request)
    if own is None:
        raise not_found()
    async with context.open(visitor) as conn:
        facts = await facts_of(conn, own.organisation, context.today())
    if facts is None:
        raise not_found()
    return steps_for(facts)


async def still_missing(request: Request, context: PageContext, visitor: Visitor) -> Sequence[Step]:
    """Return the steps for the box on a first page; none in a demo, whose players set it up."""
    return () if web_of(request).site.demo else missing(await steps_of(request, context, visitor))


@router.get("/")
async def home(
    request: Request, context: Context, visitor: Annotated[Visitor, Depends(signed_in())]
) -> Response:
    """Send everybody to their own first page; administrators to the first steps while any is missing."""
    address = web_of(request).home(visitor.role)
    if visitor.role == ADMINISTRATOR:
        address = FIRST_DAY if await still_missing(request, context, visitor) else ORGANISATION
    return RedirectResponse(address, 303)


@router.get(FIRST_DAY)
async def first_day(request: Request, context: Context, visitor: Interested) -> Response:
    """Show every step."""
    steps = await steps_of(request, context, visitor)
    return web_of(request).page(request, "first-day.html", steps=steps)
