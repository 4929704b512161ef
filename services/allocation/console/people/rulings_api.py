"""The JSON twin of what coordinators rule: holds, exclusions, deviations, courses, BAMF, steps by hand."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import asyncpg
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import JSONResponse, Response

from schemas.codes import Level
from services.allocation.acts.overrides import Answer, Ruled
from services.allocation.acts.placements import Result
from services.allocation.console.context import people_store as store
from services.allocation.console.context import rulings as records
from services.allocation.console.context.page import Coordinator, Desk, decide
from services.allocation.console.proposals.api import (
    Batch,
    Decision,
    Grounds,
    OtherCourse,
    Placed,
    Results,
    decision_of,
    one,
)
from services.allocation.console.proposals.authority import send_each, take_out
from services.allocation.console.proposals.decisions import BY_HAND, refused
from services.allocation.placements.rulings import Deviate, Exclude, ExcludeCourse, ExcludeProvider, Verdict
from services.runtime.web.problems import not_found

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


class CourseWish(Grounds):
    """`start`: also below its minimum; `close`: it does not start."""

    decision: Verdict


class Refusal(Grounds):
    """BAMF does not agree; `again`: the same course may be proposed to the person again."""

    again: bool = False


class Step(BaseModel):
    """A step that the policy leaves to people, or an answer that came by telephone or letter."""

    model_config = ConfigDict(extra="forbid")

    step: Literal["start", "complete", "expire", "accept", "decline", "confirm", "refuse"]


class List(BaseModel):
    """Which list for BAMF is taken out: all that is there, or only what was in none yet."""

    model_config = ConfigDict(extra="forbid")

    scope: Literal["new", "all"] = "all"


class Ruling(BaseModel):
    """It is on record under this id; none: something was taken back."""

    ok: bool = True
    ruling: UUID | None = None


def _ruling(answer: Answer) -> Ruling:
    match answer:
        case Ruled(ruling):
            return Ruling(ruling=ruling)
        case refusal:
            raise refused(refusal)


@router.get("/people/{participant}/rulings")
async def rulings(desk: Desk, visitor: Coordinator, participant: UUID) -> Response:
    """List what was ruled about a person, by whom, and what was taken back."""
    async with desk.open(visitor) as conn:
        if await store.person(conn, participant) is None:
            raise not_found()
        rows = await records.rulings_of(conn, participant)
    return JSONResponse({"rulings": [_plain(row) for row in rows]})


def _plain(row: asyncpg.Record) -> dict[str, Any]:
    return {
        name: value if value is None or isinstance(value, int) else str(value)
        for name, value in row.items()
        if name not in {"title", "provider_name"}
    }


@router.post("/people/{participant}/place")
async def place(desk: Desk, visitor: Coordinator, participant: UUID, wish: OtherCourse) -> Placed:
    """Give a person a place without a proposal."""
    now = desk.clock.now()
    async with desk.open(visitor) as conn:
        against = await desk.against(conn, participant, wish.course, wish.section, now)

    async def give(conn: asyncpg.Connection) -> Result:
        return await desk.placements.override(
            conn,
            participant,
            wish.course,
            wish.section,
            visitor.key,
            wish.reason,
            now,
            present=wish.present,
        )

    return Placed(**one(await decide(desk, visitor, give)).model_dump(), against=list(against))


@router.post("/people/{participant}/hold")
async def hold(desk: Desk, visitor: Coordinator, participant: UUID, wish: HoldWish) -> Ruling:
    """Do not steer a person until a day."""

    async def rule(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.hold(
            conn, participant, wish.until, visitor.key, wish.reason, desk.clock.now()
        )

    return _ruling(await decide(desk, visitor, rule))


@router.post("/people/{participant}/hold/end")
async def end_hold(desk: Desk, visitor: Coordinator, participant: UUID) -> Ruling:
    """Steer a person again."""

    async def rule(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.end_hold(conn, participant, visitor.key, desk.clock.now())

    return _ruling(await decide(desk, visitor, rule))


@router.post("/people/{participant}/exclusions")
async def exclude(desk: Desk, visitor: Coordinator, participant: UUID, wish: ExclusionWish) -> Ruling:
    """Never give a person this course, or a course of this provider."""

    async def rule(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.exclude(
            conn, participant, wish.what(), visitor.key, wish.reason, desk.clock.now()
        )

    return _ruling(await decide(desk, visitor, rule))


@router.post("/exclusions/{exclusion}/end")
async def end_exclusion(desk: Desk, visitor: Coordinator, exclusion: UUID) -> Ruling:
    """Let the person come there again."""

    async def rule(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.end_exclusion(conn, exclusion, visitor.key, desk.clock.now())

    return _ruling(await decide(desk, visitor, rule))


@router.post("/people/{participant}/deviation")
async def deviate(desk: Desk, visitor: Coordinator, participant: UUID, wish: DeviationWish) -> Ruling:
    """Let another section or level count than the placement test says."""
    what = Deviate(wish.section, None if wish.level is None else wish.level.value)

    async def rule(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.deviate(
            conn, participant, what, visitor.key, wish.reason, desk.clock.now()
        )

    return _ruling(await decide(desk, visitor, rule))


@router.post("/people/{participant}/deviation/end")
async def end_deviation(desk: Desk, visitor: Coordinator, participant: UUID) -> Ruling:
    """Let the placement test count again."""

    async def rule(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.end_deviation(conn, participant, visitor.key, desk.clock.now())

    return _ruling(await decide(desk, visitor, rule))


@router.post("/courses/{course}/ruling")
async def rule_course(desk: Desk, visitor: Coordinator, course: UUID, wish: CourseWish) -> Ruling:
    """Let a course start below its minimum, or not start."""

    async def rule(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.rule_course(
            conn, course, wish.decision, visitor.key, wish.reason, desk.clock.now()
        )

    return _ruling(await decide(desk, visitor, rule))


@router.post("/courses/{course}/ruling/end")
async def end_course_ruling(desk: Desk, visitor: Coordinator, course: UUID) -> Ruling:
    """Let the minimum decide again."""

    async def rule(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.take_back_course_ruling(conn, course, visitor.key, desk.clock.now())

    return _ruling(await decide(desk, visitor, rule))


@router.post("/placements/{placement}/step")
async def step(desk: Desk, visitor: Coordinator, placement: UUID, wish: Step) -> Decision:
    """Take a step that the policy leaves to people."""

    async def take(conn: asyncpg.Connection) -> Result:
        return await BY_HAND[wish.step](desk.placements, conn, placement, visitor.key, desk.clock.now())

    return one(await decide(desk, visitor, take))


@router.post("/proposals/send")
async def send(desk: Desk, visitor: Coordinator, batch: Batch) -> Results:
    """Mark proposals as sent to BAMF, each decided by itself."""
    outcomes = await send_each(desk, visitor, batch.placements)
    return Results(
        results=[
            decision_of(outcome).model_copy(update={"placement": placement})
            for placement, outcome in zip(batch.placements, outcomes, strict=True)
        ]
    )


@router.post("/proposals/{placement}/authority-refused")
async def refused_there(desk: Desk, visitor: Coordinator, placement: UUID, grounds: Refusal) -> Decision:
    """Note that BAMF does not agree."""

    async def back(conn: asyncpg.Connection) -> Result:
        return await desk.placements.refused_by_authority(
            conn, placement, visitor.key, grounds.reason, desk.clock.now(), again=grounds.again
        )

    return one(await decide(desk, visitor, back))


@router.post("/authority/export")
async def export(desk: Desk, visitor: Coordinator, wish: List) -> Response:
    """Take out the list for BAMF, without names; who took out what is noted."""
    id_ = uuid4()
    rows = await take_out(desk, visitor, id_, "csv", fresh=wish.scope == "new")
    return JSONResponse({"export": str(id_) if rows else None, "proposals": [_line(row) for row in rows]})


@router.get("/authority/exports/{export}")
async def exported(desk: Desk, visitor: Coordinator, export: UUID) -> Response:
    """Return what was in a list, with how each proposal stands now."""
    async with desk.open(visitor) as conn:
        rows = await records.in_list(conn, export)
    if not rows:
        raise not_found()
    return JSONResponse({"proposals": [_line(row) | {"state": row["state"]} for row in rows]})


def _line(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "placement": str(row["placement"]),
        "reference": row["reference"],
        "office": row["office"],
        "course_number": row["course_number"],
        "provider": row["provider"],
        "section": row["entry_section"],
        "starts_on": row["starts_on"].isoformat(),
        "route": row["route"],
        "standing": row["standing"],
    }
