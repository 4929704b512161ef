"""Serves the comparison as JSON (docs/console-api.md)."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.allocation.console.context.visit import CoordinatorVisit
from services.allocation.console.questions.api import (
    Asked,
    Limit,
    Question,
    latest_questions,
    put_question,
    question_of,
)
from services.simulator.comparison.page import PEOPLE, SEEDS

router = APIRouter(prefix="/api/v1/questions/compare", tags=["console"])


class Compare(Question):
    """The number of invented years, the people of each, and the policy."""

    seeds: Annotated[int, Field(ge=1, le=max(SEEDS))]
    people: Annotated[int, Field(ge=100, le=max(PEOPLE))]
    policy: Literal["own", "default"] = "own"


@router.post("", status_code=202)
async def ask(visit: CoordinatorVisit, body: dict[str, Any]) -> Asked:
    """Have a comparison computed."""
    return await put_question(visit, "compare", Compare, body)


@router.get("")
async def asked_before(visit: CoordinatorVisit, limit: Limit = 10) -> list[Asked]:
    """List the latest comparisons without their figures, the last one first."""
    return await latest_questions(visit, "compare", limit)


@router.get("/{task}")
async def answered(visit: CoordinatorVisit, task: UUID) -> Asked:
    """Return one comparison, with its figures once they are computed."""
    return await question_of(visit, "compare", task)
