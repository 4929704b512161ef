"""Shows what came of it: waits, the chain of placements, exits, counts of the support side."""

from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context import course_store
from services.allocation.console.context.visit import CoordinatorVisit

router = APIRouter(include_in_schema=False)


@router.get("/outcomes")
async def outcomes(visit: CoordinatorVisit) -> Response:
    """Show what came of it, with n and the start that is meant."""
    async with visit.open() as conn:
        return visit.page(
            "outcomes.html",
            moment=visit.moment(),
            waits=await course_store.waits(conn),
            chain=await course_store.chain(conn),
            exits=await course_store.exits(conn),
            counts=await course_store.counts(conn),
        )
