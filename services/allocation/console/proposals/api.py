"""The console's JSON twin: what the pages show and decide, for programs."""

from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.codes import PlacementState
from services.allocation.acts.placements import Done, NotDone
from services.allocation.console.context import course_store as supply
from services.allocation.console.context import people_store as store
from services.allocation.console.context.page import Coordinator, Desk, decide
from services.allocation.console.proposals.decisions import (
    LEAST_REASON,
    MOST_REASON,
    confirm_each,
    placement_row,
    refused,
)
from services.runtime.web.languages import Texts
from services.runtime.web.pages import web_of
from services.texts.reasons import load, sentence

router = APIRouter(prefix="/api/v1", tags=["console"])
MOST = 500


class Decision(BaseModel):
    """One placement and what became of the request."""

    placement: UUID | None
    ok: bool
    state: str | None = None
    version: int | None = None
    code: str | None = None


class Placed(Decision):
    """A place given by hand; `against` names the hard rules that speak against it."""

    against: list[str]


class Results(BaseModel):
    """One decision for each placement asked for, in the same order."""

    results: list[Decision]


class Presence(BaseModel):
    """Whether the person is in the room: then fewer days are left to answer."""

    model_config = ConfigDict(extra="forbid")

    present: bool = False


class Batch(Presence):
    """Proposals to confirm."""

    model_config = ConfigDict(extra="forbid")

    placements: Annotated[list[UUID], Field(min_length=1, max_length=MOST)]


class Grounds(BaseModel):
    """Why something is decided; kept in the audit trail."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: Annotated[str, Field(min_length=LEAST_REASON, max_length=MOST_REASON)]


class TakenBack(Grounds):
    """Why a proposal or a seat is taken back; `again`: the same course may be proposed again."""

    again: bool = False


class OtherCourse(Grounds, Presence):
    """Another course for the person than the proposed one."""

    course: UUID
    section: Annotated[int, Field(ge=1, le=20)]


def decision_of(outcome: Done | NotDone) -> Decision:
    """Tell a program what became of its request."""
    if isinstance(outcome, NotDone):
        return Decision(placement=outcome.placement, ok=False, code=outcome.refusal.code)
    return Decision(placement=outcome.placement, ok=True, state=outcome.state, version=outcome.version)


def one(outcome: Done | NotDone) -> Decision:
    """The same for a single request: what was not done is an error."""
    if isinstance(outcome, NotDone):
        raise refused(outcome)
    return decision_of(outcome)


@router.get("/figures")
async def figures(desk: Desk, visitor: Coordinator) -> Response:
    """Return the numbers of the first page."""
    moment = desk.moment()
    async with desk.open(visitor) as conn:
        row = await store.figures(conn, moment.clocks, moment.today, moment.soon)
        reasons = await store.binding_reasons(conn)
    return JSONResponse(
        dict(row or {})
        | {"as_of": moment.now.isoformat(), "main_reasons": {r["code"]: r["n"] for r in reasons}}
    )


@router.get("/proposals")
async def proposals(
    request: Request,
    desk: Desk,
    visitor: Coordinator,
    *,
    state: PlacementState = PlacementState.PROPOSED,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 200,
    after: UUID | None = None,
) -> Response:
    """List placements of one state by id; `next` is the `after` of the next page."""
    async with desk.open(visitor) as conn:
        rows = await store.placements(conn, [state.value], by_id=True, after=after, limit=limit)
    texts = web_of(request).texts(request)
    return JSONResponse(
        {
            "proposals": [_placement(texts, row) for row in rows],
            "next": str(rows[-1]["placement"]) if len(rows) == limit else None,
        }
    )


def _reasons(texts: Texts, value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a JSON column
    return [{**reason, "text": sentence(texts, reason)} for reason in load(value)]


def _placement(texts: Texts, row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row
    main = load(row["reason"])
    return {
        "placement": str(row["placement"]),
        "version": row["version"],
        "state": row["state"],
        "participant": str(row["participant"]),
        "reference": row["reference"],
        "office": row["office"],
        "course": str(row["course"]),
        "provider": row["provider"],
        "own_course": row["own_course"],
        "section": row["entry_section"],
        "starts_on": row["starts_on"].isoformat(),
        "ends_on": row["ends_on"].isoformat(),
        "reason": {**main, "text": sentence(texts, main)},
        "reasons": _reasons(texts, row["reasons"]),
        "alternatives": [
            {**other, "text": sentence(texts, other["reason"])} for other in load(row["alternatives"])
        ],
        "proposed_at": row["proposed_at"].isoformat(),
        "expires_at": row["expires_at"].isoformat() if row["expires_at"] else None,
    }


@router.post("/proposals/confirm")
async def confirm_batch(desk: Desk, visitor: Coordinator, batch: Batch) -> Results:
    """Confirm several proposals, each decided by itself."""
    outcomes = await confirm_each(desk, visitor, batch.placements, present=batch.present)
    results = [
        decision_of(outcome).model_copy(update={"placement": placement})
        for placement, outcome in zip(batch.placements, outcomes, strict=True)
    ]
    return Results(results=results)


@router.post("/proposals/{placement}/confirm")
async def confirm(
    desk: Desk, visitor: Coordinator, placement: UUID, presence: Presence | None = None
) -> Decision:
    """Confirm one proposal: the seat is held, the office is told."""
    present = presence is not None and presence.present
    return one((await confirm_each(desk, visitor, [placement], present=present))[0])


@router.post("/proposals/{placement}/override")
async def override(desk: Desk, visitor: Coordinator, placement: UUID, wish: OtherCourse) -> Placed:
    """Give the person another course instead."""
    now = desk.clock.now()
    async with desk.open(visitor) as conn:
        person = (await placement_row(conn, placement))["participant"]
        against = await desk.against(conn, person, wish.course, wish.section, now)

    async def other_course(conn: asyncpg.Connection) -> Done | NotDone:
        return await desk.placements.override(
            conn, person, wish.course, wish.section, visitor.key, wish.reason, now, present=wish.present
        )

    decision = one(await decide(desk, visitor, other_course))
    return Placed(**decision.model_dump(), against=list(against))


@router.post("/proposals/{placement}/release")
async def give_back(desk: Desk, visitor: Coordinator, placement: UUID, grounds: TakenBack) -> Decision:
    """Take back a proposal or a held seat."""

    async def back(conn: asyncpg.Connection) -> Done | NotDone:
        return await desk.placements.discard(
            conn, placement, visitor.key, grounds.reason, desk.clock.now(), again=grounds.again
        )

    return one(await decide(desk, visitor, back))


@router.get("/courses")
async def courses(
    desk: Desk,
    visitor: Coordinator,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 200,
    offset: Annotated[int, Query(ge=0)] = 0,
    below: bool = False,
) -> Response:
    """List courses that are held or to come, with seats per section."""
    moment = desk.moment()
    async with desk.open(visitor) as conn:
        rows = await supply.courses(conn, moment.today, moment.soon, below=below, limit=limit, offset=offset)
        sections = await supply.sections(conn, [row["course"] for row in rows])
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
        "minimum": row["minimum"],
        "proposed": row["proposed"],
        "below_minimum": bool(row["below_minimum"]),
        "sections": [
            {
                "number": section["number"],
                "starts_on": section["starts_on"].isoformat(),
                "capacity": section["capacity"],
                "taken": section["taken"],
            }
            for section in sections
            if section["course"] == row["course"]
        ],
    }
