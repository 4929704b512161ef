"""Shows a provider its own courses, their fill, and who is expected by reference; no persons."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from schemas.codes import SEATED
from services.allocation.console.context import course_store, people_store
from services.allocation.console.context.visit import ProviderVisit
from services.allocation.console.stories.course import story_of
from services.runtime.web.problems import not_found

router = APIRouter(prefix="/provider", include_in_schema=False)


@router.get("")
async def own_courses(visit: ProviderVisit) -> Response:
    """List the provider's own courses and what of its records was refused or waits."""
    moment = visit.moment()
    async with visit.open() as conn:
        rows = await course_store.courses(
            conn, visit.day(moment), provider=visit.visitor.publisher or "", limit=500
        )
        findings = await course_store.findings(conn)
    own = [finding for finding in findings if finding["slug"] == visit.visitor.publisher and finding["kind"]]
    return visit.page("provider.html", rows=rows, findings=own, moment=moment)


@router.get("/courses/{course_id}")
async def own_course(visit: ProviderVisit, course_id: UUID) -> Response:
    """Show one of the provider's courses and whom to expect, by reference."""
    moment = visit.moment()
    async with visit.open() as conn:
        row = await course_store.course(conn, course_id, visit.day(moment))
        if row is None or row["provider"] != visit.visitor.publisher:
            raise not_found()
        sections = await course_store.sections(conn, [course_id])
        people = await people_store.placements(conn, list(SEATED), course=course_id, limit=200)
    story = story_of(visit.texts, row, sections, moment.today, people=people)
    return visit.page(
        "provider-course.html", course=row, sections=sections, people=people, moment=moment, story=story
    )
