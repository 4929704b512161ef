"""Shows every course for one person: why this one, and why not that one, told from the stored run."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.responses import Response

from schemas.days import local_day
from services.allocation.console.context import explanation_store, people_store, run_store
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.stories.why import grouped, is_place
from services.allocation.steering.explain import store as explained
from services.allocation.steering.explain.reasons import View
from services.allocation.steering.explain.why import CourseReason, alone, why
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.eligibility import eligibility_of
from services.runtime.web.problems import not_found

router = APIRouter(include_in_schema=False)
Show = Literal["", "suitable", "blocked"]

Told = tuple[tuple[CourseReason, ...], tuple[tuple[str, int], ...], bool]
"""All courses, how many of them each rule alone takes away, and whether an earlier version decided."""


def _told(raw: bytes, result: bytes, participant: UUID) -> Told:
    """Tell every course again from what is stored; a second or less, and not on the loop."""
    seen = snapshot.decode(raw)
    answer = matching.decode(result)
    view = View(seen, eligibility_of(seen), answer)
    return why(view, participant), alone(view, participant), answer.engine != matching.ENGINE


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything that is said about one person; `seen`: the run knew the person."""

    person: asyncpg.Record
    remedy: Mapping[str, Any] | None
    run: UUID | None
    seen: bool
    courses: tuple[CourseReason, ...]
    taken: tuple[tuple[str, int], ...]
    place: asyncpg.Record | None = None
    """The placement that was decided, with the time of its run; None: the person waits."""
    kept_until: date | None = None
    """The run that decided the place is gone; until this day the policy let it be kept."""
    older: bool = False
    """An earlier version of Kurslotse decided, whose rules may have meant something else."""


async def why_of(visit: Visit, participant: UUID) -> Explained:
    """Read and tell every course for a person of the visitor's Kreise."""
    async with visit.open() as conn:
        person = await people_store.person(conn, participant)
        if person is None:
            raise not_found()
        remedy = await explanation_store.remedy_of(conn, participant)
        place = await people_store.place_of(conn, participant)
        if place is None:
            run = await explanation_store.run_of_person(conn, participant)
        else:
            run = place["run"] if place["run_at"] else None
        raws = None
        if run is not None:
            names = await explained.contents_of(conn, run)
            raws = await run_store.stored(conn, names.snapshot), await run_store.stored(conn, names.result)
    try:
        nothing: Told = ((), (), False)
        told, taken, older = nothing if raws is None else await asyncio.to_thread(_told, *raws, participant)
    except LookupError:  # registered, moved or placed since
        return Explained(person, remedy, run, seen=False, courses=(), taken=(), place=place)
    gone = place is not None and place["run"] is not None and run is None
    until = _kept_until(visit, place) if place is not None and gone else None
    return Explained(person, remedy, run, raws is not None, told, taken, place, until, older)


def _kept_until(visit: Visit, place: asyncpg.Record) -> date | None:
    """Return the last day on which the run of a place was kept, by the policy of today; None: none holds."""
    try:
        days = visit.context.policies.at(place["kreis"], visit.context.clock.now()).explained_days
    except LookupError:
        return None
    return local_day(place["proposed_at"]) + timedelta(days=days)


@router.get("/people/{participant}/why")
async def person_why(visit: CoordinatorVisit, participant: UUID, show: Show = "") -> Response:
    """List all courses for one person: why this one, and why not that one."""
    told = await why_of(visit, participant)
    shown = [one for one in told.courses if not show or one.suitable == (show == "suitable")]
    named = [one.course for one in told.courses if is_place(one)] + [one.course for one in shown]
    async with visit.open() as conn:
        names_of = await explanation_store.course_names(conn, named)
    return visit.page(
        "why.html",
        person=told.person,
        run=told.run,
        seen=told.seen,
        older=told.older,
        chosen=next((one for one in told.courses if is_place(one)), None),
        groups=grouped(shown),
        names=names_of,
        counts={"suitable": sum(one.suitable for one in told.courses), "all": len(told.courses)},
        show=show,
        remedy=None if told.place else told.remedy,
        place=told.place,
        kept_until=told.kept_until,
    )
