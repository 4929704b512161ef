"""Answers the console's JSON API of policies: the policy in force, a check, travel times."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from schemas.days import local_day
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.policy.pages import in_force
from services.allocation.law import mistakes
from services.allocation.law.mistakes import DocumentError
from services.allocation.policy import travel, travel_store
from services.allocation.policy.check import check_own, check_towns
from services.allocation.policy.travel_store import File
from services.places.lookup import as_json
from services.runtime.web.bodies import takes_up_to
from services.runtime.web.problems import not_found

router = APIRouter(prefix="/api/v1", tags=["console"])


class Problem(BaseModel):
    """Something wrong with a document or a file, in the visitor's language."""

    line: int
    column: int | None = None
    path: str = ""
    code: str
    detail: str


class Problems(BaseModel):
    """Nothing was changed, and why."""

    problems: list[Problem]


class Loaded(BaseModel):
    """A table of travel times that holds now."""

    table: str
    rows: int
    filled: int
    skipped: int
    problems: list[Problem]


class PolicyNow(BaseModel):
    """What holds today; `version` is empty for the policy of the installation's file."""

    kreis: str
    version: str
    holds_from: date
    sha256: str
    policy: dict[str, Any]


def _refused(problems: list[Problem]) -> Response:
    return JSONResponse(Problems(problems=problems).model_dump(), status_code=422)


@router.get("/policy")
async def policy_now(visit: CoordinatorVisit) -> PolicyNow:
    """Return the policy that holds today."""
    holds = in_force(visit.context.policies, visit.kreis, visit.moment().today)
    if holds.policy is None:
        raise not_found()
    return PolicyNow(
        kreis=visit.kreis,
        version="" if holds.holding is None else str(holds.holding.version),
        holds_from=holds.policy.valid_from if holds.holding is None else holds.holding.holds_from,
        sha256=holds.policy.version(),
        policy=holds.policy.model_dump(mode="json"),
    )


@router.get("/places")
async def find_towns(visit: CoordinatorVisit, q: str = "") -> list[dict[str, str]]:
    """Find towns of today by name, postcode or key, those of the Kreis first."""
    return as_json(visit.places.search(q, visit.moment().today, kreise=[visit.kreis]))


@router.post("/policy/check", response_model=None)
async def check_policy(visit: CoordinatorVisit) -> Response | dict[str, str]:
    """Check a policy document (YAML, the request's body) by itself and against the rule book of its day."""
    text = (await visit.request.body()).decode("utf-8", errors="replace")
    try:
        policy = check_own(
            text, visit.kreis, visit.context.rulebook, today=local_day(visit.context.clock.now())
        )
        check_towns(text, visit.places.unknown)
    except DocumentError as error:
        return _refused(
            [
                Problem(
                    line=one.line,
                    column=one.column,
                    path=one.path,
                    code=one.code,
                    detail=mistakes.said(visit.texts, one),
                )
                for one in error.mistakes
            ]
        )
    return {"valid_from": policy.valid_from.isoformat(), "sha256": policy.version()}


@router.post("/travel", response_model=None)
@takes_up_to(travel.LARGEST_FILE)
async def load_travel(
    visit: CoordinatorVisit, name: str = "travel.csv", *, skip: bool = False
) -> Response | Loaded:
    """Load the table of travel times (CSV, the request's body); with `skip` without its wrong lines."""
    file = File(name, await visit.request.body())
    async with visit.open() as conn:
        named = await travel_store.towns(conn, visit.kreis)
        known = visit.places.may_name(visit.kreis, named, visit.moment().today)
        table = await asyncio.to_thread(travel.read_travel, file.raw, known)
        problems = _problems(visit, table)
        if not table.minutes or (table.wrong and not skip):
            return _refused(problems)
        loaded = await travel_store.load(
            conn, visit.kreis, file, table, visit.visitor.key, visit.context.clock.now()
        )
    return Loaded(
        table=str(loaded.id),
        rows=loaded.rows,
        filled=len(table.filled()),
        skipped=loaded.skipped,
        problems=problems,
    )


def _problems(visit: Visit, table: travel.Table) -> list[Problem]:
    return [
        Problem(line=one.line, code=one.code, detail=travel.said(visit.texts, one)) for one in table.wrong
    ]
