"""The provider's page without persons: own courses, their fill, who is expected by reference."""

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.allocation.console.context import course_store as supply
from services.allocation.console.context import people_store as store
from services.allocation.console.context.page import Desk, Provider
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found

router = APIRouter(prefix="/provider", include_in_schema=False)
_EXPECTED = ("reserved", "accepted", "confirmed", "started", "interrupted")


@router.get("")
async def own_courses(request: Request, desk: Desk, visitor: Provider) -> Response:
    """List the provider's own courses and what of its records was refused or waits."""
    moment = desk.moment()
    async with desk.open(visitor) as conn:
        rows = await supply.courses(
            conn, moment.today, moment.soon, provider=visitor.publisher or "", limit=500
        )
        findings = await supply.findings(conn)
    own = [finding for finding in findings if finding["slug"] == visitor.publisher and finding["kind"]]
    return web_of(request).page(request, "provider.html", rows=rows, findings=own, moment=moment)


@router.get("/courses/{course_id}")
async def own_course(request: Request, desk: Desk, visitor: Provider, course_id: UUID) -> Response:
    """Show one of the provider's courses and whom to expect, by reference."""
    async with desk.open(visitor) as conn:
        row = await supply.course(conn, course_id)
        if row is None or row["provider"] != visitor.publisher:
            raise not_found()
        sections = await supply.sections(conn, [course_id])
        people = await store.placements(conn, _EXPECTED, course=course_id, limit=200)
    return web_of(request).page(
        request, "provider-course.html", course=row, sections=sections, people=people, moment=desk.moment()
    )
