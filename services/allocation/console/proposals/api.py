"""Answers the console's JSON API of proposals and placements; docs/console-api.md lists it."""

from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import asyncpg
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, Response

from schemas.codes import PlacementState
from services.allocation.console.context import people_store, rulings_store
from services.allocation.console.context.api import (
    MOST,
    Batch,
    Decision,
    Grounds,
    OtherCourse,
    Placed,
    Presence,
    Results,
    Withdrawal,
    decision,
    decisions,
)
from services.allocation.console.context.steps import StepName, step_by_hand
from services.allocation.console.context.visit import CoordinatorVisit
from services.allocation.console.proposals.bamf import NEW, take_out_list
from services.runtime.web.languages import Texts
from services.runtime.web.problems import not_found
from services.runtime.web.visit.guard import fresh_sign_in
from services.texts.reasons import load, sentence

router = APIRouter(prefix="/api/v1", tags=["console"])


class StepByHand(BaseModel):
    """A step that the policy leaves to people, or an answer that came by telephone or letter."""

    model_config = ConfigDict(extra="forbid")

    step: StepName


class BamfList(BaseModel):
    """Which list for BAMF is taken out: all that is there, or only what was in none yet."""

    model_config = ConfigDict(extra="forbid")

    scope: Literal["new", "all"] = "all"


@router.get("/proposals")
async def proposals(
    visit: CoordinatorVisit,
    *,
    state: PlacementState = PlacementState.PROPOSED,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 200,
    after: UUID | None = None,
) -> Response:
    """List placements of one state by id; `next` is the `after` of the next page."""
    async with visit.open() as conn:
        rows = await people_store.placements(conn, [state.value], by_id=True, after=after, limit=limit)
    return JSONResponse(
        {
            "proposals": [_placement(visit.texts, row) for row in rows],
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


@router.post("/proposals/approve")
async def approve_batch(visit: CoordinatorVisit, batch: Batch) -> Results:
    """Approve several proposals, each decided by itself."""
    approve_proposal = visit.context.placements.approve_proposal
    results = await visit.act_on_each(None, approve_proposal, batch.placements, present=batch.present)
    return decisions(batch.placements, results)


@router.post("/proposals/{placement}/approve")
async def approve(visit: CoordinatorVisit, placement: UUID, presence: Presence | None = None) -> Decision:
    """Approve one proposal: the seat is held, the office is told."""
    present = presence is not None and presence.present
    approve_proposal = visit.context.placements.approve_proposal
    return decision(await visit.act(None, approve_proposal, placement, present=present))


@router.post("/proposals/{placement}/override")
async def override(visit: CoordinatorVisit, placement: UUID, wanted: OtherCourse) -> Placed:
    """Give the person another course instead."""
    async with visit.open() as conn:
        row = await people_store.placement(conn, placement)
    if row is None:
        raise not_found()
    return await give_place(visit, row["participant"], wanted)


@router.post("/people/{participant}/place")
async def give_place(visit: CoordinatorVisit, participant: UUID, wanted: OtherCourse) -> Placed:
    """Give a person a place without a proposal."""
    context, course, section = visit.context, wanted.course, wanted.section
    async with visit.open() as conn:
        against = await context.rules_against(conn, participant, course, section, context.clock.now())
    result = await visit.act(
        wanted.reason, context.placements.override, participant, course, section, present=wanted.present
    )
    return Placed(**decision(result).model_dump(), against=list(against))


@router.post("/proposals/{placement}/withdraw")
async def withdraw(visit: CoordinatorVisit, placement: UUID, grounds: Withdrawal) -> Decision:
    """Withdraw a proposal."""
    withdraw_proposal = visit.context.placements.withdraw_proposal
    return decision(await visit.act(grounds.reason, withdraw_proposal, placement, again=grounds.again))


@router.post("/placements/{placement}/give-up")
async def give_up(visit: CoordinatorVisit, placement: UUID, grounds: Grounds) -> Decision:
    """Give up a held seat."""
    return decision(await visit.act(grounds.reason, visit.context.placements.give_up, placement))


@router.post("/placements/{placement}/step")
async def step(visit: CoordinatorVisit, placement: UUID, wanted: StepByHand) -> Decision:
    """Take a step that the policy leaves to people."""
    act = step_by_hand(visit.context.placements, wanted.step)
    if act is None:
        raise not_found()
    return decision(await visit.act(None, act, placement))


@router.post("/proposals/send")
async def send(visit: CoordinatorVisit, batch: Batch) -> Results:
    """Mark proposals as sent to BAMF, each decided by itself."""
    results = await visit.act_on_each(None, visit.context.placements.send_to_authority, batch.placements)
    return decisions(batch.placements, results)


@router.post("/proposals/{placement}/authority-refused")
async def refused_by_authority(visit: CoordinatorVisit, placement: UUID, grounds: Withdrawal) -> Decision:
    """Note that BAMF does not agree."""
    act = visit.context.placements.refused_by_authority
    return decision(await visit.act(grounds.reason, act, placement, again=grounds.again))


@router.post("/authority/export", dependencies=[fresh_sign_in])
async def export(visit: CoordinatorVisit, wanted: BamfList) -> Response:
    """Take out the list for BAMF, without names; who took out what is noted."""
    id_ = uuid4()
    rows = await take_out_list(visit, id_, "csv", NEW if wanted.scope == "new" else {})
    return JSONResponse({"export": str(id_) if rows else None, "proposals": [_line(row) for row in rows]})


@router.get("/authority/exports/{export}", dependencies=[fresh_sign_in])
async def exported(visit: CoordinatorVisit, export: UUID) -> Response:
    """Return what was in a list, with how each proposal stands now."""
    async with visit.open() as conn:
        rows = await rulings_store.in_list(conn, export)
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
