"""Shows people whose entitlement has expired, and what can be done: ask for an extension, close."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import JSONResponse, Response

from services.allocation.acts.expired import ExpiredEntitlements
from services.allocation.acts.overrides import Answer
from services.allocation.console.context import people_store
from services.allocation.console.context.api import MOST, Grounds
from services.allocation.console.context.clocks import priority_of, running_clocks
from services.allocation.console.context.forms import ids_of, mistake_in_reason, mistakes_in, text_of
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.figures.named import NAMED
from services.allocation.figures.today import figures_of
from services.allocation.participants import followups
from services.allocation.placements.results import NotDone
from services.runtime.web.languages import msgid
from services.runtime.web.tables import MOST_LINES, PAGE_SIZE, csv_answer
from services.runtime.web.visit.guard import fresh_sign_in
from services.texts.codes import word

router = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api/v1/expired", tags=["console"])
Asked = Literal["", "yes", "no"]
What = Literal["ask", "close"]
_ASKED: Mapping[str, bool | None] = {"": None, "yes": True, "no": False}


class FollowedUp(Grounds):
    """People by id, and why."""

    participants: Annotated[list[UUID], Field(min_length=1, max_length=MOST)]


@router.get("/expired")
async def expired(visit: CoordinatorVisit, asked: Asked = "") -> Response:
    """List whose entitlement has expired, by reference."""
    return await _page(visit, asked)


async def _page(
    visit: Visit,
    asked: Asked,
    wrong: Mapping[str, str] = MappingProxyType({}),
    reason: str = "",
    ticked: Sequence[UUID] = (),
) -> Response:
    """Show the list; mistakes (field -> msgid) repeat it with what was entered."""
    moment, page = visit.moment(), visit.page_number
    async with visit.open() as conn:
        rows = await followups.lapsed(
            conn, moment.entitlements, _ASKED[asked], PAGE_SIZE + 1, (page - 1) * PAGE_SIZE
        )
        figures = await figures_of(conn, visit.day(moment))
        names = await people_store.publisher_names(conn)
    return visit.page(
        "expired.html",
        422 if wrong else 200,
        rows=rows[:PAGE_SIZE],
        more=len(rows) > PAGE_SIZE,
        page=page,
        query=f"asked={asked}&" if asked else "",
        asked=asked,
        figures=figures,
        named=NAMED,
        clocks=lambda row: running_clocks(row, moment.entitlements),
        priority=lambda row: priority_of(row, moment.rules),
        actor=lambda actor: visit.actor(actor, names),
        errors=defaultdict(str, {field: visit.texts.plain(text) for field, text in wrong.items()}),
        reason=reason,
        ticked=ticked,
    )


@router.get("/expired.csv", dependencies=[fresh_sign_in])
async def expired_csv(visit: CoordinatorVisit, asked: Asked = "") -> Response:
    """The same list as a file."""
    texts, moment = visit.texts, visit.moment()
    async with visit.open() as conn:
        rows = await followups.lapsed(conn, moment.entitlements, _ASKED[asked], MOST_LINES, 0)
    heads = [
        msgid("Reference"),
        msgid("Registering office"),
        msgid("Waiting since"),
        msgid("Priority class"),
        msgid("Expired on"),
        msgid("Extension asked for on"),
        msgid("Reason"),
    ]
    lines = [
        (
            row["reference"],
            row["office_name"] or row["office"],
            texts.date(row["waiting_since"]),
            word(texts, priority_of(row, moment.rules), "priority"),
            texts.date(row["deadline"]),
            texts.date(row["asked_on"]) if row["asked_on"] else None,
            row["asked_reason"],
        )
        for row in rows
    ]
    return csv_answer("expired", [texts.plain(head) for head in heads], lines)


@router.post("/expired")
async def follow_up(visit: CoordinatorVisit, asked: Asked = "") -> Response:
    """Do the same about all ticked people, with one reason."""
    form = await visit.request.form()
    chosen, reason, what = ids_of(form, "participant"), text_of(form, "reason"), text_of(form, "what")
    wrong = mistakes_in(
        people="" if chosen else msgid("Please tick at least one person."),
        expired_reason=mistake_in_reason(reason),
        do="" if what in {"ask", "close"} else msgid("Please choose what is to be done."),
    )
    if wrong:
        return await _page(visit, asked, wrong, reason, chosen)
    done = visit.warn_of(await _each(visit, "close" if what == "close" else "ask", chosen, reason))
    texts = visit.texts
    if done and what == "close":
        text = texts.ngettext(
            "%(num)s person was taken off the list.", "%(num)s people were taken off the list.", done
        )
        visit.web.note(visit.request, "success", text)
    elif done:
        text = texts.ngettext(
            "It is noted for %(num)s person that you asked for an extension.",
            "It is noted for %(num)s people that you asked for an extension.",
            done,
        )
        visit.web.note(visit.request, "success", text)
    return visit.web.back(visit.request, f"/expired?asked={asked}" if asked else "/expired")


async def _each(visit: Visit, what: What, people: Sequence[UUID], reason: str) -> list[Answer]:
    """Act on each by itself: one that fails stops no other."""
    acts = ExpiredEntitlements(visit.context.placements, visit.moment().entitlements)
    act = acts.close if what == "close" else acts.note_request
    return [await visit.act(reason, act, person) for person in people]


@api.get("")
async def expired_api(
    visit: CoordinatorVisit,
    *,
    asked: Asked = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = 200,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """List whose entitlement has expired, the latest expiry first."""
    async with visit.open() as conn:
        rows = await followups.lapsed(conn, visit.moment().entitlements, _ASKED[asked], limit, offset)
    return JSONResponse({"people": [_person(row) for row in rows]})


def _person(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "participant": str(row["participant"]),
        "reference": row["reference"],
        "office": row["office"],
        "waiting_since": row["waiting_since"].isoformat(),
        "expired_on": row["deadline"].isoformat(),
        "asked_on": row["asked_on"].isoformat() if row["asked_on"] else None,
    }


@api.post("/extension-asked")
async def extension_asked(visit: CoordinatorVisit, wanted: FollowedUp) -> Response:
    """Note for several people that their office was asked to extend the entitlement."""
    return _answers(wanted.participants, await _each(visit, "ask", wanted.participants, wanted.reason))


@api.post("/close")
async def close(visit: CoordinatorVisit, wanted: FollowedUp) -> Response:
    """Take several people off the list."""
    return _answers(wanted.participants, await _each(visit, "close", wanted.participants, wanted.reason))


def _answers(people: Sequence[UUID], answers: Sequence[Answer]) -> Response:
    return JSONResponse(
        {
            "results": [
                {
                    "participant": str(person),
                    "ok": not isinstance(answer, NotDone),
                    "code": answer.refusal.code if isinstance(answer, NotDone) else None,
                }
                for person, answer in zip(people, answers, strict=True)
            ]
        }
    )
