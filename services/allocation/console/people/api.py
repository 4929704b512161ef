"""Answers the console's JSON API of people: rulings about them, why this course, what would help."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query
from pydantic import Field, model_validator
from starlette.responses import JSONResponse, Response

from schemas.codes import Level
from services.allocation.console.context import explanation_store, people_store, rulings_store
from services.allocation.console.context.api import MOST, Grounds, Ruling, ruling
from services.allocation.console.context.visit import CoordinatorVisit
from services.allocation.console.people.why import why_of
from services.allocation.placements.rulings import Deviate, Exclude, ExcludeCourse, ExcludeProvider
from services.runtime.web.languages import Texts
from services.runtime.web.problems import not_found
from services.texts.reasons import load, need, sentence

router = APIRouter(prefix="/api/v1", tags=["console"])


class HoldWish(Grounds):
    """Do not steer somebody; `until` is the first day on which they are steered again."""

    until: date | None = None


class ExclusionWish(Grounds):
    """Never this course, or never this provider."""

    course: UUID | None = None
    provider: Annotated[str, Field(min_length=1, max_length=64)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "ExclusionWish":
        if (self.course is None) == (self.provider is None):
            raise ValueError("name a course or a provider, not both")
        return self

    def what(self) -> Exclude:
        """Return what is excluded."""
        if self.course is not None:
            return ExcludeCourse(self.course)
        return ExcludeProvider(self.provider or "")


class DeviationWish(Grounds):
    """What counts instead of the placement test."""

    section: Annotated[int, Field(ge=1, le=20)] | None = None
    level: Level | None = None

    @model_validator(mode="after")
    def _something(self) -> "DeviationWish":
        if self.section is None and self.level is None:
            raise ValueError("name a section or a level")
        return self


@router.get("/people/{participant}/rulings")
async def rulings(visit: CoordinatorVisit, participant: UUID) -> Response:
    """List what was ruled about a person, by whom, and what was taken back."""
    async with visit.open() as conn:
        if await people_store.person(conn, participant) is None:
            raise not_found()
        rows = await rulings_store.rulings_of(conn, participant)
    return JSONResponse({"rulings": [_plain(row) for row in rows]})


def _plain(row: asyncpg.Record) -> dict[str, Any]:
    return {
        name: value if value is None or isinstance(value, int) else str(value)
        for name, value in row.items()
        if name not in {"title", "provider_name"}
    }


@router.post("/people/{participant}/hold")
async def hold(visit: CoordinatorVisit, participant: UUID, wanted: HoldWish) -> Ruling:
    """Do not steer a person until a day."""
    act = visit.context.overrides.hold
    return ruling(await visit.act(wanted.reason, act, participant, wanted.until))


@router.post("/people/{participant}/hold/end")
async def end_hold(visit: CoordinatorVisit, participant: UUID) -> Ruling:
    """Steer a person again."""
    return ruling(await visit.act(None, visit.context.overrides.end_hold, participant))


@router.post("/people/{participant}/exclusions")
async def exclude(visit: CoordinatorVisit, participant: UUID, wanted: ExclusionWish) -> Ruling:
    """Never give a person a course, or a course of a provider."""
    act = visit.context.overrides.exclude
    return ruling(await visit.act(wanted.reason, act, participant, wanted.what()))


@router.post("/exclusions/{exclusion}/end")
async def end_exclusion(visit: CoordinatorVisit, exclusion: UUID) -> Ruling:
    """Let a person come there again."""
    return ruling(await visit.act(None, visit.context.overrides.end_exclusion, exclusion))


@router.post("/people/{participant}/deviation")
async def deviate(visit: CoordinatorVisit, participant: UUID, wanted: DeviationWish) -> Ruling:
    """Let another section or level count than the placement test says."""
    what = Deviate(wanted.section, None if wanted.level is None else wanted.level.value)
    return ruling(await visit.act(wanted.reason, visit.context.overrides.deviate, participant, what))


@router.post("/people/{participant}/deviation/end")
async def end_deviation(visit: CoordinatorVisit, participant: UUID) -> Ruling:
    """Let the placement test count again."""
    return ruling(await visit.act(None, visit.context.overrides.end_deviation, participant))


def _said(texts: Texts, reason: Any) -> dict[str, Any]:  # noqa: ANN401 - a JSON object
    return {**load(reason), "text": sentence(texts, reason)}


@router.get("/remedies")
async def remedies(
    visit: CoordinatorVisit,
    *,
    code: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 200,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """Return what would help: summed, and person by person, who has waited longest first."""
    texts = visit.texts
    async with visit.open() as conn:
        as_of = await explanation_store.remedies_as_of(conn)
        sums = await explanation_store.remedy_sums(conn)
        rows = await explanation_store.remedies(
            conn, {"code": code} if code else {}, limit=limit, offset=offset
        )
    people = [
        {
            "participant": str(row["participant"]),
            "reference": row["reference"],
            "waiting_since": row["waiting_since"].isoformat(),
            "waiting_from": "course_end" if row["after_course"] else "registration",
            "code": row["code"],
            "parts": [_said(texts, part) for part in load(row["parts"]) or ()],
            "course": None if row["course"] is None else str(row["course"]),
            "section": row["section"],
            "gives_way": None if row["gives_way"] is None else str(row["gives_way"]),
        }
        for row in rows
    ]
    return JSONResponse(
        {
            "run": None if as_of is None else str(as_of["run"]),
            "as_of": None if as_of is None else as_of["decided_at"].isoformat(),
            "sums": [dict(one) | {"text": need(texts, one["code"])} for one in sums],
            "people": people,
        }
    )


@router.get("/people/{participant}/why")
async def why(visit: CoordinatorVisit, participant: UUID) -> Response:
    """Return for every course why it is the place of a person, or why not."""
    texts, told = visit.texts, await why_of(visit, participant)
    return JSONResponse(
        {
            "participant": str(participant),
            "reference": told.person["reference"],
            "run": None if told.run is None else str(told.run),
            "seen": told.seen,
            "courses": [
                {
                    "course": str(one.course),
                    "section": one.section,
                    "starts_on": one.starts_on.isoformat(),
                    "suitable": one.suitable,
                    "reasons": [
                        _said(texts, {"code": reason.code, "params": dict(reason.params)})
                        for reason in one.reasons
                    ],
                }
                for one in told.courses
            ],
        }
    )
