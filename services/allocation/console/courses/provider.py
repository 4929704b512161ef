"""Shows a provider its own courses, their fill, and who is expected by reference; no persons."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.responses import Response

from schemas.codes import SEATED
from services.allocation.console.context import course_store, people_store
from services.allocation.console.context.visit import ProviderVisit
from services.allocation.console.lists.choices import TARGET, TIME, TYPE, VENUE, status
from services.allocation.console.lists.listing import Listing, rows_of
from services.allocation.console.stories.course import story_of
from services.runtime.web.languages import msgid
from services.runtime.web.problems import not_found

router = APIRouter(prefix="/provider", include_in_schema=False)

OWN = Listing(
    "/provider",
    (TYPE, TARGET, VENUE, TIME, status("course")),
    {
        "course": msgid("Course"),
        "number": msgid("Course number"),
        "start": msgid("Start"),
        "taken": msgid("Seats taken"),
        "proposed": msgid("Open proposals"),
    },
    msgid("those that start next first"),
)


@router.get("")
async def own_courses(visit: ProviderVisit) -> Response:
    """List the provider's own courses and what of its records was refused or waits."""
    moment, provider = visit.moment(), visit.visitor.publisher or ""
    async with visit.open() as conn:
        asked = await visit.asked(conn, OWN, provider)
        day, wanted = visit.day(moment), {**asked.values, "provider": provider}

        async def fetch(limit: int, offset: int) -> Sequence[asyncpg.Record]:
            return await course_store.courses(conn, day, wanted, asked.sort, limit=limit, offset=offset)

        rows = await rows_of(asked, fetch)
        findings = await course_store.findings(conn)
    own = [finding for finding in findings if finding["slug"] == provider and finding["kind"]]
    return visit.page("provider.html", asked=asked, rows=rows, findings=own, moment=moment)


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
