"""Answers the console's JSON API of courses."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from services.allocation.console.context import course_store
from services.allocation.console.context.api import MOST, Grounds, Ruling, ruling
from services.allocation.console.context.visit import CoordinatorVisit
from services.allocation.placements.rulings import Verdict

router = APIRouter(prefix="/api/v1", tags=["console"])


class CourseRuling(Grounds):
    """`start`: also below its minimum; `close`: it does not start."""

    decision: Verdict


@router.get("/courses")
async def courses(
    visit: CoordinatorVisit,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 200,
    offset: Annotated[int, Query(ge=0)] = 0,
    below: bool = False,
) -> Response:
    """List courses that are held or to come, with seats per section."""
    moment = visit.moment()
    async with visit.open() as conn:
        rows = await course_store.courses(
            conn, visit.day(moment), {"below": "1"} if below else {}, limit=limit, offset=offset
        )
        sections = await course_store.sections(conn, [row["course"] for row in rows])
    return JSONResponse({"courses": [_course(row, sections) for row in rows]})


def _course(row: Any, sections: Any) -> dict[str, Any]:  # noqa: ANN401 - rows
    return {
        "course": str(row["course"]),
        "provider": row["provider"],
        "own_course": row["own_course"],
        "title": row["title"],
        "course_type": row["course_type"],
        "starts_on": row["starts_on"].isoformat(),
        "ends_on": row["ends_on"].isoformat(),
        "minimum": row["least"],
        "section": row["section"],
        "seats": row["section_capacity"],
        "seats_taken": row["section_taken"],
        "fullest_section": row["fullest"],
        "seats_free": row["free"],
        "proposed": row["proposed"],
        "below_minimum": bool(row["below_minimum"]),
        "sections": [
            {
                "number": section["number"],
                "starts_on": section["starts_on"].isoformat(),
                "capacity": section["capacity"],
                "taken": section["taken"],
                "free": section["free"],
            }
            for section in sections
            if section["course"] == row["course"]
        ],
    }


@router.post("/courses/{course}/ruling")
async def rule_course(visit: CoordinatorVisit, course: UUID, wanted: CourseRuling) -> Ruling:
    """Let a course start below its minimum, or not start."""
    act = visit.context.overrides.rule_course
    return ruling(await visit.act(wanted.reason, act, course, wanted.decision))


@router.post("/courses/{course}/ruling/end")
async def end_course_ruling(visit: CoordinatorVisit, course: UUID) -> Ruling:
    """Let the minimum decide again."""
    return ruling(await visit.act(None, visit.context.overrides.end_course_ruling, course))
