"""Shows the first steps of a Kreis or provider; leads administrators there while any is missing."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.accounts.domain import Role
from services.accounts.pages.menu import FIRST_DAY, ORGANISATION
from services.allocation.console.context.menu import AUDITOR, COORDINATORS, PROVIDER
from services.allocation.console.context.visit import ConsoleContext, Context
from services.allocation.console.today.first_day_steps import kreis_steps, provider_steps
from services.allocation.console.today.first_day_store import kreis_facts, provider_facts
from services.runtime.data.db import web_transaction
from services.runtime.web.checklist import Step, missing
from services.runtime.web.pages import web_of
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(include_in_schema=False)
ADMINISTRATOR = Role.ADMINISTRATOR.value
Interested = Annotated[
    Visitor,
    Depends(
        signed_in(*COORDINATORS, PROVIDER, ADMINISTRATOR, Role.OPERATOR.value, reading=(AUDITOR,)),
    ),
]


async def steps_of(context: ConsoleContext, visitor: Visitor) -> Sequence[Step]:
    """Read the steps of the visitor's organisation; nobody reads those of another one."""
    async with web_transaction(context.pool, kreise=visitor.kreise, person=visitor.key) as conn:
        if visitor.organisation is None:
            return kreis_steps(await kreis_facts(conn, visitor.kreise, context.moment().today))
        return provider_steps(await provider_facts(conn, visitor.kreise, visitor.publisher))


async def first_page(request: Request, context: ConsoleContext, visitor: Visitor) -> str:
    """Return the address at which an administrator begins; a demo's Kreis is set up by its players."""
    if web_of(request).site.demo or not missing(await steps_of(context, visitor)):
        return ORGANISATION
    return FIRST_DAY


async def still_missing(request: Request, context: ConsoleContext, visitor: Visitor) -> Sequence[Step]:
    """Return the steps for the box on a first page; none in a demo."""
    return () if web_of(request).site.demo else missing(await steps_of(context, visitor))


@router.get(FIRST_DAY)
async def first_day(request: Request, context: Context, visitor: Interested) -> Response:
    """Show every step."""
    return web_of(request).page(request, "first-day.html", steps=await steps_of(context, visitor))
